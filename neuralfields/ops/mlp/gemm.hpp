// Products of small matrices that lie in cache.
#pragma once
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

constexpr int MOST_COLUMNS = 3 * LANES;

// The same written to `to` [ROWS][MOST_COLUMNS]: one function for all uses, for what is rare or small.
template <int ROWS, int VECTORS>
__attribute__((noinline)) void written_block(const float* a, size_t row_step, size_t k_step, const float* b,
                                             size_t b_step, int depth, float* to) {
    product_block<ROWS, VECTORS>(a, row_step, k_step, b, b_step, depth,
                                 [&](int r, int c, F sum) { store(to + r * MOST_COLUMNS + c, sum); });
}

template <int ROWS, int VECTORS, class Done>
void product_rows(int rows, const float* a, size_t row_step, size_t k_step, const float* b, size_t b_step, int depth,
                  int column, Done&& done) {
    int row = 0;
    for (; row + ROWS <= rows; row += ROWS)
        product_block<ROWS, VECTORS>(a + row * row_step, row_step, k_step, b + column, b_step, depth,
                                     [&](int r, int c, F sum) { done(row + r, column + c, sum); });
    while (row < rows) {
        const int here = rows - row >= 4 ? 4 : rows - row;
        const auto block = here == 4   ? written_block<4, VECTORS>
                           : here == 3 ? written_block<3, VECTORS>
                           : here == 2 ? written_block<2, VECTORS>
                                       : written_block<1, VECTORS>;
        alignas(64) float sums[4 * MOST_COLUMNS];
        block(a + row * row_step, row_step, k_step, b + column, b_step, depth, sums);
        for (int r = 0; r < here; r++)
            for (int c = 0; c < VECTORS * LANES; c += LANES)
                done(row + r, column + c, load(sums + r * MOST_COLUMNS + c));
        row += here;
    }
}

// All of [rows, columns]; columns are a multiple of LANES. With 32 registers a block holds 24 sums, with 16 it holds
// 12.
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
        const int vectors = left == 2 || left == 4 ? 2 : left < 3 ? left : 3;  // two and two, not three and one
        if (vectors == 1) product_rows<ROWS, 1>(rows, a, row_step, k_step, b, b_step, depth, column, done);
        else if (vectors == 2) product_rows<ROWS, 2>(rows, a, row_step, k_step, b, b_step, depth, column, done);
        else product_rows<ROWS, 3>(rows, a, row_step, k_step, b, b_step, depth, column, done);
        column += vectors * LANES;
    }
}

// to[c][r] = from[r][c] for r < rows, c < columns; columns of `to` up to the next multiple of LANES are written too.
inline void transposed(int rows, int columns, const float* from, size_t from_step, float* to, size_t to_step) {
    F square[LANES];
    for (int r = 0; r < rows; r += LANES)
        for (int c = 0; c < columns; c += LANES) {
            const int here = rows - r, there = columns - c;
            const float* at = from + r * from_step + c;
            float* place = to + c * to_step + r;
            if (here >= LANES && there >= LANES) {
                for (int i = 0; i < LANES; i++) square[i] = load(at + i * from_step);
                transpose(square);
                for (int i = 0; i < LANES; i++) store(place + i * to_step, square[i]);
            } else {
                for (int i = 0; i < LANES; i++) square[i] = i < here ? load(at + i * from_step, there) : F{};
                transpose(square);
                for (int i = 0; i < LANES && i < there; i++) store(place + i * to_step, square[i]);
            }
        }
}

}  // namespace nf
