/* The update of parameters from their gradients. */

/* The part of a parameter that a thread updates, and the factor of its gradient. */
static void update(const parameter *p, long from, long to, const optimizer *o, float scale)
{
    float *restrict weight = p->weight, *restrict mean = p->mean, *restrict square = p->square;
    const float *restrict grad = p->grad;
    double lr = o->lr * p->lr_mult;
    if (!o->step) {
        float rate = lr * scale;
        for (long i = from; i < to; i++)
            weight[i] -= rate * grad[i];
        return;
    }
    float mean_part = 1 - o->beta1, square_part = 1 - o->beta2, epsilon = o->epsilon;
    /* Corrects the bias of both means, which start at 0. */
    float rate = lr / (1 - pow(o->beta1, o->step)), whole = sqrt(1 - pow(o->beta2, o->step));
    for (long i = from; i < to; i++) {
        float g = scale * grad[i];
        mean[i] += mean_part * (g - mean[i]);
        square[i] += square_part * (g * g - square[i]);
        weight[i] -= rate * mean[i] / (sqrtf(square[i]) / whole + epsilon);
    }
}

/* Adds the squares of g[from] to g[to - 1]. */
static void add_squares(double *sum, const float *g, long from, long to)
{
    for (long i = from; i < to; i += 256) {
        /* Short sums in float, so that they vectorise; long ones in double. */
        long end = i + 256 < to ? i + 256 : to, j = i;
        vec squares = {0};
        for (; j + W <= end; j += W)
            squares += load(g + j) * load(g + j);
        for (int lane = 0; lane < W; lane++)
            *sum += squares[lane];
        for (; j < end; j++)
            *sum += g[j] * g[j];
    }
}

static void clip_and_update(parameter *params, int64_t count, int threads, double *sums,
                            const optimizer *o)
{
    memset(sums, 0, threads * sizeof(double));
    #pragma omp parallel num_threads(threads)
    {
        int id = omp_get_thread_num(), all = omp_get_num_threads();
        INDEX(id, threads);
        long from, to;
        for (long n = 0; n < count; n++) {
            share(params[n].size, 16, all, id, &from, &to);
            add_squares(&sums[id], params[n].grad, from, to);
        }
        #pragma omp barrier
        double sum = 0;
        for (int i = 0; i < all; i++)
            sum += sums[i];
        double norm = sqrt(sum);
        float scale = norm > o->clip_norm ? o->clip_norm / norm : 1;
        for (long n = 0; n < count; n++) {
            share(params[n].size, 16, all, id, &from, &to);
            update(&params[n], from, to, o, scale);
        }
    }
}
