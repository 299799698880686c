/* What a layer keeps between forward and backward; how workspaces and work are divided. */
static const int GATES[] = {1, 1, 3, 3, 4};

/* In addition to the layer's own weights. Matrices have one row per token; `ld` is its length. */
typedef struct {
    const layer *w;
    int gates, early;       /* gates, and how many of them are in the step's first product */
    long T, B, I, H, Hp;
    long batch, first;      /* the caller's minibatch has `batch` rows, of which these B, from `first`
                               on, are computed at a time */
    long ldg, ldh;          /* rows of gates, rows of hidden units */
    int32_t *tokens;        /* rows of the table x; NULL for dense inputs */
    int32_t *words;         /* the row's token in the vocabulary: those of the minibatch, or all */
    int32_t *num_words;     /* how many rows of the table are in use */
    int32_t *place;         /* of each token in the table, if that doesn't have all */
    const float *inputs;
    long ld_inputs;
    float *x;               /* the input's part of the gates: a row per token, or a table of words */
    float *bias;            /* the gates' biases, except those inside the products */
    float *W_x, *W_xT;      /* packed, for dense inputs */
    float *W_h;             /* packed, all gates */
    float *W_hT, *W_hT_late; /* packed for backward: the early gates, and the candidate */
    float *b_late;          /* GRU_AFTER: the candidate's bias within the recurrent product */
    float *h;               /* hidden states including the first, (T + 1) * B rows */
    float *cells;           /* LSTM: memory cells, as h */
    float *a;               /* forward: the gates; backward: their pre-activations' gradients */
    float *late;            /* GRU_BEFORE: R * H; GRU_AFTER: H . W_hh + b, then its gradient;
                               LSTM: tanh of the memory cells */
    float *dh, *dcells;     /* gradient of the state, B rows, passed back through time */
    float *drh;             /* GRU_BEFORE: gradient of R * H, B rows */
    float *dh_out;          /* gradient of the outputs, T * B rows */
    float *masked;          /* the outputs, times the mask, if there is one */
    float *dx;              /* of dense inputs, T * B rows; for tokens, of the table x */
    long ld_dx;
    int wants_dx;
} run;

/* Allocates from a workspace, piece by piece; with NULL it only counts. */
typedef struct { char *base; size_t used; } arena;

static void *take(arena *from, size_t bytes)
{
    void *piece = from->base ? from->base + from->used : NULL;
    size_t whole = (bytes + 63) / 64 * 64;
#ifdef __SANITIZE_ADDRESS__
    /* With a gap after it, which the address sanitizer watches. */
    void __asan_poison_memory_region(const volatile void *, size_t);
    whole += 64;
    if (piece) __asan_poison_memory_region((char *)piece + bytes, whole - bytes);
#endif
    from->used += whole;
    return piece;
}

static float *take_floats(arena *from, size_t count) { return take(from, count * sizeof(float)); }

/* What only training needs. */
static float *take_to_train(const network *net, arena *from, size_t count)
{
    return take_floats(from, net->training ? count : 0);
}

static long padded(long n) { return (n + NR - 1) / NR * NR; }

/* The length of a row of n: not a power of two, since then all rows would share few cache sets. */
static long row_length(long n) { return n % 64 ? n : n + 16; }

/* A large minibatch of a model is computed in parts, so that what a part leaves behind is still in a
   cache, and memory for it needed but once. */
static long rows_at_once(const network *net)
{
    long most = 64 * net->num_threads;
    if (!net->tokens || !net->logits_size) return net->batch_size;
    return part_of(net->batch_size, most < 128 ? 128 : most, 1);
}

/* Where the caller has a token's row. */
static long callers_row(const run *r, long row)
{
    return row / r->B * r->batch + r->first + row % r->B;
}

static run layout(const network *net, int64_t index, arena *from)
{
    const layer *w = &net->layers[index];
    run r = {.w = w, .gates = GATES[w->cell], .T = net->num_steps, .B = rows_at_once(net),
             .batch = net->batch_size, .I = w->num_inputs, .H = w->num_hiddens,
             .Hp = padded(w->num_hiddens)};
    int gru = w->cell == GRU_BEFORE || w->cell == GRU_AFTER;
    r.early = gru ? 2 : r.gates;
    r.wants_dx = index > 0 || net->dinputs;
    r.ldg = row_length(r.gates * r.Hp);
    r.ldh = row_length(r.Hp);
    long rows = r.T * r.B, width = r.gates * r.Hp;
    if (index == 0 && net->tokens) {
        /* A text that is read token by token can have any of them next: each gets its row when it
           first comes. */
        long table = r.I < rows || rows == 1 ? r.I : rows;
        r.tokens = take(from, rows * sizeof(int32_t));
        r.words = take(from, table * sizeof(int32_t));
        r.num_words = take(from, sizeof(int32_t));
        if (table < r.I || rows == 1)
            r.place = take(from, r.I * sizeof(int32_t));
        r.x = take_floats(from, table * r.ldg);
        r.ld_dx = r.ldg;
        r.dx = take_to_train(net, from, table * r.ldg);
    } else {
        r.x = take_floats(from, rows * r.ldg);
        r.W_x = take_floats(from, r.I * width);
        r.W_xT = take_to_train(net, from, width * padded(r.I));
        r.ld_dx = row_length(padded(r.I));
        /* Of an upper layer, it is where the layer below takes it from. */
        r.dx = take_to_train(net, from, index == 0 ? rows * r.ld_dx : 0);
    }
    r.bias = take_floats(from, width);
    r.W_h = take_floats(from, r.H * width);
    r.W_hT = take_to_train(net, from, r.early * r.Hp * r.Hp);
    r.h = take_floats(from, (rows + r.B) * r.ldh);
    r.a = take_floats(from, rows * r.ldg);
    r.dh = take_to_train(net, from, r.B * r.ldh);
    r.dh_out = take_to_train(net, from, rows * r.ldh);
    if (w->mask)
        r.masked = take_floats(from, rows * r.ldh);
    if (w->cell == LSTM) {
        r.cells = take_floats(from, (rows + r.B) * r.ldh);
        r.dcells = take_to_train(net, from, r.B * r.ldh);
        r.late = take_floats(from, rows * r.ldh);
    }
    if (gru) {
        r.W_hT_late = take_to_train(net, from, r.Hp * r.Hp);
        r.b_late = take_floats(from, r.Hp);
        r.late = take_floats(from, rows * r.ldh);
        r.drh = take_to_train(net, from, r.B * r.ldh);
    }
    return r;
}

/* A row of a matrix; NULL for a matrix that the layer's cell doesn't have. */
INLINE float *row_of(float *matrix, long i, long ld) { return matrix ? matrix + i * ld : NULL; }

/* Copies rows of n floats, padded with zeros to the width of `to`; from NULL, all zeros. */
static void copy_rows(float *to, long ld_to, long padded_width, const float *from, long ld_from,
                      long n, long rows)
{
    INDEX(padded_width - 1, ld_to);
    INDEX(n - 1, padded_width);
    for (long i = 0; i < rows; i++) {
        if (from)
            memcpy(to + i * ld_to, from + i * ld_from, n * sizeof(float));
        long copied = from ? n : 0;
        memset(to + i * ld_to + copied, 0, (padded_width - copied) * sizeof(float));
    }
}

/* Thread `id`'s part of `count` things, in whole units. */
static void share(long count, long unit, int threads, int id, long *from, long *to)
{
    long units = (count + unit - 1) / unit;
    *from = units * id / threads * unit;
    *to = units * (id + 1) / threads * unit;
    if (*to > count) *to = count;
    if (*from > count) *from = count;
}

/* As many threads as work is worth, in units of what one more of them costs. */
static int threads_worth(const network *net, double worth)
{
    if (net->all_threads || worth >= net->num_threads) return net->num_threads;
    return worth < 2 ? 1 : (int)worth;
}

/* How many threads to use for a whole training step, since a thread that sleeps in between takes
   long to wake. Threads that share rows wait a few times per training step, for microseconds;
   threads that share hidden units wait twice in every time step. */
static int threads_for(const network *net)
{
    double products = 0;
    for (long i = 0; i < net->num_layers; i++)
        products += 1.0 * GATES[net->layers[i].cell] * net->layers[i].num_hiddens
                    * net->layers[i].num_hiddens * net->batch_size;
    return threads_worth(net, net->batch_size >= 4 * net->num_threads
                                  ? products * net->num_steps / 1250000
                                  : products / 200000);
}
