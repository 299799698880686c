/* Reading and writing a text, one token at a time. */

static void begin(network *net)
{
    plan p = plan_of(net);
    for (long i = 0; i < net->num_layers; i++) {
        run *r = &p.layers[i];
        if (r->tokens)
            begin_table(r);
        pack_layer(r, p.threads, net->training);
        start_states(r);
    }
    pack_output(net, &p);
}

/* The inputs' part of a time step. */
static void read_inputs(const run *r, int32_t token)
{
    if (r->tokens) {
        long known = *r->num_words;
        r->tokens[0] = row_of_token(r, token);
        fill_table(r, known, 0, r->Hp);
    } else {
        memcpy(r->x, r->bias, r->gates * r->Hp * sizeof(float));
        product(1, r->I, r->inputs, r->ld_inputs, r->W_x, 0, r->gates * r->Hp / NR, r->x, r->ldg, 1);
    }
}

/* The logits after a time step. */
static void next_logits(const network *net, const plan *p)
{
    const run *last = &p->layers[net->num_layers - 1];
    memcpy(p->logits, p->b_q, p->Vp * sizeof(float));
    #pragma omp parallel num_threads(p->logit_threads)
    {
        long from, to;
        share(p->Vp, NR, omp_get_num_threads(), omp_get_thread_num(), &from, &to);
        product(1, last->H, last->h + last->ldh, last->ldh, p->W_q, from / NR, to / NR, p->logits,
                p->ldq, 1);
    }
}

/* One time step; the state stays in the workspace. */
static void advance(const network *net, const plan *p, int32_t token)
{
    for (long i = 0; i < net->num_layers; i++) {
        run *r = &p->layers[i];
        read_inputs(r, token);
        in_time(r, p->threads, forward_in_time);
        memcpy(r->h, r->h + r->ldh, r->Hp * sizeof(float));
        if (r->cells)
            memcpy(r->cells, r->cells + r->ldh, r->Hp * sizeof(float));
    }
}

static void read_token(network *net, int32_t token, float *logits)
{
    /* Only laid out again: the packed weights and the states are where they were. */
    plan p = plan_of(net);
    advance(net, &p, token);
    next_logits(net, &p);
    memcpy(logits, p.logits, p.V * sizeof(float));
}

/* The largest but k of n numbers, which are put in another order (Hoare, 1961). */
static double largest_but(double *of, long n, long k)
{
    long first = 0, last = n - 1;
    while (first < last) {
        double pivot = of[first + (last - first) / 2];
        long i = first, j = last;
        while (i <= j) {
            while (of[i] > pivot) i++;
            while (of[j] < pivot) j--;
            if (i <= j) {
                double other = of[i];
                of[i++] = of[j];
                of[j--] = other;
            }
        }
        if (k <= j) last = j;
        else if (k >= i) first = i;
        else break;
    }
    return of[k];
}

static int by_size(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return (one < other) - (one > other);
}

/* Replaces all but the `count` largest of n numbers, the least of which is given; of equal ones the
   first stay. */
static void keep_largest(double *of, long n, long count, double least_kept, double other)
{
    for (long j = 0; j < n; j++)
        count -= of[j] > least_kept;
    for (long j = 0; j < n; j++)
        if (!(of[j] > least_kept) && !(of[j] == least_kept && count-- > 0))
            of[j] = other;
}

/* The first of the tokens with the largest logit. */
static int32_t likeliest(const float *logits, long V, long excluded)
{
    long most = excluded == 0 && V > 1;
    for (long j = most + 1; j < V; j++)
        if (logits[j] > logits[most] && j != excluded) most = j;
    return (int32_t)most;
}

static double sum_of(const double *numbers, long n)
{
    double sum = 0;
    for (long j = 0; j < n; j++)
        sum += numbers[j];
    return sum;
}

/* As `choose` of choosing.py does: the token that is at a place, 0 to 1, in the sum of all chances. */
static int32_t drawn(const plan *p, const choosing *how, double place)
{
    long V = p->V, known = V - (how->excluded >= 0);
    double *chances = p->chances, *sorted = p->sorted, sum = 0;
    int32_t token = likeliest(p->logits, V, how->excluded);
    float most = p->logits[token];
    for (long j = 0; j < V; j++)
        chances[j] = j == how->excluded ? -INFINITY : p->logits[j];
    if (how->top_k && how->top_k < known) {
        memcpy(sorted, chances, V * sizeof(double));
        keep_largest(chances, V, how->top_k, largest_but(sorted, V, how->top_k - 1), -INFINITY);
    }
    for (long j = 0; j < V; j++)
        chances[j] = exp((chances[j] - most) / how->temperature);
    if (how->top_p < 1) {
        long count = 0;
        memcpy(sorted, chances, V * sizeof(double));
        qsort(sorted, V, sizeof(double), by_size);
        double wanted = how->top_p * sum_of(sorted, V);
        for (double reached = sorted[count++]; reached < wanted && count < V;)
            reached += sorted[count++];
        keep_largest(chances, V, count, sorted[count - 1], 0);
    }
    double at = place * sum_of(chances, V);
    for (long j = 0; j < V; j++) {
        sum += chances[j];
        if (chances[j] > 0) token = (int32_t)j;
        if (sum > at) break;
    }
    return token;
}

static void write_text(network *net, const int32_t *tokens, int64_t num_tokens, int32_t *added,
                       int64_t count, const choosing *how, const double *places)
{
    plan p = plan_of(net);
    for (long n = 0; n < num_tokens; n++)
        advance(net, &p, tokens[n]);
    for (long n = 0; n < count; n++) {
        if (n)
            advance(net, &p, added[n - 1]);
        next_logits(net, &p);
        added[n] = how->temperature ? drawn(&p, how, places[n])
                                    : likeliest(p.logits, p.V, how->excluded);
    }
}
