/* Runs one problem of tests/helpers/engine_problem.py on the kernels that it is linked with,
   whichever compiler, sanitizer or processor they were built for.

   runner                  prints the instruction sets that this processor has
   runner INSTRUCTIONS     reads a problem from standard input, writes its results to standard output

   A problem is a `call`, the arrays' sizes, the structures of engine.h, and the arrays' contents.
   Pointers are array numbers, from 1; 0 is NULL. The results are the loss and all arrays. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

extern const kernels *choose_kernels(const char *name);

enum task { FORWARD, BACKWARD, TRAIN, SCORE, WRITE, READ };

typedef struct {
    int64_t task, num_arrays, num_params, prefix_size, count;
    optimizer o;
    choosing how;
    int32_t *prefix, *added;
    float *logits;
    double *places;
} call;

static char **arrays;

static void read_exactly(void *to, size_t size)
{
    if (size && fread(to, size, 1, stdin) != 1) {
        fprintf(stderr, "the problem ends too soon\n");
        exit(1);
    }
}

static void *allocate(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory) exit(1);
    return memory;
}

/* Turns the numbers of arrays into their addresses. */
static void locate(void *pointers, int count)
{
    for (int i = 0; i < count; i++) {
        char *place = (char *)pointers + i * sizeof(void *), *address = NULL;
        int64_t number;
        memcpy(&number, place, sizeof(number));
        if (number) address = arrays[number - 1];
        memcpy(place, &address, sizeof(address));
    }
}

static void run(const kernels *k, const call *c, network *net, parameter *params)
{
    int64_t size = k->workspace_size(net);
    net->workspace = aligned_alloc(64, size);
    if (!net->workspace) exit(1);
    memset(net->workspace, 0xff, size);  /* NaN, in case something is read before it is written */
    switch (c->task) {
    case FORWARD: k->forward(net); break;
    case BACKWARD: k->forward(net); k->backward(net); break;
    case TRAIN: k->train_step(net, params, c->num_params, &c->o); break;
    case SCORE: k->score(net); break;
    case WRITE: {
        /* Doubles have their own alignment. */
        double *places = allocate(c->count * sizeof(double));
        memcpy(places, c->places, c->count * sizeof(double));
        k->begin(net);
        k->write_text(net, c->prefix, c->prefix_size, c->added, c->count, &c->how, places);
        free(places);
        break;
    }
    case READ:
        k->begin(net);
        for (int64_t i = 0; i < c->prefix_size; i++)
            k->read_token(net, c->prefix[i], c->logits + i * net->logits_size);
    }
    free(net->workspace);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"generic", "avx2", "avx512"};
    if (argc < 2) {
        for (int i = 0; i < 3; i++)
            if (choose_kernels(names[i])) puts(names[i]);
        return 0;
    }
    const kernels *k = choose_kernels(argv[1]);
    if (!k || strcmp(k->name, argv[1])) {
        fprintf(stderr, "no kernels of the name %s\n", argv[1]);
        return 1;
    }

    call c;
    network net;
    read_exactly(&c, sizeof(c));
    int64_t *sizes = allocate(c.num_arrays * sizeof(int64_t));
    read_exactly(sizes, c.num_arrays * sizeof(int64_t));
    read_exactly(&net, sizeof(net));
    layer *layers = net.layers = allocate(net.num_layers * sizeof(layer));
    read_exactly(layers, net.num_layers * sizeof(layer));
    parameter *params = allocate(c.num_params * sizeof(parameter));
    read_exactly(params, c.num_params * sizeof(parameter));
    /* Aligned no better than a float, with nothing after it, for the address sanitizer. */
    arrays = allocate(c.num_arrays * sizeof(char *));
    for (int64_t i = 0; i < c.num_arrays; i++) {
        arrays[i] = (char *)allocate(sizes[i] + sizeof(float)) + sizeof(float);
        read_exactly(arrays[i], sizes[i]);
    }

    for (int64_t i = 0; i < net.num_layers; i++)
        locate((char *)&layers[i] + offsetof(layer, W_x),
               (sizeof(layer) - offsetof(layer, W_x)) / sizeof(void *));
    locate(&net.tokens, 5);  /* tokens, inputs, outputs, doutputs, dinputs */
    locate(&net.W_q, 5);     /* W_q, b_q, dW_q, db_q, labels */
    locate(&c.prefix, 4);  /* prefix, added, logits, places */
    for (int64_t i = 0; i < c.num_params; i++)
        locate(&params[i].weight, 4);  /* weight, grad, mean, square */

    run(k, &c, &net, params);

    fwrite(&net.loss, sizeof(net.loss), 1, stdout);
    for (int64_t i = 0; i < c.num_arrays; i++) {
        fwrite(arrays[i], 1, sizes[i], stdout);
        free(arrays[i] - sizeof(float));
    }
    free(arrays), free(params), free(layers), free(sizes);
    return fflush(stdout) || ferror(stdout);
}
