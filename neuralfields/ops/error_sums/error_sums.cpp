// Sums of errors over two arrays of floats, in double precision.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "native/export.hpp"
#include "native/simd.hpp"
#include "native/threads.hpp"

namespace {

// Each sum is kept as eight, whatever the width of the vectors: all processors add in the same order.
constexpr int STEP = 8;
constexpr int WIDE = std::min(STEP, nf::LANES / 2), VECTORS = STEP / WIDE;
typedef float H __attribute__((vector_size(4 * WIDE)));
typedef double D __attribute__((vector_size(8 * WIDE)));

constexpr int64_t PART = 1 << 14;  // values that one thread takes at a time
constexpr int64_t PARTS = 256;     // parts whose sums are kept at a time

struct Sums {
    double clamped = 0, relative = 0, square = 0, norm = 0;
};

// NaN stays NaN.
NF_INLINE D clamped(D value) {
    value = value < 0.0 ? D{} : value;
    return value > 1.0 ? D{} + 1.0 : value;
}

double sum(const D (&values)[VECTORS]) {
    double total = 0;
    for (D value : values)
        for (int i = 0; i < WIDE; i++) total += value[i];
    return total;
}

NF_INLINE D to_double(const float* from) {
    H value;
    std::memcpy(&value, from, sizeof value);
    return __builtin_convertvector(value, D);
}

struct Totals {
    D clamped[VECTORS] = {}, relative[VECTORS] = {}, square[VECTORS] = {}, norm[VECTORS] = {};

    // Takes STEP values.
    NF_INLINE void add(const float* prediction, const float* target) {
        for (int i = 0; i < VECTORS; i++) {
            const D p = to_double(prediction + i * WIDE), t = to_double(target + i * WIDE);
            const D shown = ::clamped(p) - ::clamped(t), error = (p - t) * (p - t);
            clamped[i] += shown * shown;
            relative[i] += error / (t * t + 0.01);
            square[i] += error;
            norm[i] += t * t;
        }
    }
};

Sums sums_of(const float* prediction, const float* target, int64_t n) {
    Totals totals;
    const int64_t whole = n / STEP * STEP;
    for (int64_t at = 0; at < whole; at += STEP) totals.add(prediction + at, target + at);
    if (whole < n) {
        // What is missing is zero in both, and adds nothing.
        float p[STEP] = {}, t[STEP] = {};
        std::copy(prediction + whole, prediction + n, p);
        std::copy(target + whole, target + n, t);
        totals.add(p, t);
    }
    return {sum(totals.clamped), sum(totals.relative), sum(totals.square), sum(totals.norm)};
}

}  // namespace

NF_EXPORT void nf_error_sums(int32_t threads, const float* prediction, const float* target, int64_t n, double* sums) {
    std::fill(sums, sums + 4, 0.0);
    Sums parts[PARTS];
    for (int64_t begin = 0; begin < n; begin += PARTS * PART) {
        const int64_t count = std::min(PARTS, (n - begin + PART - 1) / PART);
        nf::parallel(threads, count, [&](int64_t i) {
            const int64_t start = begin + i * PART;
            parts[i] = sums_of(prediction + start, target + start, std::min(PART, n - start));
        });
        for (int64_t i = 0; i < count; i++) {
            sums[0] += parts[i].clamped;
            sums[1] += parts[i].relative;
            sums[2] += parts[i].square;
            sums[3] += parts[i].norm;
        }
    }
}
