/* A vector of W floats, and its exp, sigmoid and tanh. NaN stays NaN, since comparisons with it are
   false. */
typedef float vec __attribute__((vector_size(4 * W)));
typedef int32_t ivec __attribute__((vector_size(4 * W)));
typedef float unaligned __attribute__((vector_size(4 * W), aligned(4), may_alias));

INLINE vec load(const float *p) { return *(const unaligned *)p; }
INLINE void store(float *p, vec v) { *(unaligned *)p = v; }

/* Four floats, which any machine can shuffle. */
typedef float quad __attribute__((vector_size(16)));
typedef int32_t places __attribute__((vector_size(16)));
typedef float unaligned_quad __attribute__((vector_size(16), aligned(4), may_alias));
#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (places){__VA_ARGS__})
#endif

INLINE quad load_quad(const float *p) { return *(const unaligned_quad *)p; }
INLINE void store_quad(float *p, quad v) { *(unaligned_quad *)p = v; }

INLINE vec splat(float x) { return x - (vec){0}; }
INLINE vec choose(ivec mask, vec a, vec b) { return (vec)((mask & (ivec)a) | (~mask & (ivec)b)); }

/* e^x: 2^n e^r with |r| <= ln(2)/2, e^r by a polynomial (a Chebyshev fit, within 1e-8). */
INLINE vec vexp(vec x)
{
    x = choose(x > 120, splat(120), choose(x < -120, splat(-120), x));
    const vec round = splat(12582912);  /* 1.5 * 2^23: a number added to it loses its fraction */
    vec n = (x * 1.442695041f + round) - round;
    vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    vec p = ((((1.393364140e-3f * r + 8.363175566e-3f) * r + 4.166646501e-2f) * r
              + 1.666657700e-1f) * r + 0.5f) * r * r + r + 1;
    /* In two factors, so that overflow and subnormal results are right. */
    ivec whole = __builtin_convertvector(choose(n == n, n, splat(0)), ivec), half = whole >> 1;
    return p * (vec)((half + 127) << 23) * (vec)((whole - half + 127) << 23);
}

INLINE vec vsigmoid(vec x) { return 1 / (1 + vexp(-x)); }

INLINE vec vtanh(vec x)
{
    vec z = x * x, size = choose(x < 0, -x, x);
    /* Near 0 the other form would cancel digits. */
    vec small = ((((-6.104918256e-3f * z + 2.100361507e-2f) * z - 5.385248981e-2f) * z
                  + 1.333278218e-1f) * z - 3.333332910e-1f) * z * x + x;
    vec large = 1 - 2 / (vexp(2 * size) + 1);
    return choose(size < 0.625f, small, choose(x < 0, -large, large));
}
