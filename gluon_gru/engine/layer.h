/* A layer over a sequence: its inputs, the loop over time in both directions, its gradients. */
#define STEP_ROWS 48 /* rows of a minibatch that go through a time step together */

/* Returns a token's row in the table of the words; a new one gets the next row. */
static int32_t row_of_token(const run *r, int32_t token)
{
    INDEX(token, r->I);
    if (!r->place) return token;
    if (r->place[token] < 0) {
        r->words[*r->num_words] = token;
        r->place[token] = (*r->num_words)++;
    }
    return r->place[token];
}

/* Empties the table of the words, unless it has all of them. */
static void begin_table(const run *r)
{
    *r->num_words = 0;
    if (r->place)
        memset(r->place, -1, r->I * sizeof(int32_t));
    for (; !r->place && *r->num_words < r->I; (*r->num_words)++)
        r->words[*r->num_words] = *r->num_words;
}

/* Notes which words a minibatch has, and each token's row in the table of them. */
static void number_words(const run *r, const int32_t *tokens)
{
    begin_table(r);
    for (long row = 0; row < r->T * r->B; row++)
        r->tokens[row] = row_of_token(r, tokens[callers_row(r, row)]);
}

/* The words' rows, from `first` on, of the input's weights and the gates' biases: units from..to) of
   each gate. */
static void fill_table(const run *r, long first, long from, long to)
{
    const layer *w = r->w;
    long H = r->H, Hp = r->Hp, words = *r->num_words, end = least(to, H);
    for (int g = 0; g < r->gates; g++) {
        for (long k = first; k < words; k++)
            memcpy(r->x + k * r->ldg + g * Hp + from, r->bias + g * Hp + from,
                   (to - from) * sizeof(float));
        /* The inner loop goes along the weights in memory. */
        if (w->transposed)
            for (long j = from; j < end; j++)
                for (long k = first; k < words; k++)
                    r->x[k * r->ldg + g * Hp + j] += w->W_x[g][j * r->I + r->words[k]];
        else
            for (long k = first; k < words; k++)
                for (long j = from; j < end; j++)
                    r->x[k * r->ldg + g * Hp + j] += w->W_x[g][r->words[k] * H + j];
    }
}

/* Packs the weights. */
static void pack_layer(run *r, int threads, int training)
{
    const layer *w = r->w;
    long H = r->H, Hp = r->Hp, I = r->I, width = r->gates * Hp;
    /* Strides of W_x and W_h as (inputs, hiddens), transposed or not. */
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
    #pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int task = 0; task < 3 * r->gates; task++) {
        int g = task / 3, early = g < r->early;
        if (task % 3 == 0)
            pack(r->W_h + g * Hp * H, H, 0, H, w->W_h[g], h_in, h_out, H, H);
        else if (task % 3 == 1 && training)
            pack(early ? r->W_hT : r->W_hT_late, early ? r->early * Hp : Hp, early ? g * Hp : 0, Hp,
                 w->W_h[g], h_out, h_in, H, H);
        else if (task % 3 == 2 && !r->tokens) {
            pack(r->W_x + g * Hp * I, I, 0, I, w->W_x[g], x_in, x_out, I, H);
            if (training)
                pack(r->W_xT, width, g * Hp, Hp, w->W_x[g], x_out, x_in, H, I);
        }
    }
}

/* Computes what depends only on the inputs, for all steps at once. */
static void input_part(const run *r, int threads)
{
    long width = r->gates * r->Hp;
    #pragma omp parallel num_threads(threads)
    {
        long from, to;
        int id = omp_get_thread_num(), all = omp_get_num_threads();
        if (r->tokens) {
            share(r->Hp, NR, all, id, &from, &to);
            fill_table(r, 0, from, to);
        } else {
            share(r->T * r->B, MR, all, id, &from, &to);
            for (long i = from; i < to; i++)
                memcpy(r->x + i * r->ldg, r->bias, width * sizeof(float));
            product(to - from, r->I, r->inputs + from * r->ld_inputs, r->ld_inputs, r->W_x, 0,
                    width / NR, r->x + from * r->ldg, r->ldg, 1);
        }
    }
}

/* A thread's share of the work: rows row0 to row1 of every step, units j0 to j1. */
typedef struct { long row0, row1, j0, j1; int shared; } part;

/* Waits for the other threads, if they read this thread's rows. */
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
    /* Blocks of rows stay in the cache from product to cell; if threads share rows, one block. */
    long block = p->shared ? p->row1 - p->row0 : STEP_ROWS;
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

static void backward_in_time(const run *r, const part *p)
{
    int cell = r->w->cell;
    long p0 = p->j0 / NR, p1 = p->j1 / NR, block = p->shared ? p->row1 - p->row0 : STEP_ROWS;
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

/* How many threads share the hidden units of the same rows: all groups of them are alike, and have a
   row at least. 1 if there are rows enough for every thread. */
static int threads_of_rows(const run *r, int threads)
{
    long units = r->Hp / NR, best = 0;
    int found = 1;
    for (int along = 1; r->B < 4 * threads && along <= least(threads, units); along++) {
        long groups = least(threads / along, r->B), rows = (r->B + groups - 1) / groups;
        /* Fewer rows than a tile has take as long as a whole one. */
        long work = (rows > MR ? rows : MR) * ((units + along - 1) / along);
        if (!best || work < best) {
            best = work;
            found = along;
        }
    }
    return found;
}

/* Runs one of the two above on all threads. */
static void in_time(const run *r, int threads, void (*pass)(const run *, const part *))
{
    int along = threads_of_rows(r, threads), groups = least(threads / along, r->B);
    #pragma omp parallel num_threads(groups * along)
    {
        int id = omp_get_thread_num(), all = omp_get_num_threads();
        /* There may be fewer threads than asked for: then all of them share all rows. */
        int together = along == 1 || all == groups * along ? along : all;
        part p = {.shared = together > 1};
        share(r->B, 1, all / together, id / together, &p.row0, &p.row1);
        share(r->Hp, NR, together, id % together, &p.j0, &p.j1);
        pass(r, &p);
    }
}

/* This thread's part of a weight's gradient: C (+)= A^T . B as (M, N), or (N, M) if transposed. */
static void weight_gradient(long M, long N, long depth, const float *A, long lda, const float *B,
                            long ldb, float *C, int transposed, int add)
{
    int id = omp_get_thread_num(), all = omp_get_num_threads();
    long from, to;
    if (!C) return;
    if (transposed) {
        share(M, NR, all, id, &from, &to);
        outer(N, to - from, depth, B, ldb, A + from, lda, C + from, M, add);
    } else {
        share(N, NR, all, id, &from, &to);
        outer(M, to - from, depth, A, lda, B + from, ldb, C + from, N, add);
    }
}

static void column_sums(float *to, const float *from, long ld, long rows, long j0, long j1, int add)
{
    if (!to) return;
    if (!add)
        memset(to + j0, 0, (j1 - j0) * sizeof(float));
    for (long i = 0; i < rows; i++)
        for (long j = j0; j < j1; j++)
            to[j] += from[i * ld + j];
}

/* Sums the gates' gradients of each word's tokens in the table, units from..to) of each gate; these
   sums are the words' part of the gradient with respect to W_x. */
static void sum_by_word(const run *r, long from, long to)
{
    const layer *w = r->w;
    long H = r->H, I = r->I, words = *r->num_words, end = least(to, H);
    int add = r->first > 0;
    for (int g = 0; g < r->gates; g++) {
        float *dx = r->dx + g * r->Hp, *dW = w->dW_x[g];
        const float *a = r->a + g * r->Hp;
        for (long k = 0; k < words; k++)
            memset(dx + k * r->ld_dx + from, 0, (to - from) * sizeof(float));
        for (long row = 0; row < r->T * r->B; row++) {
            INDEX(r->tokens[row], words);
            float *sum = dx + r->tokens[row] * r->ld_dx;
            for (long j = from; j < to; j += W)
                store(sum + j, load(sum + j) + load(a + row * r->ldg + j));
        }
        if (!dW) continue;
        /* Other words have a gradient of zero. The inner loops go along the gradients in memory. */
        if (w->transposed) {
            for (long j = from; j < end; j++) {
                if (!add)
                    memset(dW + j * I, 0, I * sizeof(float));
                for (long k = 0; k < words; k++)
                    dW[j * I + r->words[k]] += dx[k * r->ld_dx + j];
            }
        } else {
            for (long i = 0; !add && i < I; i++)
                memset(dW + i * H + from, 0, (end - from) * sizeof(float));
            for (long k = 0; k < words; k++)
                for (long j = from; j < end; j++)
                    dW[r->words[k] * H + j] += dx[k * r->ld_dx + j];
        }
    }
}

/* All gradients with respect to the layer's weights and inputs, after backward_in_time. */
static void layer_gradients(const run *r, int threads)
{
    const layer *w = r->w;
    long rows = r->T * r->B, H = r->H, Hp = r->Hp, I = r->I, width = r->gates * Hp;
    int add = r->first > 0;
    #pragma omp parallel num_threads(threads)
    {
        int id = omp_get_thread_num(), all = omp_get_num_threads();
        long from, to;
        if (r->tokens) {
            share(Hp, NR, all, id, &from, &to);
            sum_by_word(r, from, to);
            #pragma omp barrier
        } else if (r->wants_dx) {
            share(rows, MR, all, id, &from, &to);
            product(to - from, width, r->a + from * r->ldg, r->ldg, r->W_xT, 0, padded(I) / NR,
                    r->dx + from * r->ld_dx, r->ld_dx, 0);
        }
        for (int g = 0; g < r->gates; g++) {
            int before = w->cell == GRU_BEFORE && g == 2, after = w->cell == GRU_AFTER && g == 2;
            const float *a = r->a + g * Hp, *recurrent = after ? r->late : a;
            long ld = after ? r->ldh : r->ldg;
            weight_gradient(H, H, rows, before ? r->late : r->h, r->ldh, recurrent, ld,
                            w->dW_h[g], w->transposed, add);
            if (!r->tokens)
                weight_gradient(I, H, rows, r->inputs, r->ld_inputs, a, r->ldg, w->dW_x[g],
                                w->transposed, add);
            share(H, 1, all, id, &from, &to);
            /* For tokens, the rows of the table already hold the sums of the gates' gradients. */
            const float *summed = r->tokens ? r->dx + g * Hp : a;
            long lds = r->tokens ? r->ld_dx : r->ldg, count = r->tokens ? *r->num_words : rows;
            column_sums(w->db_x[g], summed, lds, count, from, to, add);
            if (after)
                column_sums(w->db_h[g], recurrent, ld, rows, from, to, add);
            else
                column_sums(w->db_h[g], summed, lds, count, from, to, add);
        }
    }
}
