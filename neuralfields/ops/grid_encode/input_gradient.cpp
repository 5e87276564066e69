#include "grid_encode/cell.hpp"

namespace nf {
namespace {

template <int D, bool ALONG>
void input_gradient(const Level& the_level, bool smooth, const Points& the_points, int64_t begin, int64_t end,
                    const float* table, int features, const float* upstream, int64_t stride, const float* direction,
                    float* out) {
    // Copies, which no store to the results can change.
    const Level level = the_level;
    const Points points = the_points;
    table += level.start * features;
    each_block(begin, end, [&](int64_t p, auto count) NF_INLINED {
        const auto cell = locate<D, ALONG ? 2 : 1>(level, smooth, points, p, count);
        F along[D], product[1 << D] = {};
        if constexpr (ALONG)
            for (int d = 0; d < D; d++) along[d] = load(direction + level.axis[d] * points.stride + p, count);
        each_pair<D>(table, features, cell, [&](int f, auto&& values, bool both) {
            const F first = load(upstream + f * stride + p, count);
            const F second = both ? load(upstream + (f + 1) * stride + p, count) : F{};
            for (int corner = 0; corner < 1 << D; corner++) {
                F a, b;
                values(corner, a, b);
                product[corner] += first * a + second * b;
            }
        });
        for (int d = 0; d < D; d++) {
            F total = {};
            for (int corner = 0; corner < 1 << D; corner++) {
                if constexpr (ALONG) total += corner_bend<D>(cell, corner, along, d) * product[corner];
                else total += corner_weight<D>(cell, corner, 1 << d) * product[corner];
            }
            float* to = out + level.axis[d] * points.stride + p;
            store(to, load(to, count) + total, count);
        }
    });
}

}  // namespace

void input_gradient_level(const Level& level, bool smooth, const Points& points, int64_t begin, int64_t end,
                          const float* table, int features, const float* upstream, int64_t stride,
                          const float* direction, float* out) {
    with_axes(level, [&](auto axes) {
        const auto run = direction ? input_gradient<axes, true> : input_gradient<axes, false>;
        run(level, smooth, points, begin, end, table, features, upstream, stride, direction, out);
    });
}

}  // namespace nf
