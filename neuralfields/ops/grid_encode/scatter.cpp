#include "grid_encode/cubic.hpp"

namespace nf {
namespace {

template <class C, bool ALONG>
void scatter(const Level& the_level, Interpolation mode, const Points& the_points, int64_t begin, int64_t end,
             const float* upstream, int64_t stride, const Along& push, float* gradient, int features) {
    // Copies, which no store to the results can change.
    const Level level = the_level;
    const Points points = the_points;
    alignas(64) uint32_t at[LANES * C::CORNERS];
    alignas(64) float part[2 * LANES * C::CORNERS];
    each_block(begin, end, [&](int64_t p, auto count) NF_INLINED {
        const auto cell = C::template locate<ALONG ? 1 : 0>(level, mode, points, p, count);
        F along[C::AXES] = {}, value = {};
        if constexpr (ALONG) {
            for (int d = 0; d < C::AXES; d++) along[d] = load(push.direction + level.axis[d] * push.stride + p, count);
            if (push.share) value = load(push.share + p, count);
        }
        F weight[C::CORNERS], slope[C::CORNERS];
        corner_weights<C::AXES, ALONG>(cell, along, weight, slope);
        if constexpr (ALONG)
            for (int corner = 0; corner < C::CORNERS; corner++) weight[corner] = slope[corner] + weight[corner] * value;
        if (count == LANES && adjacent(level, cell, features)) {
            const F first = load(upstream + p), second = load(upstream + stride + p);
            for (int k = 0; k < C::CORNERS / 2; k++) {
                const F low = weight[2 * k], high = weight[2 * k + 1];
                const F a = low * first, b = low * second, c = high * first, d = high * second;
                const F ab = interleave_low(a, b), cd = interleave_low(c, d);
                const F ab_rest = interleave_high(a, b), cd_rest = interleave_high(c, d);
                float* to = part + 4 * LANES * k;
                store(to, (F)pairs_low(ab, cd));
                store(to + LANES, (F)pairs_high(ab, cd));
                store(to + 2 * LANES, (F)pairs_low(ab_rest, cd_rest));
                store(to + 3 * LANES, (F)pairs_high(ab_rest, cd_rest));
                store(at + LANES * k, cell.row[2 * k] * 2u);
            }
            settled(at);
            settled(part);
            for (int i = 0; i < LANES * C::CORNERS / 2; i++) {
                float* to = gradient + at[i];
                store_four(to, load_four(to) + load_four(part + 4 * i));
            }
            return;
        }
        for (int corner = 0; corner < C::CORNERS; corner++)
            store(at + corner * LANES, cell.row[corner] * (uint32_t)features);
        for (int f = 0; f < features; f += 2) {
            const bool both = f + 1 < features;
            const float* from = upstream + f * stride + p;
            const F first = load(from, count), second = both ? load(from + stride, count) : F{};
            for (int corner = 0; corner < C::CORNERS; corner++) {
                const F a = weight[corner] * first, b = weight[corner] * second;
                store(part + 2 * LANES * corner, interleave_low(a, b));
                store(part + 2 * LANES * corner + LANES, interleave_high(a, b));
            }
            settled(at);
            settled(part);
            if (both && count == LANES) {
                for (int i = 0; i < LANES * C::CORNERS; i++) {
                    float* to = gradient + at[i] + f;
                    store_pair(to, load_pair(to) + load_pair(part + 2 * i));
                }
            } else {
                for (int i = 0; i < LANES * C::CORNERS; i++) {
                    if (i % LANES >= count) continue;
                    float* to = gradient + at[i] + f;
                    to[0] += part[2 * i];
                    if (both) to[1] += part[2 * i + 1];
                }
            }
        }
    });
}

}  // namespace

void scatter_level(const Level& level, Interpolation mode, const Points& points, int64_t begin, int64_t end,
                   const float* upstream, int64_t stride, const Along* along, float* gradient, int features) {
    with_cells(level, mode, [&]<class C>(std::type_identity<C>) {
        if (along) scatter<C, true>(level, mode, points, begin, end, upstream, stride, *along, gradient, features);
        else scatter<C, false>(level, mode, points, begin, end, upstream, stride, {}, gradient, features);
    });
}

}  // namespace nf
