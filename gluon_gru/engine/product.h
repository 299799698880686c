/* Products of matrices, in tiles that stay in registers. */
#define NR (NV * W)  /* a tile's width */
#define ROWS 48      /* rows of a product that go through all panels together */
#define KC 192       /* depth of a block in `outer`: a panel of it stays in the first-level cache */
#define MC 96        /* rows of a block in `outer` */

/* c[0:rows, 0:NR] (+)= a . b, a tile that stays in registers. Element (i, k) of a is at
   a[i * row + k * step]; b is a panel, depth rows of NR. */
INLINE void tile_of(const int rows, long depth, const float *a, long row, long step,
                    const float *b, float *c, long ldc, int add)
{
    vec acc[MR][NV];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < NV; v++)
            acc[i][v] = add ? load(c + i * ldc + v * W) : (vec){0};
    for (long k = 0; k < depth; k++, b += NR)
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < NV; v++)
                acc[i][v] += a[i * row + k * step] * load(b + v * W);
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < NV; v++)
            store(c + i * ldc + v * W, acc[i][v]);
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
                 float *c, long ldc, int add)
{
    switch (rows) {
    case 1: tile_of_one(depth, a, step, b, c, add); break;
    case 2: tile_of(2, depth, a, row, step, b, c, ldc, add); break;
    case 3: tile_of(3, depth, a, row, step, b, c, ldc, add); break;
    case 4: tile_of(4, depth, a, row, step, b, c, ldc, add); break;
    case 5: tile_of(5, depth, a, row, step, b, c, ldc, add); break;
    default: tile_of(6, depth, a, row, step, b, c, ldc, add);
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
   whole, pads included. */
static void product(long M, long depth, const float *A, long lda, const float *B, long from,
                    long to, float *C, long ldc, int add)
{
    for (long block = 0; block < M; block += ROWS) {
        long end = M < block + ROWS ? M : block + ROWS;
        for (long p = from; p < to; p++)
            for (long m = block; m < end; m += MR)
                tile(end - m, depth, A + m * lda, lda, 1, B + p * depth * NR,
                     C + m * ldc + p * NR, ldc, add);
    }
}

/* C[0:M, 0:N] = A^T . B for A (depth, M) and B (depth, N): a weight's gradient, to which each
   token contributes an outer product. C is the caller's array: nothing is written beyond it. */
static void outer(long M, long N, long depth, const float *A, long lda, const float *B, long ldb,
                  float *C, long ldc, float *scratch)
{
    float *packed_a = scratch, *packed_b = scratch + MC * KC, edge[MR * NR];
    for (long k = 0; k < depth; k += KC) {
        long kc = depth - k < KC ? depth - k : KC;
        pack(packed_b, kc, 0, kc, B + k * ldb, ldb, 1, kc, N);
        for (long m0 = 0; m0 < M; m0 += MC) {
            long mc = M - m0 < MC ? M - m0 : MC;
            for (long i = 0; i < kc; i++) {
                const float *a = A + (k + i) * lda + m0;
                for (long m = 0; m < mc; m += MR)
                    if (mc - m >= MR)
                        memcpy(packed_a + m * kc + i * MR, a + m, MR * sizeof(float));
                    else
                        for (long j = 0; j < mc - m; j++)
                            packed_a[m * kc + i * MR + j] = a[m + j];
            }
            for (long n = 0; n < N; n += NR)
                for (long m = 0; m < mc; m += MR) {
                    long rows = mc - m < MR ? mc - m : MR, columns = N - n < NR ? N - n : NR;
                    float *c = C + (m0 + m) * ldc + n;
                    if (columns == NR) {
                        tile(rows, kc, packed_a + m * kc, 1, MR, packed_b + n * kc, c, ldc, k > 0);
                        continue;
                    }
                    tile(rows, kc, packed_a + m * kc, 1, MR, packed_b + n * kc, edge, NR, 0);
                    for (long i = 0; i < rows; i++)
                        for (long j = 0; j < columns; j++)
                            c[i * ldc + j] = edge[i * NR + j] + (k > 0 ? c[i * ldc + j] : 0);
                }
        }
    }
}
