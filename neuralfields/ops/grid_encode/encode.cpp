#include "grid_encode/cell.hpp"

namespace nf {
namespace {

template <int D, bool ALONG>
void encode(const Level& the_level, bool smooth, const Points& the_points, int64_t begin, int64_t end,
            const float* table, int features, const float* direction, float* out, int64_t stride) {
    // Copies, which no store to the results can change.
    const Level level = the_level;
    const Points points = the_points;
    table += level.start * features;
    each_block(begin, end, [&](int64_t p, auto count) NF_INLINED {
        const auto cell = locate<D, ALONG ? 1 : 0>(level, smooth, points, p, count);
        F along[D] = {}, plain[1 << D], slope[1 << D];
        if constexpr (ALONG)
            for (int d = 0; d < D; d++) along[d] = load(direction + level.axis[d] * points.stride + p, count);
        corner_weights<D, ALONG>(cell, along, plain, slope);
        const F(&weight)[1 << D] = ALONG ? slope : plain;
        if (count == LANES && adjacent(level, cell, features)) {
            F first = {}, second = {};
            each_adjacent<D>(table, cell, [&](int corner, F a, F b) NF_INLINED {
                first += weight[corner] * a;
                second += weight[corner] * b;
            });
            store(out + p, first);
            store(out + stride + p, second);
            return;
        }
        each_pair<D>(table, features, cell, [&](int f, auto&& values, bool both) {
            F first = {}, second = {};
            for (int corner = 0; corner < 1 << D; corner++) {
                F a, b;
                values(corner, a, b);
                first += weight[corner] * a;
                second += weight[corner] * b;
            }
            store(out + f * stride + p, first, count);
            if (both) store(out + (f + 1) * stride + p, second, count);
        });
    });
}

template <int D>
void encode_slopes(const Level& the_level, bool smooth, const Points& the_points, int64_t begin, int64_t end,
                   const float* table, int features, float* out, int64_t stride, float* slopes, int64_t axis_stride) {
    // Copies, which no store to the results can change.
    const Level level = the_level;
    const Points points = the_points;
    table += level.start * features;
    each_block(begin, end, [&](int64_t p, auto count) NF_INLINED {
        const auto cell = locate<D, 1>(level, smooth, points, p, count);
        each_pair<D>(table, features, cell, [&](int f, auto&& values, bool both) {
            F first[D + 1] = {}, second[D + 1] = {};
            for (int corner = 0; corner < 1 << D; corner++) {
                F a, b;
                values(corner, a, b);
                for (int k = 0; k <= D; k++) {
                    const F weight = corner_weight<D>(cell, corner, k ? 1 << (k - 1) : 0);
                    first[k] += weight * a;
                    second[k] += weight * b;
                }
            }
            for (int k = 0; k <= D; k++) {
                float* to = (k ? slopes + level.axis[k - 1] * axis_stride : out) + f * stride + p;
                store(to, first[k], count);
                if (both) store(to + stride, second[k], count);
            }
        });
    });
}

}  // namespace

void encode_level(const Level& level, bool smooth, const Points& points, int64_t begin, int64_t end, const float* table,
                  int features, const float* direction, float* out, int64_t stride) {
    with_axes(level, [&](auto axes) {
        if (direction) encode<axes, true>(level, smooth, points, begin, end, table, features, direction, out, stride);
        else encode<axes, false>(level, smooth, points, begin, end, table, features, nullptr, out, stride);
    });
}

void encode_level_slopes(const Level& level, bool smooth, const Points& points, int64_t begin, int64_t end,
                         const float* table, int features, float* out, int64_t stride, float* slopes,
                         int64_t axis_stride) {
    with_axes(level, [&](auto axes) {
        encode_slopes<axes>(level, smooth, points, begin, end, table, features, out, stride, slopes, axis_stride);
    });
}

}  // namespace nf
