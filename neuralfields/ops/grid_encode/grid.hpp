// Interpolation in grids of features, dense or hashed, over some or all axes; level by level, many points at a time.
//
// A level's weights are products of one-dimensional weights, so values, derivatives along a direction and second
// derivatives differ only in which factors are differentiated. The six functions below are the encoding E(x, table),
// its transpose in the table, its gradient in x, and the directional derivatives in x of these three: all that
// derivatives to the second order are made of.
#pragma once
#include <type_traits>

#include "native/simd.hpp"

namespace nf {

constexpr int MAX_AXES = 4;

// One grid of the table; mirrored by ctypes.
struct Level {
    int32_t axes;               // number of coordinates it reads
    int32_t hashed;             // else every vertex has its own row, modulo size
    int32_t axis[MAX_AXES];     // which coordinates
    float scale[MAX_AXES];      // a point u in [0, 1] lies at u * scale + offset, in cells
    float offset;
    int32_t last[MAX_AXES];     // highest cell
    uint32_t stride[MAX_AXES];  // rows per step along an axis; if hashed, the factor of the hash
    uint32_t size;              // rows; a power of 2 if hashed; size * features < 2^32
    int64_t start;              // its first row in the table
};

// Points axis by axis: coordinate d of point p is at data[d * stride + p].
struct Points {
    const float* data;
    int64_t stride;
    int64_t count;
};

// Of LANES points in one level: rows of the corners, and per axis the weights of lower and upper vertex and their
// first and second derivatives in x (of the upper one; the lower one's are the negative).
template <int D>
struct Cell {
    U row[1 << D];
    F low[D], high[D], slope[D], bend[D];
};

template <int D, bool SMOOTH, int ORDER>
NF_INLINE Cell<D> locate(const Level& level, const Points& points, int64_t p, int count) {
    Cell<D> cell;
    U lower[D], upper[D];
    for (int d = 0; d < D; d++) {
        const F free = (load(points.data + level.axis[d] * points.stride + p, count) + 1.0f) * 0.5f;
        const F unit = free < 0.0f ? F{} : free > 1.0f ? splat(1.0f) : free;
        // As the reference rounds, so that both see a point on the same side of a vertex.
        const F position = rounded(unit * level.scale[d]) + level.offset;
        // NaN becomes a weight but never an index.
        const F known = position == position ? position : F{};
        I index = truncated(known);
        index = index > level.last[d] ? I{} + level.last[d] : index;
        const F t = position - to_float(index);
        const F grown = SMOOTH ? t * t * (3.0f - 2.0f * t) : t;
        cell.high[d] = grown;
        cell.low[d] = 1.0f - grown;
        if (ORDER > 0) {
            const I inside = (free >= 0.0f) & (free <= 1.0f);
            const F step = select(inside, splat(0.5f * level.scale[d]), F{});
            cell.slope[d] = SMOOTH ? 6.0f * t * (1.0f - t) * step : step;
            if (ORDER > 1) cell.bend[d] = SMOOTH ? (6.0f - 12.0f * t) * step * step : F{};
        }
        lower[d] = (U)index * level.stride[d];
        upper[d] = lower[d] + level.stride[d];
    }
    for (int corner = 0; corner < 1 << D; corner++) {
        U row = corner & 1 ? upper[0] : lower[0];
        for (int d = 1; d < D; d++) {
            const U more = corner >> d & 1 ? upper[d] : lower[d];
            row = level.hashed ? row ^ more : row + more;
        }
        // The half-cell offset lets the last corners step past the last vertex, by less than one size: they wrap.
        cell.row[corner] = level.hashed ? row & (level.size - 1) : row >= level.size ? row - level.size : row;
    }
    return cell;
}

// Product over the axes of one corner's weights; axes in the set `once` (a bit mask) are differentiated once.
template <int D>
NF_INLINE F corner_weight(const Cell<D>& cell, int corner, int once) {
    F product = splat(1.0f);
    for (int d = 0; d < D; d++) {
        const bool high = corner >> d & 1;
        const F factor = once >> d & 1 ? (high ? cell.slope[d] : -cell.slope[d]) : high ? cell.high[d] : cell.low[d];
        product = d ? product * factor : factor;
    }
    return product;
}

// The weights of all corners, and with ALONG their derivatives along a direction; axis after axis, as products of
// numbers with a derivative.
template <int D, bool ALONG>
NF_INLINE void corner_weights(const Cell<D>& cell, const F (&direction)[D], F (&weight)[1 << D], F (&slope)[1 << D]) {
    for (int d = 0; d < D; d++) {
        const F push = ALONG ? direction[d] * cell.slope[d] : F{};
        for (int corner = (1 << d) - 1; corner >= 0; corner--) {
            const int above = corner | 1 << d;
            if (d == 0) {
                weight[0] = cell.low[0], weight[1] = cell.high[0];
                if (ALONG) slope[0] = -push, slope[1] = push;
                continue;
            }
            if (ALONG) {
                const F turned = weight[corner] * push;
                slope[above] = slope[corner] * cell.high[d] + turned;
                slope[corner] = slope[corner] * cell.low[d] - turned;
            }
            weight[above] = weight[corner] * cell.high[d];
            weight[corner] *= cell.low[d];
        }
    }
}

// Derivative in coordinate `d` of one corner's derivative along a direction.
template <int D>
NF_INLINE F corner_bend(const Cell<D>& cell, int corner, const F (&direction)[D], int d) {
    F total = {};
    for (int e = 0; e < D; e++)
        if (e != d) total += direction[e] * corner_weight(cell, corner, 1 << d | 1 << e);
    F twice = direction[d] * (corner >> d & 1 ? cell.bend[d] : -cell.bend[d]);
    for (int e = 0; e < D; e++)
        if (e != d) twice *= corner >> e & 1 ? cell.high[e] : cell.low[e];
    return total + twice;
}

// Calls block(first point, count, is full) for LANES points at a time: full ones, then what is left, apart from each
// other so that the former are compiled without a thought for the latter.
template <class Block>
NF_INLINE void each_block(int64_t begin, int64_t end, Block&& block) {
    int64_t p = begin;
    for (; p + LANES <= end; p += LANES) block(p, std::integral_constant<int, LANES>{});
    if (p < end) block(p, int(end - p));
}

// Calls use(feature, values, both) for each pair of features, or the single last one; values(corner, first, second)
// gives them at a corner.
template <int D, class Use>
NF_INLINE void each_pair(const float* table, int features, const Cell<D>& cell, Use&& use) {
    alignas(64) uint32_t at[1 << D][LANES];
    for (int corner = 0; corner < 1 << D; corner++) store(at[corner], cell.row[corner] * (uint32_t)features);
    int f = 0;
    for (; f + 2 <= features; f += 2) {
        settled(at);
        use(f, [&](int corner, F& first, F& second) {
            const F left = gather_pairs(table + f, at[corner]), right = gather_pairs(table + f, at[corner] + LANES / 2);
            first = even(left, right);
            second = odd(left, right);
        }, true);
    }
    if (f < features)
        use(f, [&](int corner, F& first, F& second) {
            for (int i = 0; i < LANES; i++) first[i] = table[at[corner][i] + f];
            second = F{};
        }, false);
}

// Whether the two vertices of all LANES points' cells along the first axis are neighbours in a table of pairs, so that
// one access serves both.
template <int D>
NF_INLINE bool adjacent(const Level& level, const Cell<D>& cell, int features) {
#ifdef NF_FOURS
    if (level.hashed || features != 2 || level.stride[0] != 1) return false;
    I wraps = {};
    for (int corner = 0; corner < 1 << D; corner += 2) wraps |= cell.row[corner] == level.size - 1;
    return !any(wraps);
#else
    return false;
#endif
}

// The features of all corners, where they are adjacent; use(corner, first, second) for each.
template <int D, class Use>
NF_INLINE void each_adjacent(const float* table, const Cell<D>& cell, Use&& use) {
#ifdef NF_FOURS
    alignas(64) uint32_t at[1 << (D - 1)][LANES];
    for (int k = 0; k < 1 << (D - 1); k++) store(at[k], cell.row[2 * k] * 2u);
    settled(at);
    for (int k = 0; k < 1 << (D - 1); k++) {
        F fours[4];
        for (int i = 0; i < 4; i++) fours[i] = gather_fours(table, at[k] + i * LANES / 4);
        const F low_left = (F)pairs_even(fours[0], fours[1]), low_right = (F)pairs_even(fours[2], fours[3]);
        const F high_left = (F)pairs_odd(fours[0], fours[1]), high_right = (F)pairs_odd(fours[2], fours[3]);
        use(2 * k, even(low_left, low_right), odd(low_left, low_right));
        use(2 * k + 1, even(high_left, high_right), odd(high_left, high_right));
    }
#endif
}

// out[f * stride + p] = sum over corners of weight * table[row][f], or of the weight's derivative along `direction`
// (laid out as the points are).
template <int D, bool SMOOTH, bool ALONG>
void encode_level(const Level& the_level, const Points& the_points, int64_t begin, int64_t end, const float* table,
                  int features, const float* direction, float* out, int64_t stride) {
    // Copies, which no store to the results can change.
    const Level level = the_level;
    const Points points = the_points;
    table += level.start * features;
    each_block(begin, end, [&](int64_t p, auto count) NF_INLINED {
        const auto cell = locate<D, SMOOTH, ALONG ? 1 : 0>(level, points, p, count);
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

// The value's derivatives in each coordinate: out[d * axis_stride + f * stride + p], besides the value itself.
template <int D, bool SMOOTH>
void encode_level_jacobian(const Level& the_level, const Points& the_points, int64_t begin, int64_t end, const float* table,
                           int features, float* out, int64_t stride, float* slopes, int64_t axis_stride) {
    // Copies, which no store to the results can change.
    const Level level = the_level;
    const Points points = the_points;
    table += level.start * features;
    each_block(begin, end, [&](int64_t p, auto count) NF_INLINED {
        const auto cell = locate<D, SMOOTH, 1>(level, points, p, count);
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

// gradient[row][f] += weight * upstream[f * stride + p]; with ALONG the weight is its derivative along `direction`,
// plus, where `share` is given, itself times share[p].
template <int D, bool SMOOTH, bool ALONG>
void scatter_level(const Level& the_level, const Points& the_points, int64_t begin, int64_t end, const float* upstream,
                   const float* share, int64_t stride, const float* direction, int64_t direction_stride,
                   float* gradient, int features) {
    // Copies, which no store to the results can change.
    const Level level = the_level;
    const Points points = the_points;
    alignas(64) uint32_t at[LANES << D];
    alignas(64) float part[2 * LANES << D];
    each_block(begin, end, [&](int64_t p, auto count) NF_INLINED {
        const auto cell = locate<D, SMOOTH, ALONG ? 1 : 0>(level, points, p, count);
        F along[D] = {}, value = {};
        if constexpr (ALONG) {
            for (int d = 0; d < D; d++) along[d] = load(direction + level.axis[d] * direction_stride + p, count);
            if (share) value = load(share + p, count);
        }
        F weight[1 << D], slope[1 << D];
        corner_weights<D, ALONG>(cell, along, weight, slope);
        if constexpr (ALONG)
            for (int corner = 0; corner < 1 << D; corner++) weight[corner] = slope[corner] + weight[corner] * value;
        if (count == LANES && adjacent(level, cell, features)) {
            const F first = load(upstream + p), second = load(upstream + stride + p);
            for (int k = 0; k < 1 << (D - 1); k++) {
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
            for (int i = 0; i < LANES << (D - 1); i++) {
                float* to = gradient + at[i];
                store_four(to, load_four(to) + load_four(part + 4 * i));
            }
            return;
        }
        for (int corner = 0; corner < 1 << D; corner++) store(at + corner * LANES, cell.row[corner] * (uint32_t)features);
        for (int f = 0; f < features; f += 2) {
            const bool both = f + 1 < features;
            const float* from = upstream + f * stride + p;
            const F first = load(from, count), second = both ? load(from + stride, count) : F{};
            for (int corner = 0; corner < 1 << D; corner++) {
                const F a = weight[corner] * first, b = weight[corner] * second;
                store(part + 2 * LANES * corner, interleave_low(a, b));
                store(part + 2 * LANES * corner + LANES, interleave_high(a, b));
            }
            settled(at);
            settled(part);
            if (both && count == LANES) {
                for (int i = 0; i < LANES << D; i++) {
                    float* to = gradient + at[i] + f;
                    store_pair(to, load_pair(to) + load_pair(part + 2 * i));
                }
            } else {
                for (int i = 0; i < LANES << D; i++) {
                    if (i % LANES >= count) continue;
                    float* to = gradient + at[i] + f;
                    to[0] += part[2 * i];
                    if (both) to[1] += part[2 * i + 1];
                }
            }
        }
    });
}

// out[d * points.stride + p] += derivative in coordinate d of sum over f of upstream * value; with ALONG, of the
// value's derivative along `direction`.
template <int D, bool SMOOTH, bool ALONG>
void input_gradient_level(const Level& the_level, const Points& the_points, int64_t begin, int64_t end, const float* table,
                          int features, const float* upstream, int64_t stride, const float* direction, float* out) {
    // Copies, which no store to the results can change.
    const Level level = the_level;
    const Points points = the_points;
    table += level.start * features;
    each_block(begin, end, [&](int64_t p, auto count) NF_INLINED {
        const auto cell = locate<D, SMOOTH, ALONG ? 2 : 1>(level, points, p, count);
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

// Calls body with compile-time <axes of the level, smooth>.
template <class Body>
void with_axes(const Level& level, bool smooth, Body&& body) {
    const auto pick = [&](auto axes) {
        if (smooth) body(axes, std::true_type{});
        else body(axes, std::false_type{});
    };
    switch (level.axes) {
        case 1: return pick(std::integral_constant<int, 1>{});
        case 2: return pick(std::integral_constant<int, 2>{});
        case 3: return pick(std::integral_constant<int, 3>{});
        default: return pick(std::integral_constant<int, 4>{});
    }
}

}  // namespace nf
