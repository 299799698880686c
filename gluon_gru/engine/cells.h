/* The cells: what happens to a row of gates before, between and after the products, forward and
   backward. The readable cells are in gluon_gru/models/scratch.py. */

/* The input's part of a token's gates. */
INLINE const float *gates_of_input(const run *r, long row)
{
    INDEX(row, r->T * r->B);
    if (!r->tokens) return r->x + row * r->ldg;
    INDEX(r->tokens[row], *r->num_words);
    return r->x + r->tokens[row] * r->ldg;
}

/* What a cell computes from a token's gates after the step's first product, units j0 to j1. */
static void cell_forward(const run *r, long row, long j0, long j1)
{
    long Hp = r->Hp, step = r->B * r->ldh;
    float *a = r->a + row * r->ldg, *h = r->h + row * r->ldh;
    float *late = row_of(r->late, row, r->ldh);
    const float *x = gates_of_input(r, row);
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
            vec squashed = vtanh(C);
            store(c + step + j, C);
            store(late + j, squashed);
            store(h + step + j, O * squashed);
        }
    }
    }
}

/* The book's GRU, after the product of its candidate. */
static void candidate_forward(const run *r, long row, long j0, long j1)
{
    float *a = r->a + row * r->ldg, *c = a + 2 * r->Hp, *h = r->h + row * r->ldh;
    const float *x = gates_of_input(r, row) + 2 * r->Hp;
    for (long j = j0; j < j1; j += W) {
        vec Z = load(a + j), candidate = vtanh(load(c + j) + load(x + j));
        store(c + j, candidate);
        store(h + r->B * r->ldh + j, Z * load(h + j) + (1 - Z) * candidate);
    }
}

/* Pads are zeros, except for a NaN from infinity times zero: keeps it out of the gradients. */
static void clear_pads(const run *r, float *units)
{
    memset(units + r->H, 0, (r->Hp - r->H) * sizeof(float));
}

/* Overwrites a token's gates by the gradients with respect to their pre-activations; leaves in dh
   the part of it that bypasses the products. */
static void cell_backward(const run *r, long row, long i, long j0, long j1)
{
    INDEX(row, r->T * r->B);
    INDEX(i, r->B);
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
            vec candidate = load(a + 3 * Hp + j), squashed = load(late + j);
            vec dC = load(dc + j) + d * O * (1 - squashed * squashed);
            store(a + j, dC * candidate * I * (1 - I));
            store(a + Hp + j, dC * load(c + j) * F * (1 - F));
            store(a + 2 * Hp + j, d * squashed * O * (1 - O));
            store(a + 3 * Hp + j, dC * I * (1 - candidate * candidate));
            store(dc + j, dC * F);
        }
        }
    }
    if (j1 == Hp) {
        for (int g = 0; g < r->gates; g++)
            clear_pads(r, a + g * Hp);
        if (r->w->cell == GRU_AFTER)
            clear_pads(r, late);
    }
}

/* The book's GRU, after the product that gives the gradient with respect to R * H. */
static void reset_backward(const run *r, long row, long i, long j0, long j1)
{
    float *gate = r->a + row * r->ldg + r->Hp, *dh = r->dh + i * r->ldh;
    const float *h = r->h + row * r->ldh, *drh = r->drh + i * r->ldh;
    for (long j = j0; j < j1; j += W) {
        vec R = load(gate + j), d = load(drh + j);
        store(gate + j, d * load(h + j) * R * (1 - R));
        store(dh + j, load(dh + j) + d * R);
    }
    if (j1 == r->Hp)
        clear_pads(r, gate);
}
