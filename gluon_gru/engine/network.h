/* A network: recurrent layers, the dense layer with the loss, and the training step. */

typedef struct {
    run *layers;
    float *W_q, *W_qT, *b_q;  /* packed, and the bias padded */
    float *logits;            /* then their gradient */
    int all_logits;           /* of all tokens, or of ROWS for each thread */
    long V, Vp, ldq;
    int threads, logit_threads; /* the latter for a token's logits alone */
    double *sums;             /* one per thread */
    double *chances, *sorted; /* for a token that is drawn: V of each */
} plan;

/* What the layer above reads. */
static const float *outputs_of(const run *r)
{
    return r->masked ? r->masked : r->h + r->B * r->ldh;
}

static plan layout_network(const network *net, arena *from)
{
    plan p = {.V = net->logits_size, .Vp = padded(net->logits_size), .threads = threads_for(net)};
    long rows = net->num_steps * rows_at_once(net);
    p.layers = take(from, net->num_layers * sizeof(run));
    for (long i = 0; i < net->num_layers; i++) {
        run r = layout(net, i, from);
        if (i == 0) {
            r.inputs = net->inputs;
            r.ld_inputs = r.I;
        } else if (p.layers) {
            const run *below = &p.layers[i - 1];
            r.inputs = outputs_of(below);
            r.ld_inputs = below->ldh;
            r.dx = below->dh_out;
        }
        if (p.layers) p.layers[i] = r;
    }
    long H = net->layers[net->num_layers - 1].num_hiddens;
    p.ldq = row_length(p.Vp);
    if (p.V) {
        p.W_q = take_floats(from, H * p.Vp);
        p.W_qT = take_to_train(net, from, p.V * padded(H));
        p.b_q = take_floats(from, p.Vp);
        /* Without training, each thread needs but those of the rows that it is at. */
        p.all_logits = net->training || rows <= p.threads * ROWS;
        p.logits = take_floats(from, (p.all_logits ? rows : p.threads * ROWS) * p.ldq);
        p.logit_threads = threads_worth(net, p.Vp * H / 200000);
        p.chances = take(from, rows == 1 ? p.V * sizeof(double) : 0);
        p.sorted = take(from, rows == 1 ? p.V * sizeof(double) : 0);
    }
    p.sums = take(from, p.threads * sizeof(double));
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

/* A part's rows of a state, or of its gradient, that the caller has. */
static const float *rows_of(const run *r, const float *state)
{
    return state ? state + r->first * r->H : NULL;
}

static void start_states(run *r)
{
    const layer *w = r->w;
    for (int s = 0; s < (r->cells ? 2 : 1); s++)
        copy_rows(s ? r->cells : r->h, r->ldh, r->Hp, rows_of(r, w->start[s]), r->H, r->H, r->B);
}

static void pack_output(const network *net, const plan *p)
{
    long H = p->layers[net->num_layers - 1].H, V = p->V;
    long in = net->output_transposed ? 1 : V, out = net->output_transposed ? H : 1;
    #pragma omp parallel num_threads(p->threads)
    {
        long from, to;
        int id = omp_get_thread_num(), all = omp_get_num_threads();
        share(V, NR, all, id, &from, &to);
        pack(p->W_q + from * H, H, 0, H, net->W_q + from * out, in, out, H, to - from);
        share(H, NR, all, id, &from, &to);
        if (net->training)
            pack(p->W_qT + from * V, V, 0, V, net->W_q + from * in, out, in, V, to - from);
    }
    copy_rows(p->b_q, p->Vp, p->Vp, net->b_q, V, V, 1);
}

/* A row of hidden units times the layer's mask. */
static void mask_row(const run *r, long row, float *to, const float *from)
{
    const float *mask = r->w->mask + callers_row(r, row) * r->H;
    long j = 0;
    for (; j + W <= r->H; j += W)
        store(to + j, load(from + j) * load(mask + j));
    for (; j < r->H; j++)
        to[j] = from[j] * mask[j];
}

static void apply_mask(const run *r, float *to, const float *from, int threads)
{
    #pragma omp parallel for num_threads(threads)
    for (long row = 0; row < r->T * r->B; row++)
        mask_row(r, row, to + row * r->ldh, from + row * r->ldh);
}

static void pack_weights(const network *net, const plan *p)
{
    for (long i = 0; i < net->num_layers; i++)
        pack_layer(&p->layers[i], p->threads, net->training);
}

static void run_forward(network *net, const plan *p)
{
    for (long i = 0; i < net->num_layers; i++) {
        run *r = &p->layers[i];
        if (r->tokens)
            number_words(r, net->tokens);
        input_part(r, p->threads);
        start_states(r);
        in_time(r, p->threads, forward_in_time);
        if (r->masked)
            apply_mask(r, r->masked, r->h + r->B * r->ldh, p->threads);
        for (int s = 0; s < 2; s++) {
            const float *state = s ? r->cells : r->h;
            if (r->w->end[s])
                copy_rows(r->w->end[s] + r->first * r->H, r->H, r->H,
                          state + r->T * r->B * r->ldh, r->ldh, r->H, r->B);
        }
    }
}

/* From the gradient of the last layer's outputs (dh_out) down to all others. */
static void run_backward(network *net, const plan *p)
{
    for (long i = net->num_layers - 1; i >= 0; i--) {
        run *r = &p->layers[i];
        const layer *w = r->w;
        for (int s = 0; s < (r->dcells ? 2 : 1); s++)
            copy_rows(s ? r->dcells : r->dh, r->ldh, r->Hp, rows_of(r, w->dend[s]), r->H, r->H,
                      r->B);
        in_time(r, p->threads, backward_in_time);
        for (int s = 0; s < 2; s++)
            if (w->dstart[s])
                copy_rows(w->dstart[s] + r->first * r->H, r->H, r->H, s ? r->dcells : r->dh,
                          r->ldh, r->H, r->B);
        layer_gradients(r, p->threads);
        if (i > 0) {
            run *below = &p->layers[i - 1];
            if (below->masked)
                apply_mask(below, below->dh_out, below->dh_out, p->threads);
        }
    }
}

static void forward(network *net)
{
    plan p = plan_of(net);
    pack_weights(net, &p);
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

/* The largest of n numbers. */
static float largest(const float *of, long n)
{
    long j = 0;
    float most = of[0];
    vec each = splat(most);
    for (; j + W <= n; j += W)
        each = choose(load(of + j) > each, load(of + j), each);
    for (int lane = 0; lane < W; lane++)
        most = each[lane] > most ? each[lane] : most;
    for (; j < n; j++)
        most = of[j] > most ? of[j] : most;
    return most;
}

/* Overwrites a row of logits by the gradient of the mean loss, of which the token's loss has this
   weight, unless that is 0; returns the token's loss. */
static double cross_entropy(float *logits, long V, long Vp, long label, float weight)
{
    INDEX(label, V);
    float own = logits[label], most = largest(logits, V);
    double sum = 0;
    for (long block = 0; block < V; block += 64 * W) {
        /* Short sums in float, so that they vectorise; long ones in double. */
        vec sums = {0};
        long end = least(block + 64 * W, V), j = block;
        for (; j < end; j += W) {
            vec e = vexp(load(logits + j) - most);
            store(logits + j, e);
            for (long i = end - j; i < W; i++)
                e[i] = 0;
            sums += e;
        }
        for (int lane = 0; lane < W; lane++)
            sum += sums[lane];
    }
    double loss = log(sum) + most - own;
    if (!weight) return loss;
    float scale = weight / (float)sum;
    for (long j = 0; j < V; j++)
        logits[j] *= scale;
    memset(logits + V, 0, (Vp - V) * sizeof(float));
    logits[label] -= weight;
    return loss;
}

/* Logits and loss; in training, also the gradients of the logits and the last layer's outputs. */
static void output_layer(network *net, const plan *p)
{
    const run *last = &p->layers[net->num_layers - 1];
    long rows = last->T * last->B;
    float weight = net->training ? 1.0f / (last->T * last->batch) : 0;
    #pragma omp parallel num_threads(p->threads)
    {
        int id = omp_get_thread_num();
        INDEX(id, p->threads);
        long from, to;
        share(rows, MR, omp_get_num_threads(), id, &from, &to);
        for (long m = from; m < to; m += ROWS) {
            long n = to - m < ROWS ? to - m : ROWS;
            float *logits = p->logits + (p->all_logits ? m : id * ROWS) * p->ldq;
            const float *h = last->h + (last->B + m) * last->ldh;
            for (long i = 0; i < n; i++)
                memcpy(logits + i * p->ldq, p->b_q, p->Vp * sizeof(float));
            product(n, last->H, h, last->ldh, p->W_q, 0, p->Vp / NR, logits, p->ldq, 1);
            for (long i = 0; i < n; i++)
                p->sums[id] += cross_entropy(logits + i * p->ldq, p->V, p->Vp,
                                             net->labels[callers_row(last, m + i)], weight);
            if (net->training)
                product(n, p->V, logits, p->ldq, p->W_qT, 0, last->Hp / NR,
                        last->dh_out + m * last->ldh, last->ldh, 0);
        }
        if (net->training) {
            #pragma omp barrier
            weight_gradient(last->H, p->V, rows, last->h + last->B * last->ldh, last->ldh,
                            p->logits, p->ldq, net->dW_q, net->output_transposed, last->first > 0);
            share(p->V, 1, omp_get_num_threads(), id, &from, &to);
            column_sums(net->db_q, p->logits, p->ldq, rows, from, to, last->first > 0);
        }
    }
}

/* The network over a minibatch, part by part: the loss and, in training, all gradients. */
static void run_parts(network *net, const plan *p)
{
    long rows = p->layers[0].B;
    memset(p->sums, 0, p->threads * sizeof(double));
    pack_weights(net, p);
    pack_output(net, p);
    for (long first = 0; first < net->batch_size; first += rows) {
        for (long i = 0; i < net->num_layers; i++) {
            run *r = &p->layers[i];
            r->first = first;
            r->B = least(rows, net->batch_size - first);
            if (i > 0)
                r->inputs = outputs_of(r - 1);
        }
        run_forward(net, p);
        output_layer(net, p);
        if (net->training)
            run_backward(net, p);
    }
    net->loss = 0;
    for (int i = 0; i < p->threads; i++)
        net->loss += p->sums[i] / (net->num_steps * net->batch_size);
}

static void train_step(network *net, parameter *params, int64_t count, const optimizer *o)
{
    plan p = plan_of(net);
    run_parts(net, &p);
    clip_and_update(params, count, p.threads, p.sums, o);
}

static void score(network *net)
{
    plan p = plan_of(net);
    run_parts(net, &p);
}
