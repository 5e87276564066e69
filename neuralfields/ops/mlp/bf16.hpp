// Matrices of bf16 with sums in float32, where the CPU multiplies pairs of bf16 (NF_BF16).
//
// A pair is 32 bits, its first number in the lower half. A product over k takes the pairs (2k, 2k + 1) of both sides.
#pragma once
#include <cstdint>
#include <cstring>

#include "mlp/gemm.hpp"

#if defined(__AVX512BF16__)
#define NF_BF16
#include <immintrin.h>

namespace nf {

typedef uint16_t Halves __attribute__((vector_size(64)));

#if defined(__clang__) || __GNUC__ >= 12
#define NF_SHUFFLE_HALVES(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define NF_SHUFFLE_HALVES(a, b, ...) __builtin_shuffle(a, b, (Halves){__VA_ARGS__})
#endif

NF_INLINE U load_pairs(const uint32_t* from) {
    U value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

// The first vector's numbers rounded to bf16, then the second's.
NF_INLINE U narrowed(F first, F second) { return (U)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first); }

// What `narrowed` gives, as pairs of one number of each.
NF_INLINE U interleaved(U halves) {
    const Halves a = (Halves)halves;
    return (U)NF_SHUFFLE_HALVES(a, a, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11,
                                27, 12, 28, 13, 29, 14, 30, 15, 31);
}
NF_INLINE U firsts(U a, U b) {
    return (U)NF_SHUFFLE_HALVES((Halves)a, (Halves)b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34,
                                36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62);
}
NF_INLINE U seconds(U a, U b) {
    return (U)NF_SHUFFLE_HALVES((Halves)a, (Halves)b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35,
                                37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63);
}
NF_INLINE F first_of(U pairs) { return (F)(pairs << 16); }
NF_INLINE F second_of(U pairs) { return (F)(pairs & 0xffff0000u); }

constexpr int PAIR_ROWS = 8, PAIR_VECTORS = 3, PAIR_COLUMNS = PAIR_VECTORS * LANES;

// Sums over k < depth of a[row * row_step + k] . b[k * b_step + column], written to `to`, or added there.
template <int ROWS, int VECTORS>
__attribute__((noinline)) void pair_block(const uint32_t* a, size_t row_step, const uint32_t* b, size_t b_step,
                                          int depth, float* to, size_t to_step, bool add) {
    F total[ROWS][VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            total[r][v] = F{};
            if (add) __builtin_prefetch(to + r * to_step + v * LANES, 1);
        }
    for (int k = 0; k < depth; k++) {
        U right[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) right[v] = load_pairs(b + v * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const U left = splat(a[r * row_step + k]);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++)
                total[r][v] = (F)_mm512_dpbf16_ps((__m512)total[r][v], (__m512bh)left, (__m512bh)right[v]);
        }
        b += b_step;
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            float* place = to + r * to_step + v * LANES;
            store(place, add ? load(place) + total[r][v] : total[r][v]);
        }
}

using PairBlock = void (*)(const uint32_t*, size_t, const uint32_t*, size_t, int, float*, size_t, bool);

template <int VECTORS>
PairBlock pair_block_of(int rows) {
    switch (rows) {
        case 1: return pair_block<1, VECTORS>;
        case 2: return pair_block<2, VECTORS>;
        case 3: return pair_block<3, VECTORS>;
        case 4: return pair_block<4, VECTORS>;
        default: return pair_block<PAIR_ROWS, VECTORS>;
    }
}

// Calls each(row, rows, column, columns, kernel) for blocks that cover [rows, columns]; columns are a multiple of
// LANES, and only the last block of a column of blocks can have an odd number of rows.
template <class Each>
void pair_blocks(int rows, int columns, Each&& each) {
    for (int column = 0; column < columns;) {
        const int left = (columns - column) / LANES;
        const int vectors = left == 2 || left == 4 ? 2 : left < PAIR_VECTORS ? left : PAIR_VECTORS;
        for (int row = 0; row < rows;) {
            const int here = rows - row >= PAIR_ROWS ? PAIR_ROWS : rows - row >= 4 ? 4 : rows - row;
            each(row, here, column, vectors * LANES,
                 vectors == 1   ? pair_block_of<1>(here)
                 : vectors == 2 ? pair_block_of<2>(here)
                                : pair_block_of<3>(here));
            row += here;
        }
        column += vectors * LANES;
    }
}

// to [rows][columns] += a b
inline void add_pair_product(int rows, int columns, const uint32_t* a, size_t row_step, const uint32_t* b,
                             size_t b_step, int depth, float* to, size_t to_step) {
    pair_blocks(rows, columns, [&](int row, int, int column, int, PairBlock kernel) {
        kernel(a + row * row_step, row_step, b + column, b_step, depth, to + row * to_step + column, to_step, true);
    });
}

// A part of a product, in float32.
struct Part {
    int row, rows, column, columns;
    const float* sums;
    int64_t step;
};

// All of a b, part after part, while each still is in the innermost cache.
template <class Done>
void pair_product(int rows, int columns, const uint32_t* a, size_t row_step, const uint32_t* b, size_t b_step,
                  int depth, Done&& done) {
    alignas(64) float sums[PAIR_ROWS * PAIR_COLUMNS];
    pair_blocks(rows, columns, [&](int row, int here, int column, int wide, PairBlock kernel) {
        kernel(a + row * row_step, row_step, b + column, b_step, depth, sums, PAIR_COLUMNS, false);
        done(Part{row, here, column, wide, sums, PAIR_COLUMNS});
    });
}

// From pairs of rows [ceil(rows / 2)][columns] to pairs of columns [columns / 2][wide], where wide, a multiple of
// LANES, holds the rows; columns are a multiple of 2 LANES.
inline void transposed_pairs(int rows, int columns, const uint32_t* from, uint32_t* to, size_t wide) {
    const int pairs = (rows + 1) / 2;
    for (int r = 0; r < rows; r += LANES)
        for (int c = 0; c < columns; c += 2 * LANES) {
            F square[LANES];
            const int here = pairs - r / 2 < LANES / 2 ? pairs - r / 2 : LANES / 2;
            const auto row_pair = [&](int i) NF_INLINED {
                const uint32_t* at = from + (r / 2 + i) * columns + c;
                const U a = load_pairs(at), b = load_pairs(at + LANES);
                square[2 * i] = (F)firsts(a, b);
                square[2 * i + 1] = (F)seconds(a, b);
            };
            if (here == LANES / 2) {
                for (int i = 0; i < LANES / 2; i++) row_pair(i);
            } else {
                for (int i = 0; i < LANES; i++) square[i] = F{};
                for (int i = 0; i < here; i++) row_pair(i);
            }
            transpose(square);
            for (int i = 0; i < LANES; i++) store(to + (c / 2 + i) * wide + r, (U)square[i]);
        }
}

// to[row] of pairs along a row of matrix [rows][columns], rounded; as many as fill whole vectors, zero beyond.
inline void pack_rows(int rows, int columns, const float* matrix, uint32_t* to, size_t to_step) {
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c += 2 * LANES) {
            const float* from = matrix + int64_t(r) * columns + c;
            const int left = columns - c;
            store(to + r * to_step + c / 2,
                  narrowed(load(from, left), left > LANES ? load(from + LANES, left - LANES) : F{}));
        }
}

// The same of the transposed matrix: to[column] of pairs along a column.
inline void pack_columns(int rows, int columns, const float* matrix, uint32_t* to, size_t to_step) {
    for (int c = 0; c < columns; c += LANES)
        for (int r = 0; r < rows; r += 2 * LANES) {
            F square[2][LANES];
            for (int half = 0; half < 2; half++) {
                for (int i = 0; i < LANES; i++) {
                    const int row = r + half * LANES + i;
                    square[half][i] = row < rows ? load(matrix + int64_t(row) * columns + c, columns - c) : F{};
                }
                transpose(square[half]);
            }
            for (int i = 0; i < LANES && c + i < columns; i++)
                store(to + (c + i) * to_step + r / 2, narrowed(square[0][i], square[1][i]));
        }
}

}  // namespace nf
#endif
