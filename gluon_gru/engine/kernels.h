/* The kernels, for one instruction set: the file that includes this one says how many floats a
   vector has (W), how large a tile of a product is (MR rows, NV vectors wide) and what the table
   of functions is called (KERNELS).

   Read it from the top: vector.h, product.h (where the time goes), run.h, cells.h (the equations),
   layer.h (the loop over time), update.h, network.h (a training step), writing.h (a text).

   What is computed: the cells of gluon_gru/models/scratch.py, and their
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

#define INLINE static inline __attribute__((always_inline))

#include "vector.h"
#include "product.h"
#include "run.h"
#include "cells.h"
#include "layer.h"
#include "update.h"
#include "network.h"
#include "writing.h"

const kernels KERNELS = {ISA, workspace_size, forward, backward, train_step, score, begin, read_token,
                         generate};
