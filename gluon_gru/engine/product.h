/* Products of matrices, in tiles that stay in registers. */
#define NR (NV * W)  /* a tile's width */
#define ROWS 144     /* rows of a block in `product` */
#define DEPTH 256    /* its depth: a panel of it stays in the first-level cache */
#define PANELS 8     /* and how many panels it has */
#define KC (4096 / NR) /* depth of a block in `outer`: 16 kB of a panel */
#define MC 96        /* its rows */
#define NC 1024      /* and its columns */
#define OUTER_SCRATCH(columns) (KC * (MC + (columns) + NR))

static long least(long a, long b) { return a < b ? a : b; }

/* The size of equal parts of a whole, of `most` at most (or a unit, if that is more), in units. */
static long part_of(long whole, long most, long unit)
{
    long parts = (whole + most - 1) / most, size = parts ? (whole + parts - 1) / parts : whole;
    return (size + unit - 1) / unit * unit;
}

/* c[0:rows, 0:NR] (+)= a . b, a tile that stays in registers. Element (i, k) of a is at
   a[i * row + k * step]; b is a panel, depth rows of NR. Meanwhile 16 floats for each k are fetched
   from `next`, into the first-level cache if that is near, otherwise into the second. */
INLINE void tile_of(const int rows, long depth, const float *a, long row, long step,
                    const float *b, float *c, long ldc, int add, const float *next, const int near)
{
    vec acc[MR][NV] = {{{0}}};
    /* By the end it has come from memory. */
    for (int i = 0; i < rows; i++)
        for (int line = 0; line < NR; line += 16)
            __builtin_prefetch(c + i * ldc + line, 1);
    #pragma GCC unroll 4
    for (long k = 0; k < depth; k++, b += NR) {
        if (near)
            __builtin_prefetch(next + k * 16, 0, 3);
        else
            __builtin_prefetch(next + k * 16, 0, 2);
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < NV; v++)
                acc[i][v] += a[i * row + k * step] * load(b + v * W);
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < NV; v++)
            store(c + i * ldc + v * W, add ? load(c + i * ldc + v * W) + acc[i][v] : acc[i][v]);
}

/* A tile of one row, in four sums: additions to a single one would wait for each other. */
INLINE void tile_of_one(long depth, const float *a, long step, const float *b, float *c, int add)
{
    vec acc[4][NV] = {{{0}}};
    long k = 0;
    for (; k + 4 <= depth; k += 4)
        for (int i = 0; i < 4; i++)
            for (int v = 0; v < NV; v++)
                acc[i][v] += a[(k + i) * step] * load(b + (k + i) * NR + v * W);
    for (; k < depth; k++)
        for (int v = 0; v < NV; v++)
            acc[0][v] += a[k * step] * load(b + k * NR + v * W);
    for (int v = 0; v < NV; v++) {
        vec sum = (acc[0][v] + acc[1][v]) + (acc[2][v] + acc[3][v]);
        store(c + v * W, add ? load(c + v * W) + sum : sum);
    }
}

INLINE void tile(long rows, long depth, const float *a, long row, long step, const float *b,
                 float *c, long ldc, int add, const float *next, const int near)
{
    switch (rows) {
    case 1: tile_of_one(depth, a, step, b, c, add); break;
    case 2: tile_of(2, depth, a, row, step, b, c, ldc, add, next, near); break;
    case 3: tile_of(3, depth, a, row, step, b, c, ldc, add, next, near); break;
    case 4: tile_of(4, depth, a, row, step, b, c, ldc, add, next, near); break;
    case 5: tile_of(5, depth, a, row, step, b, c, ldc, add, next, near); break;
#if MR > 6
    case 6: tile_of(6, depth, a, row, step, b, c, ldc, add, next, near); break;
    case 7: tile_of(7, depth, a, row, step, b, c, ldc, add, next, near); break;
    case 8: tile_of(8, depth, a, row, step, b, c, ldc, add, next, near); break;
    case 9: tile_of(9, depth, a, row, step, b, c, ldc, add, next, near); break;
    case 10: tile_of(10, depth, a, row, step, b, c, ldc, add, next, near); break;
    case 11: tile_of(11, depth, a, row, step, b, c, ldc, add, next, near); break;
#endif
    default: tile_of(MR, depth, a, row, step, b, c, ldc, add, next, near);
    }
}

/* Packs element (k, n) at src[k * k_step + n * n_step], k < depth, n < width, into panels, each
   panel_depth deep; the first row goes to the panels' row `at`, and rows up to at + rows as well
   as columns up to a whole panel become zeros. */
static void pack(float *panels, long panel_depth, long at, long rows, const float *src,
                 long k_step, long n_step, long depth, long width)
{
    /* Along the rows of src in memory, which touches few pages. */
    long whole = n_step == 1 ? width / NR * NR : 0;
    for (long k = 0; k < depth; k++)
        for (long n = 0; n < whole; n += NR)
            for (int v = 0; v < NV; v++)
                store(panels + n * panel_depth + (at + k) * NR + v * W,
                      load(src + k * k_step + n + v * W));
    for (long n = 0; n < width; n += NR) {
        float *panel = panels + n * panel_depth + at * NR;
        long used = width - n < NR ? width - n : NR;
        for (long k = 0; n >= whole && k < depth; k++)
            for (long j = 0; j < NR; j++)
                panel[k * NR + j] = j < used ? src[k * k_step + (n + j) * n_step] : 0;
        memset(panel + depth * NR, 0, sizeof(float) * (rows - depth) * NR);
    }
}

/* C[0:M, panels from..to) (+)= A[0:M, 0:depth] . B, with B packed in panels; each panel of C is
   whole, pads included. In blocks, as any large product: of rows, of panels, and of depth, so that
   what the two inner loops read again stays in the caches. The tiles of a panel together fetch the
   next one. */
static void product(long M, long depth, const float *A, long lda, const float *B, long from,
                    long to, float *C, long ldc, int add)
{
    long deep = part_of(depth, DEPTH, 1), high = part_of(M, ROWS, MR);
    for (long m0 = 0; m0 < M; m0 += high)
        for (long p0 = from; p0 < to; p0 += PANELS)
            for (long k = 0; k < depth; k += deep) {
                long m1 = least(m0 + high, M), p1 = least(p0 + PANELS, to);
                long kc = least(deep, depth - k);
                /* Of 20 rows, four tiles of 5 are faster than three of 6 and one of 2. */
                long tall = part_of(m1 - m0, MR, 1);
                for (long p = p0; p < p1; p++)
                    for (long m = m0, i = 0; m < m1; m += tall, i++)
                        tile(least(tall, m1 - m), kc, A + m * lda + k, lda, 1,
                             B + (p * depth + k) * NR, C + m * ldc + p * NR, ldc, add || k,
                             B + ((p + 1) * depth + k) * NR + i * 16 % NR * kc, 0);
            }
}

/* C[0:M, 0:N] (+)= A^T . B for A (depth, M) and B (depth, N): a weight's gradient, to which each
   token contributes an outer product. C is the caller's array: nothing is written beyond it. The
   scratch has OUTER_SCRATCH(N) floats, or as many as for NC columns. */
static void outer(long M, long N, long depth, const float *A, long lda, const float *B, long ldb,
                  float *C, long ldc, int add, float *scratch)
{
    float *packed_a = scratch, *packed_b = scratch + MC * KC, edge[MR * NR];
    long deep = part_of(depth, KC, 1), high = part_of(M, MC, MR), wide = part_of(N, NC, NR);
    for (long n0 = 0; n0 < N; n0 += wide)
        for (long k = 0; k < depth; k += deep) {
            long kc = least(deep, depth - k), nc = least(wide, N - n0);
            pack(packed_b, kc, 0, kc, B + k * ldb + n0, ldb, 1, kc, nc);
            for (long m0 = 0; m0 < M; m0 += high) {
                long mc = least(high, M - m0);
                for (long i = 0; i < kc; i++) {
                    const float *a = A + (k + i) * lda + m0;
                    for (long m = 0; m < mc; m += MR)
                        if (mc - m >= MR)
                            memcpy(packed_a + m * kc + i * MR, a + m, MR * sizeof(float));
                        else
                            for (long j = 0; j < mc - m; j++)
                                packed_a[m * kc + i * MR + j] = a[m + j];
                }
                for (long n = 0; n < nc; n += NR)
                    for (long m = 0; m < mc; m += MR) {
                        long rows = least(mc - m, MR), columns = least(nc - n, NR);
                        float *c = C + (m0 + m) * ldc + n0 + n;
                        const float *a = packed_a + m * kc, *b = packed_b + n * kc;
                        if (columns == NR) {
                            tile(rows, kc, a, 1, MR, b, c, ldc, add || k, a + MR * kc, 1);
                            continue;
                        }
                        tile(rows, kc, a, 1, MR, b, edge, NR, 0, a + MR * kc, 1);
                        for (long i = 0; i < rows; i++)
                            for (long j = 0; j < columns; j++)
                                c[i * ldc + j] = edge[i * NR + j] + (add || k ? c[i * ldc + j] : 0);
                    }
            }
        }
}
