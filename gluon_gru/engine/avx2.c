/* For x86-64 processors with AVX2 and FMA, which dispatch.c checks. */
#include "engine.h"

#ifdef WITH_AVX
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define W 8
#define NV 2
#define MR 6
#define ISA "avx2"
#define KERNELS avx2_kernels
#include "kernels.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
