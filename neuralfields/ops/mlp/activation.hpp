// Activations with their first and second derivatives, to about one rounding of float32.
//
// The polynomials are least-squares fits at Chebyshev nodes in float64, rounded.
#pragma once
#include <cmath>

#include "native/simd.hpp"

namespace nf {

// In the order of the reference's ACTIVATIONS; SINE is sine_mlp's.
enum Activation : int32_t { RELU, LEAKY_RELU, GELU, SILU, SOFTPLUS, TANH, SIGMOID, SINE };

NF_INLINE bool piecewise_linear(int32_t activation) { return activation == RELU || activation == LEAKY_RELU; }

constexpr float LEAK = 0.01f;

NF_INLINE F nearest(F x) { return to_float(truncated(x + select(x < 0.0f, splat(-0.5f), splat(0.5f)))); }

// exp(x) = (1 + result) * power, with a small result.
NF_INLINE F exp_parts(F x, F& power) {
    x = x < -88.0f ? splat(-88.0f) : x > 89.0f ? splat(89.0f) : x;  // NaN stays
    const F n = nearest(x * 1.44269504f);
    const F r = x - n * 0.69140625f - n * 1.74093056e-3f;  // ln 2 in two parts, the first exact in products
    F p = splat(1.98992844e-4f);
    p = p * r + 1.39336501e-3f;
    p = p * r + 8.33329847e-3f;
    p = p * r + 4.16664649e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 5.00000001e-1f;
    power = (F)((truncated(n) + 127) << 23);
    return p * r * r + r;
}

// Zero below -87.7 and infinite above 88.4, where the power of two has no exponent of a normal number.
NF_INLINE F exp(F x) {
    F power;
    const F small = exp_parts(x, power);
    return (small + 1.0f) * power;
}

// exp(x) - 1, which keeps its digits where x is small.
NF_INLINE F expm1(F x) {
    F power;
    const F small = exp_parts(x, power);
    return small * power + (power - 1.0f);
}

NF_INLINE F sigmoid(F x) { return 1.0f / (1.0f + exp(-x)); }

// log(1 + exp(-|x|)), as log(1 + y) = 2 atanh(y / (2 + y)) with y = exp(-|x|) in (0, 1].
NF_INLINE F softplus_of_negative(F x) {
    const F y = exp(x < 0.0f ? x : -x), q = y / (2.0f + y), q2 = q * q;
    F p = splat(1.0f / 15);
    for (int k = 13; k >= 1; k -= 2) p = p * q2 + 1.0f / k;
    return 2.0f * q * p;
}

NF_INLINE F tanh(F x) {
    const F z = x * x;
    F p = splat(-8.5323e-4f);
    p = p * z + 3.29659e-3f;
    p = p * z - 8.78715e-3f;
    p = p * z + 2.18592e-2f;
    p = p * z - 5.396758e-2f;
    p = p * z + 1.3333332e-1f;
    p = p * z - 3.3333333e-1f;
    return select(z < 0.36f, p * z * x + x, 1.0f - 2.0f / (exp(2.0f * x) + 1.0f));
}

NF_INLINE F erf(F x) {
    const F z = x * x, size = x < 0.0f ? -x : x;
    F p = splat(-9.67359090e-06f);
    p = p * z + 1.12682539e-04f;
    p = p * z - 8.48439656e-04f;
    p = p * z + 5.22105341e-03f;
    p = p * z - 2.68654383e-02f;
    p = p * z + 1.12837826e-01f;
    p = p * z - 3.76126385e-01f;
    p = p * z + 1.12837917e+00f;
    const F t = 1.0f / (1.0f + 0.5f * size);
    F q = splat(0.10444708f);
    q = q * t - 0.44798863f;
    q = q * t + 0.57551706f;
    q = q * t + 0.12864922f;
    q = q * t - 0.81240642f;
    q = q * t + 0.42181310f;
    q = q * t - 0.12143784f;
    q = q * t + 0.42264034f;
    q = q * t + 0.99395329f;
    q = q * t - 1.26518714f;
    const F tail = t * exp(q - z);
    return select(z < 1.0f, x * p, x < 0.0f ? tail - 1.0f : 1.0f - tail);
}

__attribute__((noinline, cold)) inline void correct_far(const F& x, F& sine, F& cosine) {
    for (int i = 0; i < LANES; i++)
        if (!(std::fabs(x[i]) <= 8192.0f)) sine[i] = std::sin(x[i]), cosine[i] = std::cos(x[i]);
}

// Sine and cosine; to 1e-6 if ROUGH. Beyond |x| = 8192, where the parts of pi / 2 no longer hold all digits, lane by
// lane.
template <bool ROUGH = false>
NF_INLINE void sine_cosine(F x, F& sine, F& cosine) {
    // Added to a number below 2^22, it leaves the nearest whole number in the lowest bits.
    constexpr float WHOLE = 12582912.0f;
    const F shifted = x * 0.636619772f + WHOLE, k = shifted - WHOLE;
    const I quadrant = (I)shifted;
    F r = x - k * 1.5703125f, s, c;
    if constexpr (ROUGH) {
        r = r - k * 4.83826792e-4f;
    } else {
        r = (r - k * 4.8351287841796875e-4f) - k * 3.13916473e-7f;
    }
    const F z = r * r;
    if constexpr (ROUGH) {
        s = splat(-1.95152959e-4f);
        c = splat(2.44331571e-5f);
    } else {
        s = 2.72469284e-6f * z - 1.98400636e-4f;
        c = -2.72985895e-7f * z + 2.48005826e-5f;
    }
    s = s * z + (ROUGH ? 8.33216087e-3f : 8.33333183e-3f);
    s = s * z - (ROUGH ? 1.66666546e-1f : 1.66666667e-1f);
    s = s * z * r + r;
    c = c * z - (ROUGH ? 1.38873163e-3f : 1.38888876e-3f);
    c = c * z + (ROUGH ? 4.16666457e-2f : 4.16666667e-2f);
    c = c * z * z - 0.5f * z + 1.0f;
    const I odd = (quadrant & 1) != 0;
    sine = (F)((I)select(odd, c, s) ^ ((quadrant & 2) << 30));
    cosine = (F)((I)select(odd, s, c) ^ (((quadrant + 1) & 2) << 30));
    const I far = ((I)x & 0x7fffffff) > 0x46000000;  // |x| > 8192, or NaN
    if (__builtin_expect(any(far), 0)) {
        F far_sine = sine, far_cosine = cosine;
        correct_far(x, far_sine, far_cosine);
        sine = far_sine, cosine = far_cosine;
    }
}

// Value at z, and the derivatives that are asked for.
template <int ORDER>
NF_INLINE void activate(int32_t activation, float omega, F z, F& value, F& slope, F& bend) {
    switch (activation) {
        case RELU:
            value = F{} > z ? F{} : z;  // NaN stays
            if (ORDER > 0) slope = select(z <= 0.0f, F{}, splat(1.0f));
            if (ORDER > 1) bend = F{};
            return;
        case LEAKY_RELU:
            value = select(z > 0.0f, z, LEAK * z);
            if (ORDER > 0) slope = select(z > 0.0f, splat(1.0f), splat(LEAK));
            if (ORDER > 1) bend = F{};
            return;
        case GELU: {
            const F below = 0.5f + 0.5f * erf(z * 0.707106781f);
            value = z * below;
            if (ORDER > 0) {
                const F density = 0.398942280f * exp(-0.5f * z * z);
                slope = below + z * density;
                if (ORDER > 1) bend = select(density == 0.0f, F{}, density * (2.0f - z * z));
            }
            return;
        }
        case SILU: {
            const F s = sigmoid(z);
            value = z * s;
            if (ORDER > 0) slope = s * (1.0f + z * (1.0f - s));
            if (ORDER > 1) bend = s * (1.0f - s) * (2.0f + z * (1.0f - 2.0f * s));
            return;
        }
        case SOFTPLUS: {
            value = select(z > 20.0f, z, select(z > 0.0f, z, F{}) + softplus_of_negative(z));
            value = z == z ? value : z;
            if (ORDER > 0) {
                const F s = sigmoid(z);
                slope = select(z > 20.0f, splat(1.0f), s);
                if (ORDER > 1) bend = select(z > 20.0f, F{}, s * (1.0f - s));
            }
            return;
        }
        case TANH:
            value = tanh(z);
            if (ORDER > 0) slope = 1.0f - value * value;
            if (ORDER > 1) bend = -2.0f * value * slope;
            return;
        case SIGMOID:
            value = sigmoid(z);
            if (ORDER > 0) slope = value * (1.0f - value);
            if (ORDER > 1) bend = slope * (1.0f - 2.0f * value);
            return;
        default: {
            F cosine;
            sine_cosine(omega * z, value, cosine);
            if (ORDER > 0) slope = omega * cosine;
            if (ORDER > 1) bend = -omega * omega * value;
        }
    }
}

// The same in place, out of line.
__attribute__((noinline)) inline void activate_called(int32_t activation, F& value, F& slope) {
    F bend;
    const F z = value;
    activate<1>(activation, 0.0f, z, value, slope, bend);
}

}  // namespace nf
