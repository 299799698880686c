/* Chooses the kernels for this processor. */
#include <stddef.h>
#include <string.h>

#include "engine.h"

/* The sizes that a caller's structures must have: the Python code may be newer than the library. */
const int64_t structure_sizes[] = {sizeof(layer), sizeof(network), sizeof(parameter),
                                   sizeof(optimizer), sizeof(choosing), sizeof(kernels)};

/* Whether there are threads; without OpenMP one does everything. */
#ifdef _OPENMP
const int32_t has_threads = 1;
#else
const int32_t has_threads = 0;
#endif

/* The kernels of that name, or for NULL the best for this processor; NULL if it can't run them. */
const kernels *choose_kernels(const char *name)
{
#ifdef WITH_AVX
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
                 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (avx512 && (!name || !strcmp(name, "avx512")))
        return &avx512_kernels;
    if (avx2 && (!name || !strcmp(name, "avx2")))
        return &avx2_kernels;
#endif
    return !name || !strcmp(name, "generic") ? &generic_kernels : NULL;
}
