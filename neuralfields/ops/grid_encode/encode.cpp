#include "grid_encode/cubic.hpp"

namespace nf {
namespace {

template <class C, bool ALONG>
void encode(const Level& the_level, Interpolation mode, const Points& the_points, int64_t begin, int64_t end,
            const float* table, int features, const float* direction, float* out, int64_t stride) {
    // Copies, which no store to the results can change.
    const Level level = the_level;
    const Points points = the_points;
    table += level.start * features;
    each_block(begin, end, [&](int64_t p, auto count) NF_INLINED {
        const auto cell = C::template locate<ALONG ? 1 : 0>(level, mode, points, p, count);
        F along[C::AXES] = {}, plain[C::CORNERS], slope[C::CORNERS];
        if constexpr (ALONG)
            for (int d = 0; d < C::AXES; d++) along[d] = load(direction + level.axis[d] * points.stride + p, count);
        corner_weights<C::AXES, ALONG>(cell, along, plain, slope);
        const F(&weight)[C::CORNERS] = ALONG ? slope : plain;
        if (count == LANES && adjacent(level, cell, features)) {
            F first = {}, second = {};
            each_adjacent(table, cell, [&](int corner, F a, F b) NF_INLINED {
                first += weight[corner] * a;
                second += weight[corner] * b;
            });
            store(out + p, first);
            store(out + stride + p, second);
            return;
        }
        each_pair(table, features, cell, [&](int f, auto&& values, bool both) {
            F first = {}, second = {};
            for (int corner = 0; corner < C::CORNERS; corner++) {
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
void encode_slopes(const Level& the_level, Interpolation mode, const Points& the_points, int64_t begin, int64_t end,
                   const float* table, int features, float* out, int64_t stride, float* slopes, int64_t axis_stride) {
    // Copies, which no store to the results can change.
    const Level level = the_level;
    const Points points = the_points;
    table += level.start * features;
    each_block(begin, end, [&](int64_t p, auto count) NF_INLINED {
        const auto cell = Cell<D>::template locate<1>(level, mode, points, p, count);
        each_pair(table, features, cell, [&](int f, auto&& values, bool both) {
            F first[D + 1] = {}, second[D + 1] = {};
            for (int corner = 0; corner < 1 << D; corner++) {
                F a, b;
                values(corner, a, b);
                for (int k = 0; k <= D; k++) {
                    const F weight = corner_weight(cell, corner, k ? 1 << (k - 1) : 0);
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

void encode_level(const Level& level, Interpolation mode, const Points& points, int64_t begin, int64_t end,
                  const float* table, int features, const float* direction, float* out, int64_t stride) {
    with_cells(level, mode, [&]<class C>(std::type_identity<C>) {
        if (direction) encode<C, true>(level, mode, points, begin, end, table, features, direction, out, stride);
        else encode<C, false>(level, mode, points, begin, end, table, features, nullptr, out, stride);
    });
}

void encode_level_slopes(const Level& level, Interpolation mode, const Points& points, int64_t begin, int64_t end,
                         const float* table, int features, float* out, int64_t stride, float* slopes,
                         int64_t axis_stride) {
    with_axes(level, [&](auto axes) {
        encode_slopes<axes>(level, mode, points, begin, end, table, features, out, stride, slopes, axis_stride);
    });
}

}  // namespace nf
