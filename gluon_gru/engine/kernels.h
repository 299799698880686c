/* The kernels, for one instruction set: the file that includes this one defines how many floats a
   vector has (W), how large a tile of a product is (MR rows, NV vectors wide) and the name of the
   table of functions (KERNELS).

   Read it from the top: vector.h, product.h (where the time goes), run.h, cells.h (the equations),
   layer.h (the loop over time), update.h, network.h (a training step), writing.h (a text).

   What is computed: the cells of gluon_gru/models/scratch.py, and their gradients, by truncated
   backpropagation through time. All data are matrices with one row per token, in the order of
   time: row t * batch_size + i. A row of gates holds the gates side by side, each padded to Hp
   hidden units, a multiple of a tile's width. All pads are zeros and stay zeros, since a unit whose
   weights are zeros has pre-activations and gradients of zero.

   Clang doesn't compile what stands in a parallel region itself for the file's instruction set: there
   are no vectors in it, only calls of functions that have them.

   A large minibatch goes through all of that in parts, one after the other, whose gradients add up.

   How threads share the work: the rows of a minibatch are independent, so each thread takes its
   share of them through the whole loop over time, forward and backward, without waiting. If there
   are too few rows for that, the threads share the hidden units instead, and wait for each other in
   every step. All shares, and the order of all sums, depend only on the sizes and the number of
   threads.

   Where the time goes: nine tenths are spent in `tile`. To keep it fed, weights are packed once per
   training step into panels that it reads in order; the input's part of the gates is computed for
   all time steps at once (for tokens it is a row of a table of the minibatch's words); and each
   weight's gradient is one large product at the end, for which the gates' gradients are kept. */
#include <math.h>
#ifdef _OPENMP
#include <omp.h>
#else
/* Built without OpenMP, one thread does everything. */
static int omp_get_thread_num(void) { return 0; }
static int omp_get_num_threads(void) { return 1; }
#endif
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define INLINE static inline __attribute__((always_inline))

/* Callers check what they pass (arrays.py); .ci/build-runner makes this an assertion. */
#ifdef CHECK_INDICES
#include <assert.h>
#define INDEX(i, count) assert(0 <= (i) && (i) < (count))
#else
#define INDEX(i, count) ((void)0)
#endif

#include "vector.h"
#include "product.h"
#include "run.h"
#include "cells.h"
#include "layer.h"
#include "update.h"
#include "network.h"
#include "writing.h"

const kernels KERNELS = {ISA, workspace_size, forward, backward, train_step, score, begin, read_token,
                         write_text};
