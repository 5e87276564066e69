// Cubic interpolation: four vertices per axis and the weights of all of them, in dense levels.
#pragma once
#include "grid_encode/cell.hpp"

namespace nf {

// As Cell, with four vertices along each axis, which end at the border of the box. A corner's number has two bits for
// each axis.
template <int D>
struct CubicCell {
    static constexpr int AXES = D, CORNERS = 1 << 2 * D;
    U row[CORNERS];
    F value[D][4], slope[D][4], bend[D][4];

    // Coefficients of 1, t, t^2 and t^3 in the vertices' weights.
    static constexpr float CATMULL_ROM_WEIGHTS[4][4] = {
        {0.0f, -0.5f, 1.0f, -0.5f}, {1.0f, 0.0f, -2.5f, 1.5f}, {0.0f, 0.5f, 2.0f, -1.5f}, {0.0f, 0.0f, -0.5f, 0.5f}};
    static constexpr float B_SPLINE_WEIGHTS[4][4] = {{1.0f / 6, -0.5f, 0.5f, -1.0f / 6},
                                                     {4.0f / 6, 0.0f, -1.0f, 0.5f},
                                                     {1.0f / 6, 0.5f, 0.5f, -0.5f},
                                                     {0.0f, 0.0f, 0.0f, 1.0f / 6}};

    template <int ORDER>
    static NF_INLINE CubicCell locate(const Level& level, Interpolation mode, const Points& points, int64_t p,
                                      int count) {
        CubicCell cell;
        const auto& weights = mode == B_SPLINE ? B_SPLINE_WEIGHTS : CATMULL_ROM_WEIGHTS;
        cell.row[0] = U{};
        for (int d = 0; d < D; d++) {
            const Place place(level, d, points, p, count);
            const F t = place.fraction;
            for (int k = 0; k < 4; k++) {
                const float* c = weights[k];
                cell.value[d][k] = ((c[3] * t + c[2]) * t + c[1]) * t + c[0];
                if (ORDER > 0) {
                    cell.slope[d][k] = ((3 * c[3] * t + 2 * c[2]) * t + c[1]) * place.step(level, d);
                    if (ORDER > 1)
                        cell.bend[d][k] = (6 * c[3] * t + 2 * c[2]) * place.step(level, d) * place.step(level, d);
                }
            }
            const I low = place.index - 1, high = place.index + 2, zero = {};
            const I vertex[4] = {low < zero ? zero : low, place.index, place.index + 1,
                                 high > level.last[d] + 1 ? zero + (level.last[d] + 1) : high};
            for (int corner = (1 << 2 * d) - 1; corner >= 0; corner--)
                for (int k = 3; k >= 0; k--)
                    cell.row[corner | k << 2 * d] = cell.row[corner] + (U)vertex[k] * level.stride[d];
        }
        return cell;
    }
};

template <int D>
NF_INLINE F corner_weight(const CubicCell<D>& cell, int corner, int once) {
    F product = splat(1.0f);
    for (int d = 0; d < D; d++) {
        const int k = corner >> 2 * d & 3;
        const F factor = once >> d & 1 ? cell.slope[d][k] : cell.value[d][k];
        product = d ? product * factor : factor;
    }
    return product;
}

template <int D, bool ALONG>
NF_INLINE void corner_weights(const CubicCell<D>& cell, const F (&direction)[D], F (&weight)[1 << 2 * D],
                              F (&slope)[1 << 2 * D]) {
    weight[0] = splat(1.0f), slope[0] = F{};
    for (int d = 0; d < D; d++) {
        F push[4];
        for (int k = 0; k < 4; k++) push[k] = ALONG ? direction[d] * cell.slope[d][k] : F{};
        for (int corner = (1 << 2 * d) - 1; corner >= 0; corner--)
            for (int k = 3; k >= 0; k--) {
                const int above = corner | k << 2 * d;
                if (ALONG) slope[above] = slope[corner] * cell.value[d][k] + weight[corner] * push[k];
                weight[above] = weight[corner] * cell.value[d][k];
            }
    }
}

template <int D>
NF_INLINE F corner_bend(const CubicCell<D>& cell, int corner, const F (&direction)[D], int d) {
    F total = {};
    for (int e = 0; e < D; e++)
        if (e != d) total += direction[e] * corner_weight(cell, corner, 1 << d | 1 << e);
    F twice = direction[d] * cell.bend[d][corner >> 2 * d & 3];
    for (int e = 0; e < D; e++)
        if (e != d) twice *= cell.value[e][corner >> 2 * e & 3];
    return total + twice;
}

template <int D>
NF_INLINE bool adjacent(const Level&, const CubicCell<D>&, int) {
    return false;
}

template <int D, class Use>
NF_INLINE void each_adjacent(const float*, const CubicCell<D>&, Use&&) {}

// Calls body with the type of a level's cells, as std::type_identity.
template <class Body>
void with_cells(const Level& level, Interpolation mode, Body&& body) {
    if (mode == LINEAR || mode == SMOOTHSTEP)
        return with_axes(level, [&](auto axes) { body(std::type_identity<Cell<axes>>{}); });
    switch (level.axes) {
        case 1: return body(std::type_identity<CubicCell<1>>{});
        case 2: return body(std::type_identity<CubicCell<2>>{});
        default: return body(std::type_identity<CubicCell<3>>{});
    }
}

}  // namespace nf
