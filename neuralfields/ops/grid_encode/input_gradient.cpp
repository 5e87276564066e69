#include "grid_encode/cubic.hpp"

namespace nf {
namespace {

template <class C, bool ALONG>
void input_gradient(const Level& the_level, Interpolation mode, const Points& the_points, int64_t begin, int64_t end,
                    const float* table, int features, const float* upstream, int64_t stride, const float* direction,
                    float* out) {
    // Copies, which no store to the results can change.
    const Level level = the_level;
    const Points points = the_points;
    table += level.start * features;
    each_block(begin, end, [&](int64_t p, auto count) NF_INLINED {
        const auto cell = C::template locate<ALONG ? 2 : 1>(level, mode, points, p, count);
        F along[C::AXES], product[C::CORNERS] = {};
        if constexpr (ALONG)
            for (int d = 0; d < C::AXES; d++) along[d] = load(direction + level.axis[d] * points.stride + p, count);
        each_pair(table, features, cell, [&](int f, auto&& values, bool both) {
            const F first = load(upstream + f * stride + p, count);
            const F second = both ? load(upstream + (f + 1) * stride + p, count) : F{};
            for (int corner = 0; corner < C::CORNERS; corner++) {
                F a, b;
                values(corner, a, b);
                product[corner] += first * a + second * b;
            }
        });
        for (int d = 0; d < C::AXES; d++) {
            F total = {};
            for (int corner = 0; corner < C::CORNERS; corner++) {
                if constexpr (ALONG) total += corner_bend(cell, corner, along, d) * product[corner];
                else total += corner_weight(cell, corner, 1 << d) * product[corner];
            }
            float* to = out + level.axis[d] * points.stride + p;
            store(to, load(to, count) + total, count);
        }
    });
}

}  // namespace

void input_gradient_level(const Level& level, Interpolation mode, const Points& points, int64_t begin, int64_t end,
                          const float* table, int features, const float* upstream, int64_t stride,
                          const float* direction, float* out) {
    with_cells(level, mode, [&]<class C>(std::type_identity<C>) {
        const auto run = direction ? input_gradient<C, true> : input_gradient<C, false>;
        run(level, mode, points, begin, end, table, features, upstream, stride, direction, out);
    });
}

}  // namespace nf
