/* Products of matrices, in tiles that stay in registers. */
#define NR (NV * W)  /* a tile's width */
#define ROWS 144     /* rows of a block in `product` */
#define DEPTH 256    /* its depth: a panel of it stays in the first-level cache */
#define PANELS 8     /* and how many panels it has */
#define KC 192       /* depth of a block in `outer`: rows of its tiles stay in the first-level cache */
#define MC 144       /* its rows */
#define NC 1024      /* and its columns */

static long least(long a, long b) { return a < b ? a : b; }

/* The size of equal parts of a whole, of `most` at most (or a unit, if that is more), in units. */
static long part_of(long whole, long most, long unit)
{
    long parts = (whole + most - 1) / most, size = parts ? (whole + parts - 1) / parts : whole;
    return (size + unit - 1) / unit * unit;
}

/* c[0:rows, 0:NR] (+)= a . b, a tile that stays in registers. Element (i, k) of a is at
   a[i * row + k * step]; b has depth rows of NR, ldb apart (NR, in a panel). Meanwhile 16 floats for
   each k are fetched from next[k * stride], into the first-level cache if that is near, otherwise into
   the second. */
INLINE void tile_of(const int rows, long depth, const float *a, long row, long step, const float *b,
                    long ldb, float *c, long ldc, int add, const float *next, long stride,
                    const int near)
{
    vec acc[MR][NV] = {{{0}}};
    /* By the end it has come from memory. */
    for (int i = 0; i < rows; i++)
        for (int line = 0; line < NR; line += 16)
            __builtin_prefetch(c + i * ldc + line, 1);
    #pragma GCC unroll 4
    for (long k = 0; k < depth; k++, b += ldb) {
        if (near)
            __builtin_prefetch(next + k * stride, 0, 3);
        else
            __builtin_prefetch(next + k * stride, 0, 2);
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < NV; v++)
                acc[i][v] += a[i * row + k * step] * load(b + v * W);
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < NV; v++)
            store(c + i * ldc + v * W, add ? load(c + i * ldc + v * W) + acc[i][v] : acc[i][v]);
}

/* A tile of one row, in four sums: additions to a single one would wait for each other. */
INLINE void tile_of_one(long depth, const float *a, long step, const float *b, long ldb, float *c,
                        int add)
{
    vec acc[4][NV] = {{{0}}};
    long k = 0;
    for (; k + 4 <= depth; k += 4)
        for (int i = 0; i < 4; i++)
            for (int v = 0; v < NV; v++)
                acc[i][v] += a[(k + i) * step] * load(b + (k + i) * ldb + v * W);
    for (; k < depth; k++)
        for (int v = 0; v < NV; v++)
            acc[0][v] += a[k * step] * load(b + k * ldb + v * W);
    for (int v = 0; v < NV; v++) {
        vec sum = (acc[0][v] + acc[1][v]) + (acc[2][v] + acc[3][v]);
        store(c + v * W, add ? load(c + v * W) + sum : sum);
    }
}

INLINE void tile(long rows, long depth, const float *a, long row, long step, const float *b, long ldb,
                 float *c, long ldc, int add, const float *next, long stride, const int near)
{
#define TILE(rows) tile_of(rows, depth, a, row, step, b, ldb, c, ldc, add, next, stride, near)
    switch (rows) {
    case 1: tile_of_one(depth, a, step, b, ldb, c, add); break;
    case 2: TILE(2); break;
    case 3: TILE(3); break;
    case 4: TILE(4); break;
    case 5: TILE(5); break;
#if MR > 6
    case 6: TILE(6); break;
    case 7: TILE(7); break;
    case 8: TILE(8); break;
    case 9: TILE(9); break;
    case 10: TILE(10); break;
    case 11: TILE(11); break;
#endif
    default: TILE(MR);
    }
#undef TILE
}

/* Packs element (k, n) at src[n * n_step + k], k < depth, n < NR, into rows of a panel: transposes
   blocks of 4 x 4, all of a line of src while it is in the cache. */
static void pack_across(float *panel, const float *src, long n_step, long depth)
{
    for (long k0 = 0; k0 < depth; k0 += 16)
        for (long n = 0; n < NR; n += 4)
            for (long k = k0; k < least(k0 + 16, depth); k += 4) {
                quad row[4], half[4];
                for (int i = 0; i < 4; i++)
                    row[i] = load_quad(src + (n + i) * n_step + k);
                for (int i = 0; i < 2; i++) {
                    half[2 * i] = SHUFFLE(row[i], row[i + 2], 0, 4, 1, 5);
                    half[2 * i + 1] = SHUFFLE(row[i], row[i + 2], 2, 6, 3, 7);
                }
                for (int i = 0; i < 2; i++) {
                    float *to = panel + (k + 2 * i) * NR + n;
                    store_quad(to, SHUFFLE(half[i], half[i + 2], 0, 4, 1, 5));
                    store_quad(to + NR, SHUFFLE(half[i], half[i + 2], 2, 6, 3, 7));
                }
            }
}

/* Packs element (k, n) at src[k * k_step + n * n_step], k < depth, n < width, into panels, each
   panel_depth deep; the first row goes to the panels' row `at`, and rows up to at + rows as well
   as columns up to a whole panel become zeros. */
static void pack(float *panels, long panel_depth, long at, long rows, const float *src,
                 long k_step, long n_step, long depth, long width)
{
    long whole = width / NR * NR;
    /* A few rows at a time: each is on another page. */
    for (long k0 = 0; n_step == 1 && k0 < depth; k0 += 16)
        for (long n = 0; n < whole; n += NR)
            for (long k = k0; k < least(k0 + 16, depth); k++)
                for (int v = 0; v < NV; v++)
                    store(panels + n * panel_depth + (at + k) * NR + v * W,
                          load(src + k * k_step + n + v * W));
    for (long n = 0; n < width; n += NR) {
        float *panel = panels + n * panel_depth + at * NR;
        long used = least(width - n, NR), packed = 0;
        if (used == NR && n_step == 1)
            packed = depth;
        else if (used == NR && k_step == 1)
            pack_across(panel, src + n * n_step, n_step, packed = depth / 4 * 4);
        for (long k = packed; k < depth; k++)
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
                             B + (p * depth + k) * NR, NR, C + m * ldc + p * NR, ldc, add || k,
                             B + ((p + 1) * depth + k) * NR + i * 16 % NR * kc, 16, 0);
            }
}

/* C[0:M, 0:N] (+)= A^T . B for A (depth, M) and B (depth, N): a weight's gradient, to which each
   token contributes an outer product. C is the caller's array: nothing is written beyond it. In
   blocks, as `product`, but nothing is packed: rows of A and B are read where they are. Each tile
   fetches the next one's A, the first of a panel the next panel's B. */
static void outer(long M, long N, long depth, const float *A, long lda, const float *B, long ldb,
                  float *C, long ldc, int add)
{
    /* Columns that are no whole panel; and their tile. */
    float last[KC * NR], edge[MR * NR];
    long deep = part_of(depth, KC, 1), high = part_of(M, MC, MR), wide = part_of(N, NC, NR);
    for (long n0 = 0; n0 < N; n0 += wide)
        for (long k = 0; k < depth; k += deep) {
            long kc = least(deep, depth - k), n1 = least(n0 + wide, N);
            long whole = n0 + (n1 - n0) / NR * NR;
            pack(last, kc, 0, kc, B + k * ldb + whole, ldb, 1, kc, n1 - whole);
            for (long m0 = 0; m0 < M; m0 += high)
                for (long n = n0; n < n1; n += NR)
                    for (long m = m0; m < least(m0 + high, M); m += MR) {
                        long rows = least(least(m0 + high, M) - m, MR), line = (m - m0) / MR * 16;
                        const float *a = A + k * lda + m, *b = B + k * ldb + n;
                        const float *next = line < NR ? b + NR + line : a + MR;
                        long stride = line < NR ? ldb : lda;
                        float *c = C + m * ldc + n;
                        if (n < whole) {
                            tile(rows, kc, a, 1, lda, b, ldb, c, ldc, add || k, next, stride, 1);
                            continue;
                        }
                        tile(rows, kc, a, 1, lda, last, NR, edge, NR, 0, next, stride, 1);
                        for (long i = 0; i < rows; i++)
                            for (long j = 0; j < n1 - n; j++)
                                c[i * ldc + j] = edge[i * NR + j] + (add || k ? c[i * ldc + j] : 0);
                    }
        }
}
