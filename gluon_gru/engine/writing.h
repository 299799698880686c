/* Reading and generating a text, one token at a time. */

static void begin(network *net)
{
    plan p = plan_of(net);
    for (long i = 0; i < net->num_layers; i++) {
        run *r = &p.layers[i];
        if (r->tokens)
            number_words(r, NULL);
        pack_layer(r, p.threads, net->training);
        input_part(r, p.threads);
        start_states(r);
    }
    pack_output(net, &p);
}

/* One time step; computes the logits unless that is NULL. The state stays in the workspace. */
static void advance(const plan *p, long num_layers, int32_t token, float *logits)
{
    INDEX(token, p->layers[0].I);
    p->layers[0].tokens[0] = token;
    for (long i = 0; i < num_layers; i++) {
        run *r = &p->layers[i];
        if (!r->tokens) {
            memcpy(r->x, r->bias, r->gates * r->Hp * sizeof(float));
            product(1, r->I, r->inputs, r->ld_inputs, r->W_x, 0, r->gates * r->Hp / NR, r->x,
                    r->ldg, 1);
        }
        in_time(r, p->threads, forward_in_time);
    }
    const run *last = &p->layers[num_layers - 1];
    if (logits) {
        memcpy(logits, p->b_q, p->Vp * sizeof(float));
        product(1, last->H, last->h + last->ldh, last->ldh, p->W_q, 0, p->Vp / NR, logits, p->ldq,
                1);
    }
    for (long i = 0; i < num_layers; i++) {
        run *r = &p->layers[i];
        memcpy(r->h, r->h + r->ldh, r->Hp * sizeof(float));
        if (r->cells)
            memcpy(r->cells, r->cells + r->ldh, r->Hp * sizeof(float));
    }
}

static void read_token(network *net, int32_t token, float *logits)
{
    /* Only laid out again: the packed weights and the states are where they were. */
    plan p = plan_of(net);
    advance(&p, net->num_layers, token, p.logits);
    memcpy(logits, p.logits, p.V * sizeof(float));
}

static void generate(network *net, const int32_t *prefix, int64_t prefix_size, int32_t *added,
                     int64_t count)
{
    begin(net);
    plan p = plan_of(net);
    for (long n = 0; n < prefix_size + count - 1; n++) {
        float *logits = n < prefix_size - 1 ? NULL : p.logits;
        advance(&p, net->num_layers, n < prefix_size ? prefix[n] : added[n - prefix_size], logits);
        if (!logits) continue;
        int32_t likeliest = 0;
        for (long j = 1; j < p.V; j++)
            if (logits[j] > logits[likeliest]) likeliest = j;
        added[n - prefix_size + 1] = likeliest;
    }
}
