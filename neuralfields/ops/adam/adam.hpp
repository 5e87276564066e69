// One step of Adam over a stretch of memory. Kingma, Ba, ICLR 2015, algorithm 1.
#pragma once
#include <cstdint>
#include <cstring>

#include "native/simd.hpp"

namespace nf {

// Mirrored by ctypes. `correction` holds the pairs 1 / (1 - beta1^t), 1 / (1 - beta2^t) for t = 0 … corrections - 1;
// the last one serves all later steps.
struct Adam {
    float lr, beta2, gain1, gain2, epsilon;  // gains are 1 - beta, which a subtraction of floats would spoil
    const float* correction;
    int64_t corrections;

    const float* at(int64_t step) const { return correction + 2 * (step < corrections ? step : corrections - 1); }
};

NF_INLINE void adam_lanes(const Adam& adam, F rate, F unbias, F g, F& parameter, F& mean, F& square) {
    mean += (g - mean) * adam.gain1;
    square = square * adam.beta2 + g * g * adam.gain2;
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

// A row whose gradient is zero throughout stays as it is; otherwise it has its own step counter.
inline void adam_row(const Adam& adam, int64_t row, int features, float* gradient, float* parameter, float* mean,
                     float* square, int32_t* steps, bool clear) {
    const int64_t i = row * features;
    bool touched = false;
    for (int f = 0; f < features; f++) touched |= !(gradient[i + f] == 0.0f);  // NaN too
    if (!touched) return;
    adam_dense(adam, ++steps[row], features, gradient + i, parameter + i, mean + i, square + i);
    if (clear) std::memset(gradient + i, 0, features * sizeof(float));
}

// Spreads what is true of a lane to all lanes of its row.
template <int FEATURES>
NF_INLINE I spread(I touched) {
    for (int apart = 1; apart < FEATURES; apart *= 2) {
        I other;
        for (int i = 0; i < LANES; i++) other[i] = touched[i ^ apart];
        touched |= other;
    }
    return touched;
}

// The same for a power of two of features, many rows at a time.
template <int FEATURES, bool CLEAR>
void adam_blocks(const Adam& adam, int64_t rows, float* gradient, float* parameter, float* mean, float* square,
                 int32_t* steps) {
    constexpr int ROWS = LANES / FEATURES;
    const int32_t last = int32_t(adam.corrections - 1);
    alignas(64) uint32_t at[LANES / 2];  // of each pair of lanes
    int64_t row = 0;
    for (; row + ROWS <= rows; row += ROWS) {
        const int64_t i = FEATURES * row;
        const F g = load(gradient + i);
        I touched = ~(g == 0.0f);  // NaN too
        if (!any(touched)) continue;
        if (CLEAR) store(gradient + i, F{});
        if constexpr (FEATURES == 2) {
            touched |= swapped(touched);
            // All ones, -1, for a touched pair.
            const IHalf yes = __builtin_convertvector((I64)touched, IHalf);
            IHalf step;
            std::memcpy(&step, steps + row, sizeof step);
            step -= yes;
            std::memcpy(steps + row, &step, sizeof step);
            step = 2 * (step < last ? step : IHalf{} + last);
            std::memcpy(at, &step, sizeof step);
        } else {
            touched = spread<FEATURES>(touched);
            for (int r = 0; r < ROWS; r++) {
                const int32_t step = steps[row + r] -= touched[r * FEATURES];
                for (int k = 0; k < FEATURES / 2; k++) at[r * FEATURES / 2 + k] = 2 * (step < last ? step : last);
            }
        }
        settled(at);
        const F correction = gather_pairs(adam.correction, at);
        const F p = load(parameter + i), m = load(mean + i), v = load(square + i);
        F new_p = p, new_m = m, new_v = v;
        adam_lanes(adam, even_twice(correction) * adam.lr, odd_twice(correction), g, new_p, new_m, new_v);
        store(parameter + i, select(touched, new_p, p));
        store(mean + i, select(touched, new_m, m));
        store(square + i, select(touched, new_v, v));
    }
    for (; row < rows; row++) adam_row(adam, row, FEATURES, gradient, parameter, mean, square, steps, CLEAR);
}

// Rows whose gradient is zero throughout stay as they are; the others have their own step counters. With CLEAR, the
// gradient is zero afterwards.
template <bool CLEAR>
void adam_rows(const Adam& adam, int64_t rows, int features, float* gradient, float* parameter, float* mean,
               float* square, int32_t* steps) {
    if (features == 2) return adam_blocks<2, CLEAR>(adam, rows, gradient, parameter, mean, square, steps);
    if (features == 4) return adam_blocks<4, CLEAR>(adam, rows, gradient, parameter, mean, square, steps);
    for (int64_t row = 0; row < rows; row++)
        adam_row(adam, row, features, gradient, parameter, mean, square, steps, CLEAR);
}

}  // namespace nf
