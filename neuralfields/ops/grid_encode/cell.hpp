// Where points lie in a level, the weights of the corners around them, and the corners' features.
#pragma once
#include <cstdint>
#include <type_traits>

#include "grid_encode/grid.hpp"
#include "native/simd.hpp"

namespace nf {

// Where LANES points lie along one axis of a level.
struct Place {
    F free, fraction;  // in [0, 1] within the box, outside as they are; in [0, 1] within the cell
    I index;           // of the cell

    NF_INLINE Place(const Level& level, int d, const Points& points, int64_t p, int count) {
        free = (load(points.data + level.axis[d] * points.stride + p, count) + 1.0f) * 0.5f;
        const F unit = free < 0.0f ? F{} : free > 1.0f ? splat(1.0f) : free;
        // As the reference rounds, so that both see a point on the same side of a vertex.
        const F position = rounded(unit * level.scale[d]) + level.offset;
        // NaN becomes a weight but never an index.
        const F known = position == position ? position : F{};
        index = truncated(known);
        index = index > level.last[d] ? I{} + level.last[d] : index;
        fraction = position - to_float(index);
    }

    // The fraction's derivative in x.
    NF_INLINE F step(const Level& level, int d) const {
        const I inside = (free >= 0.0f) & (free <= 1.0f);
        return select(inside, splat(0.5f * level.scale[d]), F{});
    }
};

// Of LANES points in one level: rows of the corners, and per axis the weights of lower and upper vertex and their
// first and second derivatives in x (of the upper one; the lower one's are the negative).
template <int D>
struct Cell {
    static constexpr int AXES = D, CORNERS = 1 << D;
    U row[CORNERS];
    F low[D], high[D], slope[D], bend[D];

    template <int ORDER>
    static NF_INLINE Cell locate(const Level& level, Interpolation mode, const Points& points, int64_t p, int count) {
        const bool smooth = mode == SMOOTHSTEP;
        Cell cell;
        U lower[D], upper[D];
        for (int d = 0; d < D; d++) {
            const Place place(level, d, points, p, count);
            const F t = place.fraction;
            const F grown = smooth ? t * t * (3.0f - 2.0f * t) : t;
            cell.high[d] = grown;
            cell.low[d] = 1.0f - grown;
            if (ORDER > 0) {
                const F step = place.step(level, d);
                cell.slope[d] = smooth ? 6.0f * t * (1.0f - t) * step : step;
                if (ORDER > 1) cell.bend[d] = smooth ? (6.0f - 12.0f * t) * step * step : F{};
            }
            lower[d] = (U)place.index * level.stride[d];
            upper[d] = lower[d] + level.stride[d];
        }
        for (int corner = 0; corner < CORNERS; corner++) {
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
};

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

// Calls block(first point, count) for LANES points at a time: full ones, whose count is a compile-time number, then
// what is left; so the former are compiled without a thought for the latter.
template <class Block>
NF_INLINE void each_block(int64_t begin, int64_t end, Block&& block) {
    int64_t p = begin;
    for (; p + LANES <= end; p += LANES) block(p, std::integral_constant<int, LANES>{});
    if (p < end) block(p, int(end - p));
}

// Calls use(feature, values, both) for each pair of features, or the single last one; values(corner, first, second)
// gives them at a corner.
template <class C, class Use>
NF_INLINE void each_pair(const float* table, int features, const C& cell, Use&& use) {
    alignas(64) uint32_t at[C::CORNERS][LANES];
    for (int corner = 0; corner < C::CORNERS; corner++) store(at[corner], cell.row[corner] * (uint32_t)features);
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

// Calls body with the compile-time number of a level's axes.
template <class Body>
void with_axes(const Level& level, Body&& body) {
    switch (level.axes) {
        case 1: return body(std::integral_constant<int, 1>{});
        case 2: return body(std::integral_constant<int, 2>{});
        case 3: return body(std::integral_constant<int, 3>{});
        default: return body(std::integral_constant<int, 4>{});
    }
}

}  // namespace nf
