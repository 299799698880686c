/* For x86-64 processors with AVX-512, which dispatch.c checks. */
#include "engine.h"

#ifdef WITH_AVX
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma")
#endif
#define W 16
#define NV 2
#define MR 12
#define ISA "avx512"
#define KERNELS avx512_kernels
#include "kernels.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
