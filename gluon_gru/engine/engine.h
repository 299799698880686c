/* The structures that callers of the engine pass, and its functions. native.py mirrors them in
   Python, field by field. All arrays are float32, row-major and contiguous. */
#ifndef GLUON_GRU_ENGINE_H
#define GLUON_GRU_ENGINE_H

#include <stdint.h>

#ifdef __x86_64__
#define WITH_AVX
#endif

/* GRU_BEFORE is the book's, GRU_AFTER Gluon's: the reset gate acts before or after the product. */
enum cell { RNN_TANH, RNN_RELU, GRU_BEFORE, GRU_AFTER, LSTM };

/* A layer's weights, gate by gate: update gate, reset gate, candidate for the GRUs; input, forget,
   output gate, candidate for the LSTM. W_x is (num_inputs, num_hiddens) and W_h (num_hiddens,
   num_hiddens) as in the chapter's equations, or both transposed, as Gluon has them. b_h may be
   NULL; so may any gradient that isn't needed. */
typedef struct {
    int32_t cell, transposed;
    int64_t num_inputs, num_hiddens;
    const float *W_x[4], *W_h[4], *b_x[4], *b_h[4];
    float *dW_x[4], *dW_h[4], *db_x[4], *db_h[4];
    /* Hidden state and memory cell (LSTM only), (batch_size, num_hiddens): where the sequence
       starts, where it ends, and the gradients with respect to both. NULL: zeros, or not needed. */
    const float *start[2];
    float *end[2];
    const float *dend[2];
    float *dstart[2];
    /* For dropout: what the outputs are multiplied by on their way to the layer above,
       (num_steps, batch_size, num_hiddens); the last layer has none. NULL: no dropout. */
    const float *mask;
} layer;

/* Layers over a sequence; the first one reads tokens or, if that is NULL, inputs. With logits_size,
   a dense layer and the cross-entropy of labels on top. */
typedef struct {
    int64_t num_layers, num_steps, batch_size;
    int32_t num_threads, output_transposed;
    int32_t training;               /* 0: no backward will follow */
    int32_t all_threads;            /* 1: use them all, even for little work */
    layer *layers;
    const int32_t *tokens;          /* (num_steps, batch_size), or NULL */
    const float *inputs;            /* (num_steps, batch_size, num_inputs) */
    float *outputs;                 /* (num_steps, batch_size, num_hiddens) of the last layer */
    const float *doutputs;
    float *dinputs;
    int64_t logits_size;            /* 0: no output layer */
    const float *W_q, *b_q;         /* (num_hiddens, logits_size), or transposed */
    float *dW_q, *db_q;
    const int32_t *labels;          /* (num_steps, batch_size) */
    double loss;                    /* result: the mean over the tokens, in nats */
    void *workspace;                /* workspace_size(n) bytes, at a multiple of 64 */
} network;

/* A parameter, its gradient, and for Adam the means of that and of its square. */
typedef struct {
    float *weight, *grad, *mean, *square;
    int64_t size;
    double lr_mult;                 /* the learning rate is multiplied by it; 0: it stays */
} parameter;

/* Gradients, as one vector, are scaled down to clip_norm; then a step of SGD, or of Adam (Kingma
   and Ba, 2015), the `step`th. */
typedef struct {
    int64_t step;                   /* from 1; 0: SGD */
    float clip_norm, lr, beta1, beta2, epsilon;
} optimizer;

/* How a token is chosen by its logits; see gluon_gru/engine/choosing.py. */
typedef struct {
    double temperature, top_p;      /* 0: the likeliest token; 1 or more: all tokens */
    int64_t top_k;                  /* 0: all tokens */
    int32_t excluded;               /* never chosen; -1: none */
} choosing;

typedef struct {
    const char *name;
    int64_t (*workspace_size)(const network *);
    void (*forward)(network *);
    /* After forward, with the same workspace; the gradients are overwritten. */
    void (*backward)(network *);
    /* Forward, cross-entropy, backward, and the parameters' update. */
    void (*train_step)(network *, parameter *, int64_t count, const optimizer *);
    /* Forward and cross-entropy. */
    void (*score)(network *);
    /* For num_steps = batch_size = 1. `begin` prepares; what follows uses the same workspace.
       `read_token` gives the logits of the next token. `write_text` reads tokens, then adds `count`
       others, each drawn at its place in the sum of all chances, 0 to 1, and read before the next. */
    void (*begin)(network *);
    void (*read_token)(network *, int32_t token, float *logits);
    void (*write_text)(network *, const int32_t *tokens, int64_t num_tokens, int32_t *added,
                       int64_t count, const choosing *, const double *places);
} kernels;

extern const kernels generic_kernels, avx2_kernels, avx512_kernels;

#endif
