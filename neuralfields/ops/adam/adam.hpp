// One step of Adam over a stretch of memory. Kingma, Ba, ICLR 2015, algorithm 1.
#pragma once
#include "native/simd.hpp"

namespace nf {

// Mirrored by ctypes. `correction` holds the pairs 1 / (1 - beta1^t), 1 / (1 - beta2^t) for t = 0 … corrections - 1;
// the last one serves all later steps.
struct Adam {
    float lr, beta1, beta2, epsilon;
    const float* correction;
    int64_t corrections;

    const float* at(int64_t step) const { return correction + 2 * (step < corrections ? step : corrections - 1); }
};

NF_INLINE void adam_lanes(const Adam& adam, F rate, F unbias, F g, F& parameter, F& mean, F& square) {
    mean += (g - mean) * (1.0f - adam.beta1);
    square = square * adam.beta2 + g * g * (1.0f - adam.beta2);
    parameter -= mean * rate / (sqrt(square * unbias) + adam.epsilon);
}

// Update number `step` (from 1 on) of `count` values that share it.
inline void adam_dense(const Adam& adam, int64_t step, int64_t count, const float* gradient, float* parameter,
                       float* mean, float* square) {
    const float* correction = adam.at(step);
    const F rate = splat(adam.lr * correction[0]), unbias = splat(correction[1]);
    for (int64_t i = 0; i < count; i += LANES) {
        const int here = count - i < LANES ? int(count - i) : LANES;
        F p = load(parameter + i, here), m = load(mean + i, here), v = load(square + i, here);
        adam_lanes(adam, rate, unbias, load(gradient + i, here), p, m, v);
        store(parameter + i, p, here);
        store(mean + i, m, here);
        store(square + i, v, here);
    }
}

// Rows whose gradient is zero throughout stay as they are; the others have their own step counters. With `clear`, the
// gradient is zero afterwards.
template <int FEATURES, bool CLEAR>
void adam_rows(const Adam& adam, int64_t rows, float* gradient, float* parameter, float* mean, float* square,
               int32_t* steps) {
    static_assert(LANES % FEATURES == 0);
    constexpr int ROWS = LANES / FEATURES;
    alignas(64) float rate[LANES], unbias[LANES];
    int64_t row = 0;
    for (; row + ROWS <= rows; row += ROWS) {
        const int64_t i = row * FEATURES;
        const F g = load(gradient + i);
        const I touched = ~(g == 0.0f);  // NaN too
        if (!any(touched)) continue;
        if (CLEAR) store(gradient + i, F{});
        I active = {};
        for (int r = 0; r < ROWS; r++) {
            int32_t yes = 0;
            for (int f = 0; f < FEATURES; f++) yes |= touched[r * FEATURES + f];
            steps[row + r] -= yes;  // yes is -1 or 0
            const float* correction = adam.at(steps[row + r]);
            for (int f = 0; f < FEATURES; f++) {
                active[r * FEATURES + f] = yes;
                rate[r * FEATURES + f] = adam.lr * correction[0];
                unbias[r * FEATURES + f] = correction[1];
            }
        }
        const F p = load(parameter + i), m = load(mean + i), v = load(square + i);
        F new_p = p, new_m = m, new_v = v;
        adam_lanes(adam, load(rate), load(unbias), g, new_p, new_m, new_v);
        store(parameter + i, select(active, new_p, p));
        store(mean + i, select(active, new_m, m));
        store(square + i, select(active, new_v, v));
    }
    for (; row < rows; row++) {
        const int64_t i = row * FEATURES;
        bool yes = false;
        for (int f = 0; f < FEATURES; f++) yes |= !(gradient[i + f] == 0.0f);
        if (!yes) continue;
        adam_dense(adam, ++steps[row], FEATURES, gradient + i, parameter + i, mean + i, square + i);
        if (CLEAR) std::memset(gradient + i, 0, FEATURES * sizeof(float));
    }
}

template <bool CLEAR>
void adam_rows(const Adam& adam, int64_t rows, int features, float* gradient, float* parameter, float* mean,
               float* square, int32_t* steps) {
    switch (features) {
        case 1: return adam_rows<1, CLEAR>(adam, rows, gradient, parameter, mean, square, steps);
        case 2: return adam_rows<2, CLEAR>(adam, rows, gradient, parameter, mean, square, steps);
        case 4: return adam_rows<4, CLEAR>(adam, rows, gradient, parameter, mean, square, steps);
    }
    for (int64_t row = 0; row < rows; row++) {
        float* g = gradient + row * features;
        bool yes = false;
        for (int f = 0; f < features; f++) yes |= !(g[f] == 0.0f);
        if (!yes) continue;
        const int64_t i = row * features;
        adam_dense(adam, ++steps[row], features, g, parameter + i, mean + i, square + i);
        if (CLEAR) std::memset(g, 0, features * sizeof(float));
    }
}

}  // namespace nf
