/* The kernels, for one instruction set: the file that includes this one says how many floats a
   vector has (W), how large a tile of a product is (MR rows, NV vectors wide) and what the table
   of functions is called (KERNELS).

   What is computed: the cells of gluon_gru/models/scratch.py and reset_after.py, and their
   gradients, truncated backpropagation through time. Everything is in matrices of rows, one a
   token, in the order of time: row t * batch_size + i. A row of gates holds the gates side by
   side, each padded to Hp hidden units, a multiple of a tile's width; all pads are zeros, and
   stay it, since a unit without weights is one whose pre-activations and gradients are zeros.

   Who does what: rows of a minibatch don't depend on each other, so each thread takes its share of
   them through the whole loop over time, both ways, and never waits. With fewer rows than that is
   worth, the threads share the hidden units instead and wait for each other in every step. All
   shares depend on nothing but the sizes and the number of threads, and so do all sums' orders.

   Where the time goes: nine tenths into `tile`. To keep it fed, weights are packed once a step
   into panels that it reads in order; the input's part of the gates is done for all steps at once
   (for tokens it is a row of a table); and each weight's gradient is one large product at the end,
   for which the gates' gradients are kept. */
#include <math.h>
#include <omp.h>
#include <stddef.h>
#include <string.h>

#include "engine.h"

#define NR (NV * W)  /* a tile's width */
#define ROWS 48      /* rows of a product that go through all panels together */
#define KC 256       /* depth of a block in `outer`: a panel of it stays in the first-level cache */
#define MC 96        /* rows of a block in `outer` */

typedef float vec __attribute__((vector_size(4 * W)));
typedef int32_t ivec __attribute__((vector_size(4 * W)));
typedef float unaligned __attribute__((vector_size(4 * W), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE vec load(const float *p) { return *(const unaligned *)p; }
INLINE void store(float *p, vec v) { *(unaligned *)p = v; }
INLINE vec splat(float x) { return x - (vec){0}; }
INLINE vec choose(ivec mask, vec a, vec b) { return (vec)((mask & (ivec)a) | (~mask & (ivec)b)); }

/* ---- Functions of a vector. NaN in, NaN out: a comparison with it is false. ---- */

/* e^x: 2^n e^r with |r| <= ln(2)/2, e^r by a polynomial (a Chebyshev fit, within 1e-8). */
INLINE vec vexp(vec x)
{
    x = choose(x > 120, splat(120), choose(x < -120, splat(-120), x));
    const vec round = splat(12582912);  /* 1.5 * 2^23: what is added to it loses its fraction */
    vec n = (x * 1.442695041f + round) - round;
    vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    vec p = ((((1.393364140e-3f * r + 8.363175566e-3f) * r + 4.166646501e-2f) * r
              + 1.666657700e-1f) * r + 0.5f) * r * r + r + 1;
    /* In two factors, so that overflow and subnormals come out as they should. */
    ivec whole = __builtin_convertvector(choose(n == n, n, splat(0)), ivec), half = whole >> 1;
    return p * (vec)((half + 127) << 23) * (vec)((whole - half + 127) << 23);
}

INLINE vec vsigmoid(vec x) { return 1 / (1 + vexp(-x)); }

INLINE vec vtanh(vec x)
{
    vec z = x * x, size = choose(x < 0, -x, x);
    /* Near 0 the other form would cancel. */
    vec small = ((((-6.104918256e-3f * z + 2.100361507e-2f) * z - 5.385248981e-2f) * z
                  + 1.333278218e-1f) * z - 3.333332910e-1f) * z * x + x;
    vec large = 1 - 2 / (vexp(2 * size) + 1);
    return choose(size < 0.625f, small, choose(x < 0, -large, large));
}

/* ---- Products ---- */

/* c[0:rows, 0:NR] (+)= a . b, a tile that stays in registers. Element (i, k) of a lies at
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

/* A tile of one row, by four sums: one alone would wait for itself. */
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
    for (long n = 0; n < width; n += NR) {
        float *panel = panels + n * panel_depth + at * NR;
        long used = width - n < NR ? width - n : NR;
        for (long k = 0; k < depth; k++) {
            const float *from = src + k * k_step + n * n_step;
            if (used == NR && n_step == 1)
                for (int v = 0; v < NV; v++)
                    store(panel + k * NR + v * W, load(from + v * W));
            else
                for (long j = 0; j < NR; j++)
                    panel[k * NR + j] = j < used ? from[j * n_step] : 0;
        }
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

/* C[0:M, 0:N] = A^T . B for A (depth, M) and B (depth, N): a weight's gradient, of which each
   token's row contributes an outer product. C is the caller's: nothing is written beyond it. */
static void outer(long M, long N, long depth, const float *A, long lda, const float *B, long ldb,
                  float *C, long ldc, float *scratch)
{
    float *packed_a = scratch, *packed_b = scratch + MC * KC, edge[MR * NR];
    for (long k = 0; k < depth; k += KC) {
        long kc = depth - k < KC ? depth - k : KC;
        pack(packed_b, kc, 0, kc, B + k * ldb, ldb, 1, kc, N);
        for (long m0 = 0; m0 < M; m0 += MC) {
            long mc = M - m0 < MC ? M - m0 : MC;
            for (long m = 0; m < mc; m += MR) {
                float *to = packed_a + m * kc;
                long rows = mc - m < MR ? mc - m : MR;
                for (long i = 0; i < kc; i++)
                    for (long j = 0; j < MR; j++)
                        to[i * MR + j] = j < rows ? A[(k + i) * lda + m0 + m + j] : 0;
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

/* ---- What a layer keeps between forward and backward ---- */

static const int GATES[] = {1, 1, 3, 3, 4};

/* Beside the layer's own weights. Matrices have a row a token; `ld` is a row's length. */
typedef struct {
    const layer *w;
    int gates, early;       /* gates, and how many of them are of the step's first product */
    long T, B, I, H, Hp;
    long ldg, ldh;          /* rows of gates, rows of hidden units */
    int32_t *tokens;        /* NULL for dense inputs */
    const float *inputs;
    long ld_inputs;
    float *x;               /* the input's part of the gates: a row a token, or one a word */
    float *bias;            /* the gates' biases, as far as they are outside the products */
    float *W_x, *W_xT;      /* packed, for dense inputs */
    float *W_h;             /* packed, all gates */
    float *W_hT, *W_hT_late; /* packed for the way back: the early gates, and the candidate's */
    float *b_late;          /* GRU_AFTER: the candidate's bias within the recurrent product */
    float *h;               /* hidden states from the start on, (T + 1) * B rows */
    float *cells;           /* LSTM: memory cells, as h */
    float *a;               /* forward: the gates; backward: gradients by their pre-activations */
    float *late;            /* GRU_BEFORE: R * H; GRU_AFTER: H . W_hh + b, then its gradient */
    float *dh, *dcells;     /* gradient by the state, B rows, on its way back through time */
    float *drh;             /* GRU_BEFORE: gradient by R * H, B rows */
    float *dh_out;          /* gradient by the outputs, T * B rows */
    float *dx;              /* by dense inputs, T * B rows; for tokens that of the table x */
    long ld_dx;
} run;

/* Hands out a workspace piece by piece; from NULL, it only counts. */
typedef struct { char *base; size_t used; } arena;

static void *take(arena *from, size_t bytes)
{
    void *piece = from->base ? from->base + from->used : NULL;
    size_t whole = (bytes + 63) / 64 * 64;
#ifdef __SANITIZE_ADDRESS__
    /* With a gap behind, which the address sanitizer watches. */
    void __asan_poison_memory_region(const volatile void *, size_t);
    whole += 64;
    if (piece) __asan_poison_memory_region((char *)piece + bytes, whole - bytes);
#endif
    from->used += whole;
    return piece;
}

static float *take_floats(arena *from, size_t count) { return take(from, count * sizeof(float)); }

static long padded(long n) { return (n + NR - 1) / NR * NR; }

/* A row's length for rows of n: not a power of two, or rows would share few cache sets. */
static long row_length(long n) { return n % 64 ? n : n + 16; }

static run layout(const network *net, int64_t index, arena *from)
{
    const layer *w = &net->layers[index];
    run r = {.w = w, .gates = GATES[w->cell], .T = net->num_steps, .B = net->batch_size,
             .I = w->num_inputs, .H = w->num_hiddens, .Hp = padded(w->num_hiddens)};
    int gru = w->cell == GRU_BEFORE || w->cell == GRU_AFTER;
    r.early = gru ? 2 : r.gates;
    r.ldg = row_length(r.gates * r.Hp);
    r.ldh = row_length(r.Hp);
    long rows = r.T * r.B, width = r.gates * r.Hp;
    if (index == 0 && net->tokens) {
        r.tokens = take(from, rows * sizeof(int32_t));
        r.x = take_floats(from, r.I * r.ldg);
        r.ld_dx = r.ldg;
        r.dx = take_floats(from, r.I * r.ldg);
    } else {
        r.x = take_floats(from, rows * r.ldg);
        r.W_x = take_floats(from, r.I * width);
        r.W_xT = take_floats(from, width * padded(r.I));
        r.ld_dx = row_length(padded(r.I));
        r.dx = take_floats(from, rows * r.ld_dx);
    }
    r.bias = take_floats(from, width);
    r.W_h = take_floats(from, r.H * width);
    r.W_hT = take_floats(from, r.early * r.Hp * r.Hp);
    r.h = take_floats(from, (rows + r.B) * r.ldh);
    r.a = take_floats(from, rows * r.ldg);
    r.dh = take_floats(from, r.B * r.ldh);
    r.dh_out = take_floats(from, rows * r.ldh);
    if (w->cell == LSTM) {
        r.cells = take_floats(from, (rows + r.B) * r.ldh);
        r.dcells = take_floats(from, r.B * r.ldh);
    }
    if (gru) {
        r.W_hT_late = take_floats(from, r.Hp * r.Hp);
        r.b_late = take_floats(from, r.Hp);
        r.late = take_floats(from, rows * r.ldh);
        r.drh = take_floats(from, r.B * r.ldh);
    }
    return r;
}

/* A row of a matrix; NULL of one that the layer's cell doesn't have. */
INLINE float *row_of(float *matrix, long i, long ld) { return matrix ? matrix + i * ld : NULL; }

/* Copies rows of n floats, and fills them up with zeros to `to`'s padded width; NULL: all zeros. */
static void copy_rows(float *to, long ld_to, long padded_width, const float *from, long ld_from,
                      long n, long rows)
{
    for (long i = 0; i < rows; i++) {
        if (from)
            memcpy(to + i * ld_to, from + i * ld_from, n * sizeof(float));
        long copied = from ? n : 0;
        memset(to + i * ld_to + copied, 0, (padded_width - copied) * sizeof(float));
    }
}

/* The part of `count` things that is thread `id`'s, in whole units. */
static void share(long count, long unit, int threads, int id, long *from, long *to)
{
    long units = (count + unit - 1) / unit;
    *from = units * id / threads * unit;
    *to = units * (id + 1) / threads * unit;
    if (*to > count) *to = count;
    if (*from > count) *from = count;
}

/* ---- Forward ---- */


/* Packs the weights; does what of the gates depends on the inputs alone, for all steps at once. */
static void prepare(run *r, int threads, int training)
{
    const layer *w = r->w;
    long H = r->H, Hp = r->Hp, I = r->I, width = r->gates * Hp;
    /* Steps through W_x and W_h as (inputs, hiddens), whichever way they lie. */
    long x_in = w->transposed ? 1 : H, x_out = w->transposed ? I : 1;
    long h_in = w->transposed ? 1 : H, h_out = w->transposed ? H : 1;
    memset(r->bias, 0, width * sizeof(float));
    if (r->b_late)
        memset(r->b_late, 0, Hp * sizeof(float));
    for (int g = 0; g < r->gates; g++)
        for (long j = 0; j < H; j++) {
            float b_h = w->b_h[g] ? w->b_h[g][j] : 0;
            int within = w->cell == GRU_AFTER && g == 2;
            r->bias[g * Hp + j] = w->b_x[g][j] + (within ? 0 : b_h);
            if (within)
                r->b_late[j] = b_h;
        }
    #pragma omp parallel num_threads(threads)
    {
        #pragma omp for schedule(dynamic)
        for (int task = 0; task < 3 * r->gates; task++) {
            int g = task / 3, early = g < r->early;
            if (task % 3 == 0)
                pack(r->W_h + g * Hp * H, H, 0, H, w->W_h[g], h_in, h_out, H, H);
            else if (task % 3 == 1 && training)
                pack(early ? r->W_hT : r->W_hT_late, early ? r->early * Hp : Hp,
                     early ? g * Hp : 0, Hp, w->W_h[g], h_out, h_in, H, H);
            else if (task % 3 == 2 && !r->tokens) {
                pack(r->W_x + g * Hp * I, I, 0, I, w->W_x[g], x_in, x_out, I, H);
                if (training)
                    pack(r->W_xT, width, g * Hp, Hp, w->W_x[g], x_out, x_in, H, I);
            }
        }
        long from, to;
        share(r->tokens ? I : r->T * r->B, MR, omp_get_num_threads(), omp_get_thread_num(),
              &from, &to);
        for (long i = from; i < to; i++) {
            float *x = r->x + i * r->ldg;
            memcpy(x, r->bias, width * sizeof(float));
            if (r->tokens)
                for (int g = 0; g < r->gates; g++)
                    for (long j = 0; j < H; j++)
                        x[g * Hp + j] += w->W_x[g][i * x_in + j * x_out];
        }
        if (!r->tokens)
            product(to - from, I, r->inputs + from * r->ld_inputs, r->ld_inputs, r->W_x, 0,
                    width / NR, r->x + from * r->ldg, r->ldg, 1);
    }
}

/* What a cell does with a token's gates after the step's first product, units j0 to j1. */
static void cell_forward(const run *r, long row, long j0, long j1)
{
    long Hp = r->Hp, step = r->B * r->ldh;
    float *a = r->a + row * r->ldg, *h = r->h + row * r->ldh;
    float *late = row_of(r->late, row, r->ldh);
    const float *x = r->x + (r->tokens ? r->tokens[row] : row) * r->ldg;
    switch (r->w->cell) {
    case RNN_TANH:
        for (long j = j0; j < j1; j += W)
            store(h + step + j, vtanh(load(a + j) + load(x + j)));
        break;
    case RNN_RELU:
        for (long j = j0; j < j1; j += W) {
            vec v = load(a + j) + load(x + j);
            store(h + step + j, choose(v < 0, (vec){0}, v));
        }
        break;
    case GRU_BEFORE:
        for (long j = j0; j < j1; j += W) {
            vec R = vsigmoid(load(a + Hp + j) + load(x + Hp + j));
            store(a + j, vsigmoid(load(a + j) + load(x + j)));
            store(a + Hp + j, R);
            store(late + j, R * load(h + j));
        }
        break;
    case GRU_AFTER:
        for (long j = j0; j < j1; j += W) {
            vec Z = vsigmoid(load(a + j) + load(x + j));
            vec R = vsigmoid(load(a + Hp + j) + load(x + Hp + j));
            vec recurrent = load(late + j) + load(r->b_late + j);
            vec candidate = vtanh(load(x + 2 * Hp + j) + R * recurrent);
            store(a + j, Z);
            store(a + Hp + j, R);
            store(a + 2 * Hp + j, candidate);
            store(late + j, recurrent);
            store(h + step + j, Z * load(h + j) + (1 - Z) * candidate);
        }
        break;
    case LSTM: {
        float *c = r->cells + row * r->ldh;
        for (long j = j0; j < j1; j += W) {
            vec I = vsigmoid(load(a + j) + load(x + j));
            vec F = vsigmoid(load(a + Hp + j) + load(x + Hp + j));
            vec O = vsigmoid(load(a + 2 * Hp + j) + load(x + 2 * Hp + j));
            vec candidate = vtanh(load(a + 3 * Hp + j) + load(x + 3 * Hp + j));
            vec C = F * load(c + j) + I * candidate;
            store(a + j, I);
            store(a + Hp + j, F);
            store(a + 2 * Hp + j, O);
            store(a + 3 * Hp + j, candidate);
            store(c + step + j, C);
            store(h + step + j, O * vtanh(C));
        }
    }
    }
}

/* The book's GRU, after the product of its candidate. */
static void candidate_forward(const run *r, long row, long j0, long j1)
{
    float *a = r->a + row * r->ldg, *c = a + 2 * r->Hp, *h = r->h + row * r->ldh;
    const float *x = r->x + (r->tokens ? r->tokens[row] : row) * r->ldg + 2 * r->Hp;
    for (long j = j0; j < j1; j += W) {
        vec Z = load(a + j), candidate = vtanh(load(c + j) + load(x + j));
        store(c + j, candidate);
        store(h + r->B * r->ldh + j, Z * load(h + j) + (1 - Z) * candidate);
    }
}

/* What a thread does: rows from row0 to row1 of every step, units j0 to j1. */
typedef struct { long row0, row1, j0, j1; int shared; } part;

/* With a thread's rows read by others: wait for them. */
static void wait_for_units(const part *p)
{
    if (p->shared) {
        #pragma omp barrier
    }
}

static void products(const run *r, const part *p, long rows, const float *A, long lda, int gate,
                     int gates, float *C, long ldc)
{
    for (int g = gate; g < gate + gates; g++)
        product(rows, r->H, A, lda, r->W_h + g * r->Hp * r->H, p->j0 / NR, p->j1 / NR,
                C + (g - gate) * r->Hp, ldc, 0);
}

static void forward_in_time(const run *r, const part *p)
{
    int before = r->w->cell == GRU_BEFORE, after = r->w->cell == GRU_AFTER;
    /* Blocks of rows stay in the cache from product to cell; with others to wait for, one. */
    long block = p->shared ? p->row1 - p->row0 : ROWS;
    for (long t = 0; t < r->T; t++)
        for (long m = p->row0; m < p->row1; m += block) {
            long end = m + block < p->row1 ? m + block : p->row1, row = t * r->B + m;
            float *h = r->h + row * r->ldh, *a = r->a + row * r->ldg;
            float *late = row_of(r->late, row, r->ldh);
            products(r, p, end - m, h, r->ldh, 0, r->early, a, r->ldg);
            if (after)
                products(r, p, end - m, h, r->ldh, 2, 1, late, r->ldh);
            for (long i = 0; i < end - m; i++)
                cell_forward(r, row + i, p->j0, p->j1);
            wait_for_units(p);
            if (before) {
                products(r, p, end - m, late, r->ldh, 2, 1, a + 2 * r->Hp, r->ldg);
                for (long i = 0; i < end - m; i++)
                    candidate_forward(r, row + i, p->j0, p->j1);
                wait_for_units(p);
            }
        }
}

/* ---- Backward ---- */

/* The gradients by a token's pre-activations, in the place of its gates; dh becomes what of it
   goes on past the products. */
static void cell_backward(const run *r, long row, long i, long j0, long j1)
{
    long Hp = r->Hp, step = r->B * r->ldh;
    float *a = r->a + row * r->ldg, *h = r->h + row * r->ldh;
    float *late = row_of(r->late, row, r->ldh);
    float *dh = r->dh + i * r->ldh, *dc = row_of(r->dcells, i, r->ldh);
    const float *out = r->dh_out + row * r->ldh, *c = row_of(r->cells, row, r->ldh);
    for (long j = j0; j < j1; j += W) {
        vec d = load(dh + j) + load(out + j);
        switch (r->w->cell) {
        case RNN_TANH: {
            vec H = load(h + step + j);
            store(a + j, d * (1 - H * H));
            break;
        }
        case RNN_RELU:
            store(a + j, choose(load(h + step + j) > 0, d, (vec){0}));
            break;
        case GRU_BEFORE:
        case GRU_AFTER: {
            vec Z = load(a + j), R = load(a + Hp + j), candidate = load(a + 2 * Hp + j);
            vec d_candidate = d * (1 - Z) * (1 - candidate * candidate);
            store(a + j, d * (load(h + j) - candidate) * Z * (1 - Z));
            store(a + 2 * Hp + j, d_candidate);
            store(dh + j, d * Z);
            if (r->w->cell == GRU_AFTER) {
                store(a + Hp + j, d_candidate * load(late + j) * R * (1 - R));
                store(late + j, d_candidate * R);
            }
            break;
        }
        case LSTM: {
            vec I = load(a + j), F = load(a + Hp + j), O = load(a + 2 * Hp + j);
            vec candidate = load(a + 3 * Hp + j), C = vtanh(load(c + step + j));
            vec dC = load(dc + j) + d * O * (1 - C * C);
            store(a + j, dC * candidate * I * (1 - I));
            store(a + Hp + j, dC * load(c + j) * F * (1 - F));
            store(a + 2 * Hp + j, d * C * O * (1 - O));
            store(a + 3 * Hp + j, dC * I * (1 - candidate * candidate));
            store(dc + j, dC * F);
        }
        }
    }
}

/* The book's GRU, after the product that gives the gradient by R * H. */
static void reset_backward(const run *r, long row, long i, long j0, long j1)
{
    float *gate = r->a + row * r->ldg + r->Hp, *dh = r->dh + i * r->ldh;
    const float *h = r->h + row * r->ldh, *drh = r->drh + i * r->ldh;
    for (long j = j0; j < j1; j += W) {
        vec R = load(gate + j), d = load(drh + j);
        store(gate + j, d * load(h + j) * R * (1 - R));
        store(dh + j, load(dh + j) + d * R);
    }
}

static void backward_in_time(const run *r, const part *p)
{
    int cell = r->w->cell;
    long p0 = p->j0 / NR, p1 = p->j1 / NR, block = p->shared ? p->row1 - p->row0 : ROWS;
    for (long t = r->T - 1; t >= 0; t--)
        for (long m = p->row0; m < p->row1; m += block) {
            long rows = (m + block < p->row1 ? m + block : p->row1) - m, row = t * r->B + m;
            float *a = r->a + row * r->ldg, *late = row_of(r->late, row, r->ldh);
            float *dh = r->dh + m * r->ldh, *drh = row_of(r->drh, m, r->ldh);
            for (long i = 0; i < rows; i++)
                cell_backward(r, row + i, m + i, p->j0, p->j1);
            wait_for_units(p);
            if (cell == GRU_BEFORE) {
                product(rows, r->Hp, a + 2 * r->Hp, r->ldg, r->W_hT_late, p0, p1, drh, r->ldh, 0);
                for (long i = 0; i < rows; i++)
                    reset_backward(r, row + i, m + i, p->j0, p->j1);
                wait_for_units(p);
            } else if (cell == GRU_AFTER) {
                product(rows, r->Hp, late, r->ldh, r->W_hT_late, p0, p1, dh, r->ldh, 1);
            }
            product(rows, r->early * r->Hp, a, r->ldg, r->W_hT, p0, p1, dh, r->ldh,
                    r->early < r->gates);
        }
}

/* Runs one of the two above on all threads. */
static void in_time(const run *r, int threads, void (*pass)(const run *, const part *))
{
    int by_rows = r->B >= 4 * threads;
    if (!by_rows) {
        /* Waiting takes about a microsecond a step: not for a product that takes no longer. */
        if (r->B * r->gates * r->H * r->H < 100000) threads = 1;
        if (threads > r->Hp / NR) threads = r->Hp / NR;
    }
    #pragma omp parallel num_threads(threads)
    {
        part p = {0, r->B, 0, r->Hp, 0};
        int id = omp_get_thread_num(), all = omp_get_num_threads();
        if (by_rows) {
            share(r->B, 1, all, id, &p.row0, &p.row1);
        } else {
            share(r->Hp, NR, all, id, &p.j0, &p.j1);
            p.shared = all > 1;
        }
        pass(r, &p);
    }
}

/* A weight's gradient, this thread's part of it: A^T . B as (M, N), or (N, M) if transposed. */
static void weight_gradient(long M, long N, long depth, const float *A, long lda, const float *B,
                            long ldb, float *C, int transposed, float *scratch)
{
    int id = omp_get_thread_num(), all = omp_get_num_threads();
    long from, to;
    if (!C) return;
    if (transposed) {
        share(M, NR, all, id, &from, &to);
        outer(N, to - from, depth, B, ldb, A + from, lda, C + from, M, scratch);
    } else {
        share(N, NR, all, id, &from, &to);
        outer(M, to - from, depth, A, lda, B + from, ldb, C + from, N, scratch);
    }
}

static void column_sums(float *to, const float *from, long ld, long rows, long j0, long j1)
{
    if (!to) return;
    memset(to + j0, 0, (j1 - j0) * sizeof(float));
    for (long i = 0; i < rows; i++)
        for (long j = j0; j < j1; j++)
            to[j] += from[i * ld + j];
}

/* All gradients by the layer's weights and its inputs, after backward_in_time. */
static void layer_gradients(const run *r, int threads, float *scratch, long scratch_size)
{
    const layer *w = r->w;
    long rows = r->T * r->B, H = r->H, Hp = r->Hp, I = r->I, width = r->gates * Hp;
    #pragma omp parallel num_threads(threads)
    {
        int id = omp_get_thread_num(), all = omp_get_num_threads();
        float *mine = scratch + id * scratch_size;
        long from, to;
        if (r->tokens) {
            share(width, NR, all, id, &from, &to);
            for (long i = 0; i < I; i++)
                memset(r->dx + i * r->ld_dx + from, 0, (to - from) * sizeof(float));
            for (long row = 0; row < rows; row++) {
                float *dx = r->dx + r->tokens[row] * r->ld_dx, *a = r->a + row * r->ldg;
                for (long j = from; j < to; j += W)
                    store(dx + j, load(dx + j) + load(a + j));
            }
            #pragma omp barrier
            share(I, 1, all, id, &from, &to);
            for (int g = 0; g < r->gates; g++)
                for (long i = from; w->dW_x[g] && i < to; i++)
                    for (long j = 0; j < H; j++)
                        w->dW_x[g][w->transposed ? j * I + i : i * H + j] =
                            r->dx[i * r->ld_dx + g * Hp + j];
        } else {
            share(rows, MR, all, id, &from, &to);
            product(to - from, width, r->a + from * r->ldg, r->ldg, r->W_xT, 0, padded(I) / NR,
                    r->dx + from * r->ld_dx, r->ld_dx, 0);
        }
        for (int g = 0; g < r->gates; g++) {
            int before = w->cell == GRU_BEFORE && g == 2, after = w->cell == GRU_AFTER && g == 2;
            const float *a = r->a + g * Hp, *recurrent = after ? r->late : a;
            long ld = after ? r->ldh : r->ldg;
            weight_gradient(H, H, rows, before ? r->late : r->h, r->ldh, recurrent, ld,
                            w->dW_h[g], w->transposed, mine);
            if (!r->tokens)
                weight_gradient(I, H, rows, r->inputs, r->ld_inputs, a, r->ldg, w->dW_x[g],
                                w->transposed, mine);
            share(H, 1, all, id, &from, &to);
            column_sums(w->db_x[g], a, r->ldg, rows, from, to);
            column_sums(w->db_h[g], recurrent, ld, rows, from, to);
        }
    }
}

/* ---- A network: layers, and the dense layer with the loss ---- */

typedef struct {
    run *layers;
    float *W_q, *W_qT, *b_q;  /* packed, and the bias padded */
    float *logits;            /* then the gradient by them */
    long V, Vp, ldq;
    double *sums;             /* one a thread */
    float *scratch;
    long scratch_size;        /* of each thread */
} plan;

static plan layout_network(const network *net, arena *from)
{
    plan p = {.V = net->logits_size, .Vp = padded(net->logits_size)};
    long rows = net->num_steps * net->batch_size, widest = p.V;
    p.layers = take(from, net->num_layers * sizeof(run));
    for (long i = 0; i < net->num_layers; i++) {
        run r = layout(net, i, from);
        if (r.H > widest) widest = r.H;
        if (r.I > widest) widest = r.I;
        if (i == 0) {
            r.inputs = net->inputs;
            r.ld_inputs = r.I;
        } else if (p.layers) {
            const run *below = &p.layers[i - 1];
            r.inputs = below->h + below->B * below->ldh;
            r.ld_inputs = below->ldh;
        }
        if (p.layers) p.layers[i] = r;
    }
    long H = net->layers[net->num_layers - 1].num_hiddens;
    p.ldq = row_length(p.Vp);
    if (p.V) {
        p.W_q = take_floats(from, H * p.Vp);
        p.W_qT = take_floats(from, p.V * padded(H));
        p.b_q = take_floats(from, p.Vp);
        p.logits = take_floats(from, rows * p.ldq);
    }
    p.sums = take(from, net->num_threads * sizeof(double));
    p.scratch_size = MC * KC + KC * padded(widest);
    p.scratch = take_floats(from, net->num_threads * p.scratch_size);
    return p;
}

static plan plan_of(const network *net)
{
    arena workspace = {net->workspace, 0};
    return layout_network(net, &workspace);
}

static int64_t workspace_size(const network *net)
{
    arena count = {NULL, 0};
    layout_network(net, &count);
    return count.used;
}

static void start_states(run *r)
{
    const layer *w = r->w;
    copy_rows(r->h, r->ldh, r->Hp, w->start[0], r->H, r->H, r->B);
    if (r->cells)
        copy_rows(r->cells, r->ldh, r->Hp, w->start[1], r->H, r->H, r->B);
}

static void pack_output(const network *net, const plan *p)
{
    long H = p->layers[net->num_layers - 1].H, V = p->V;
    long in = net->output_transposed ? 1 : V, out = net->output_transposed ? H : 1;
    pack(p->W_q, H, 0, H, net->W_q, in, out, H, V);
    if (net->training)
        pack(p->W_qT, V, 0, V, net->W_q, out, in, V, H);
    copy_rows(p->b_q, p->Vp, p->Vp, net->b_q, V, V, 1);
}

static void run_forward(network *net, const plan *p)
{
    for (long i = 0; i < net->num_layers; i++) {
        run *r = &p->layers[i];
        if (r->tokens)
            memcpy(r->tokens, net->tokens, r->T * r->B * sizeof(int32_t));
        prepare(r, net->num_threads, net->training);
        start_states(r);
        in_time(r, net->num_threads, forward_in_time);
        for (int s = 0; s < 2; s++) {
            const float *state = s ? r->cells : r->h;
            if (r->w->end[s])
                copy_rows(r->w->end[s], r->H, r->H, state + r->T * r->B * r->ldh, r->ldh, r->H,
                          r->B);
        }
    }
}

/* From the last layer's gradient by its outputs (dh_out) down to everything else. */
static void run_backward(network *net, const plan *p)
{
    for (long i = net->num_layers - 1; i >= 0; i--) {
        run *r = &p->layers[i];
        const layer *w = r->w;
        copy_rows(r->dh, r->ldh, r->Hp, w->dend[0], r->H, r->H, r->B);
        if (r->dcells)
            copy_rows(r->dcells, r->ldh, r->Hp, w->dend[1], r->H, r->H, r->B);
        in_time(r, net->num_threads, backward_in_time);
        for (int s = 0; s < 2; s++)
            if (w->dstart[s])
                copy_rows(w->dstart[s], r->H, r->H, s ? r->dcells : r->dh, r->ldh, r->H, r->B);
        layer_gradients(r, net->num_threads, p->scratch, p->scratch_size);
        if (i > 0) {
            run *below = &p->layers[i - 1];
            copy_rows(below->dh_out, below->ldh, below->Hp, r->dx, r->ld_dx, r->I, r->T * r->B);
        }
    }
}

static void forward(network *net)
{
    plan p = plan_of(net);
    run_forward(net, &p);
    const run *last = &p.layers[net->num_layers - 1];
    copy_rows(net->outputs, last->H, last->H, last->h + last->B * last->ldh, last->ldh, last->H,
              last->T * last->B);
}

static void backward(network *net)
{
    plan p = plan_of(net);
    run *first = &p.layers[0], *last = &p.layers[net->num_layers - 1];
    copy_rows(last->dh_out, last->ldh, last->Hp, net->doutputs, last->H, last->H,
              last->T * last->B);
    run_backward(net, &p);
    if (net->dinputs)
        copy_rows(net->dinputs, first->I, first->I, first->dx, first->ld_dx, first->I,
                  first->T * first->B);
}

/* A row of logits becomes the mean loss' gradient by them; returns the token's own loss. */
static double cross_entropy(float *logits, long V, long Vp, long label, float weight)
{
    float most = logits[0], own = logits[label];
    for (long j = 1; j < V; j++)
        if (!(logits[j] <= most)) most = logits[j];
    double sum = 0;
    for (long j = 0; j < Vp; j += W) {
        vec e = vexp(load(logits + j) - most);
        store(logits + j, e);
        float lanes = 0;
        for (long i = 0; i < W && j + i < V; i++)
            lanes += e[i];
        sum += lanes;
    }
    float scale = weight / (float)sum;
    for (long j = 0; j < V; j++)
        logits[j] *= scale;
    memset(logits + V, 0, (Vp - V) * sizeof(float));
    logits[label] -= weight;
    return log(sum) + most - own;
}

/* Logits, loss, and the gradients by the logits and by the last layer's outputs. */
static void output_layer(network *net, const plan *p)
{
    const run *last = &p->layers[net->num_layers - 1];
    long rows = last->T * last->B;
    memset(p->sums, 0, net->num_threads * sizeof(double));
    pack_output(net, p);
    #pragma omp parallel num_threads(net->num_threads)
    {
        int id = omp_get_thread_num();
        long from, to;
        share(rows, MR, omp_get_num_threads(), id, &from, &to);
        for (long m = from; m < to; m += ROWS) {
            long n = to - m < ROWS ? to - m : ROWS;
            float *logits = p->logits + m * p->ldq;
            const float *h = last->h + (last->B + m) * last->ldh;
            for (long i = 0; i < n; i++)
                memcpy(logits + i * p->ldq, p->b_q, p->Vp * sizeof(float));
            product(n, last->H, h, last->ldh, p->W_q, 0, p->Vp / NR, logits, p->ldq, 1);
            for (long i = 0; i < n; i++)
                p->sums[id] += cross_entropy(logits + i * p->ldq, p->V, p->Vp,
                                             net->labels[m + i], 1.0f / rows);
            product(n, p->V, logits, p->ldq, p->W_qT, 0, last->Hp / NR,
                    last->dh_out + m * last->ldh, last->ldh, 0);
        }
        #pragma omp barrier
        weight_gradient(last->H, p->V, rows, last->h + last->B * last->ldh, last->ldh, p->logits,
                        p->ldq, net->dW_q, net->output_transposed,
                        p->scratch + id * p->scratch_size);
        share(p->V, 1, omp_get_num_threads(), id, &from, &to);
        column_sums(net->db_q, p->logits, p->ldq, rows, from, to);
    }
    net->loss = 0;
    for (int i = 0; i < net->num_threads; i++)
        net->loss += p->sums[i] / rows;
}

/* Gradients as one vector, scaled to the norm if theirs is larger; weights -= lr * gradient. */
static void clipped_sgd(parameter *params, int64_t count, int threads, double *sums,
                        float clip_norm, float lr)
{
    memset(sums, 0, threads * sizeof(double));
    #pragma omp parallel num_threads(threads)
    {
        int id = omp_get_thread_num(), all = omp_get_num_threads();
        long from, to;
        for (long n = 0; n < count; n++) {
            share(params[n].size, 16, all, id, &from, &to);
            const float *g = params[n].grad;
            for (long i = from; i < to; i += 256) {
                /* Short sums in float, so that they vectorise; long ones in double. */
                long end = i + 256 < to ? i + 256 : to, j = i;
                vec squares = {0};
                for (; j + W <= end; j += W)
                    squares += load(g + j) * load(g + j);
                for (int lane = 0; lane < W; lane++)
                    sums[id] += squares[lane];
                for (; j < end; j++)
                    sums[id] += g[j] * g[j];
            }
        }
        #pragma omp barrier
        double sum = 0;
        for (int i = 0; i < all; i++)
            sum += sums[i];
        double norm = sqrt(sum);
        float scale = norm > clip_norm ? lr * clip_norm / norm : lr;
        for (long n = 0; n < count; n++) {
            share(params[n].size, 16, all, id, &from, &to);
            for (long i = from; i < to; i++)
                params[n].weight[i] -= scale * params[n].grad[i];
        }
    }
}

static void train_step(network *net, parameter *params, int64_t count, float clip_norm, float lr)
{
    plan p = plan_of(net);
    run_forward(net, &p);
    output_layer(net, &p);
    run_backward(net, &p);
    clipped_sgd(params, count, net->num_threads, p.sums, clip_norm, lr);
}

static void generate(network *net, const int32_t *prefix, int64_t prefix_size, int32_t *added,
                     int64_t count)
{
    plan p = plan_of(net);
    for (long i = 0; i < net->num_layers; i++) {
        run *r = &p.layers[i];
        if (r->tokens)
            r->tokens[0] = prefix[0];
        prepare(r, net->num_threads, net->training);
        start_states(r);
    }
    pack_output(net, &p);
    const run *last = &p.layers[net->num_layers - 1];
    for (long n = 0; n < prefix_size + count - 1; n++) {
        p.layers[0].tokens[0] = n < prefix_size ? prefix[n] : added[n - prefix_size];
        for (long i = 0; i < net->num_layers; i++) {
            run *r = &p.layers[i];
            if (!r->tokens) {
                memcpy(r->x, r->bias, r->gates * r->Hp * sizeof(float));
                product(1, r->I, r->inputs, r->ld_inputs, r->W_x, 0, r->gates * r->Hp / NR, r->x,
                        r->ldg, 1);
            }
            in_time(r, net->num_threads, forward_in_time);
        }
        if (n >= prefix_size - 1) {
            float *logits = p.logits;
            memcpy(logits, p.b_q, p.Vp * sizeof(float));
            product(1, last->H, last->h + last->ldh, last->ldh, p.W_q, 0, p.Vp / NR, logits,
                    p.ldq, 1);
            int32_t likeliest = 0;
            for (long j = 1; j < p.V; j++)
                if (logits[j] > logits[likeliest]) likeliest = j;
            added[n - prefix_size + 1] = likeliest;
        }
        for (long i = 0; i < net->num_layers; i++) {
            run *r = &p.layers[i];
            memcpy(r->h, r->h + r->ldh, r->Hp * sizeof(float));
            if (r->cells)
                memcpy(r->cells, r->cells + r->ldh, r->Hp * sizeof(float));
        }
    }
}

const kernels KERNELS = {ISA, workspace_size, forward, backward, train_step, generate};
