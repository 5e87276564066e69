// Products of small matrices that lie in cache.
#pragma once
#include <type_traits>

#include "native/simd.hpp"

namespace nf {

// A block of ROWS x (VECTORS * LANES) sums over k of a[row * row_step + k * k_step] * b[k * b_step + column], kept in
// registers; done(row, column, lanes) gets each vector of them.
template <int ROWS, int VECTORS, class Done>
NF_INLINE void product_block(const float* a, size_t row_step, size_t k_step, const float* b, size_t b_step, int depth,
                             Done&& done) {
    F total[ROWS][VECTORS];
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) total[r][v] = F{};
    for (int k = 0; k < depth; k++) {
        F right[VECTORS];
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) right[v] = load(b + v * LANES);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; r++) {
            const F left = splat(a[r * row_step]);
#pragma GCC unroll 8
            for (int v = 0; v < VECTORS; v++) total[r][v] += left * right[v];
        }
        a += k_step;
        b += b_step;
    }
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) done(r, v * LANES, total[r][v]);
}

template <int ROWS, int VECTORS, class Done>
void product_rows(int rows, const float* a, size_t row_step, size_t k_step, const float* b, size_t b_step, int depth,
                  int column, Done&& done) {
    int row = 0;
    const auto block = [&](auto size) {
        product_block<decltype(size)::value, VECTORS>(a + row * row_step, row_step, k_step, b + column, b_step, depth,
                                                      [&](int r, int c, F sum) { done(row + r, column + c, sum); });
        row += size;
    };
    while (row + ROWS <= rows) block(std::integral_constant<int, ROWS>{});
    if (rows - row >= 4) block(std::integral_constant<int, 4>{});
    switch (rows - row) {
        case 3: block(std::integral_constant<int, 3>{}); break;
        case 2: block(std::integral_constant<int, 2>{}); break;
        case 1: block(std::integral_constant<int, 1>{}); break;
    }
}

// All of [rows, columns]; columns are a multiple of LANES. With 32 registers a block holds 24 sums, with 16 it holds 12.
template <class Done>
void product(int rows, int columns, const float* a, size_t row_step, size_t k_step, const float* b, size_t b_step,
             int depth, Done&& done) {
#if NF_LANES == 16 || defined(__aarch64__)
    constexpr int ROWS = 8;
#else
    constexpr int ROWS = 4;
#endif
    for (int column = 0; column < columns;) {
        const int left = (columns - column) / LANES;
        if (left == 1) product_rows<ROWS, 1>(rows, a, row_step, k_step, b, b_step, depth, column, done);
        // Two and two rather than three and one.
        else if (left == 2 || left == 4) product_rows<ROWS, 2>(rows, a, row_step, k_step, b, b_step, depth, column, done);
        else product_rows<ROWS, 3>(rows, a, row_step, k_step, b, b_step, depth, column, done);
        column += LANES * (left == 1 ? 1 : left == 2 || left == 4 ? 2 : 3);
    }
}

// to[c][r] = from[r][c] for r < rows, c < columns; columns of `to` up to the next multiple of LANES are written too.
inline void transposed(int rows, int columns, const float* from, size_t from_step, float* to, size_t to_step) {
    for (int r = 0; r < rows; r += LANES)
        for (int c = 0; c < columns; c += LANES) {
            const int here = rows - r < LANES ? rows - r : LANES, there = columns - c < LANES ? columns - c : LANES;
            F square[LANES];
            for (int i = 0; i < LANES; i++) square[i] = i < here ? load(from + (r + i) * from_step + c, there) : F{};
            transpose(square);
            for (int i = 0; i < there; i++) store(to + (c + i) * to_step + r, square[i]);
        }
}

}  // namespace nf
