/* For x86-64 processors with AVX2 and FMA, which dispatch.c checks. */
#include "engine.h"

#ifdef WITH_AVX
#pragma GCC target("avx2,fma")
#define W 8
#define NV 2
#define MR 6
#define ISA "avx2"
#define KERNELS avx2_kernels
#include "kernels.h"
#endif
