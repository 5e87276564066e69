// Emission and absorption along rays, and its derivatives.
#include <cmath>
#include <cstdint>

#include "mlp/activation.hpp"
#include "native/export.hpp"
#include "native/threads.hpp"

namespace nf {

// Intervals of n rays, those of ray r end before number ends[r]; mirrored by ctypes.
struct Packing {
    int64_t rays, channels;
    const int64_t *count, *ends;
    const float *thickness, *values;  // [m], [m, channels]
};

namespace {

constexpr int64_t RAYS = 64;  // per task

// Calls use(ray, first interval, behind the last) for all rays.
template <class Use>
void each_ray(const Packing& packing, int64_t threads, Use&& use) {
    parallel(int(threads), (packing.rays + RAYS - 1) / RAYS, [&](int64_t task) {
        for (int64_t r = task * RAYS; r < packing.rays && r < (task + 1) * RAYS; r++)
            use(r, packing.ends[r] - packing.count[r], packing.ends[r]);
    });
}

// Calls use(interval, opacity, transmittance before and behind) along a ray. Returns the ray's optical thickness.
template <class Use>
NF_INLINE double each_interval(const float* thickness, int64_t begin, int64_t end, Use&& use) {
    double depth = 0;
    for (int64_t i = begin; i < end; i += LANES) {
        const int here = end - i < LANES ? int(end - i) : LANES;
        const F own = load(thickness + i, here);
        F before = {}, behind = {};
        for (int k = 0; k < here; k++) {
            before[k] = float(depth);
            depth += own[k];
            behind[k] = float(depth);
        }
        const F opaque = -expm1(-own), left = exp(-before), rest = exp(-behind);
        for (int k = 0; k < here; k++) use(i + k, opaque[k], left[k], rest[k]);
    }
    return depth;
}

}  // namespace

// sums [n, channels], opacity [n], weights [m]
NF_EXPORT void nf_composite(const Packing* packing, float* sums, float* opacity, float* weights, int64_t threads) {
    const int64_t channels = packing->channels;
    each_ray(*packing, threads, [&](int64_t r, int64_t begin, int64_t end) {
        float* sum = sums + r * channels;
        for (int64_t c = 0; c < channels; c++) sum[c] = 0;
        const auto add = [&](int64_t i, float opaque, float left, float) {
            const float weight = left * opaque, *value = packing->values + i * channels;
            weights[i] = weight;
            for (int64_t c = 0; c < channels; c++) sum[c] += weight * value[c];
        };
        opacity[r] = float(-std::expm1(-each_interval(packing->thickness, begin, end, add)));
    });
}

// Gradients in thickness and values for those of sums, opacity and weights.
NF_EXPORT void nf_composite_backward(const Packing* packing, const float* weights, const float* up_sums,
                                     const float* up_opacity, const float* up_weights, float* d_thickness,
                                     float* d_values, int64_t threads) {
    const int64_t channels = packing->channels;
    each_ray(*packing, threads, [&](int64_t r, int64_t begin, int64_t end) {
        const float* up = up_sums + r * channels;
        const double depth = each_interval(packing->thickness, begin, end,
                                           [&](int64_t i, float, float, float rest) { d_thickness[i] = rest; });
        // From the last one on: what an interval hides is what those behind it would give.
        float behind = -float(std::exp(-depth)) * up_opacity[r];
        for (int64_t i = end - 1; i >= begin; i--) {
            const float* value = packing->values + i * channels;
            float own = up_weights[i];
            for (int64_t c = 0; c < channels; c++) {
                own += up[c] * value[c];
                d_values[i * channels + c] = weights[i] * up[c];
            }
            d_thickness[i] = d_thickness[i] * own - behind;
            behind += weights[i] * own;
        }
    });
}

}  // namespace nf
