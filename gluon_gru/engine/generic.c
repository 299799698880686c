/* For any machine: what the compiler makes of vectors of four floats (SSE2 or NEON). */
#define W 4
#define NV 2
#define MR 6
#define ISA "generic"
#define KERNELS generic_kernels
#include "kernels.h"
