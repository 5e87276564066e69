// The network's forward and backward with matrices of bf16; weights, gradients and what is done per value in float32.
//
// Values lie as pairs of features, which the next map's product takes; the gradients' products take pairs of points.
// A first map that reads few features, coordinates above all, stays in float32.
#pragma once
#include <cstdint>
#include <cstring>
#include <utility>

#include "mlp/bf16.hpp"
#include "mlp/network.hpp"

#ifdef NF_BF16
namespace nf {

constexpr int POINT_PAIRS = TILE / 2;
static_assert(TILE % (2 * LANES) == 0 && TILE % PAIR_COLUMNS == 0);

// Two neighbouring rows of a tile, as a pair of features and as rows of points.
NF_INLINE void put(F first, F second, int64_t row_pair, int column, uint32_t* pairs) {
    store(pairs + row_pair * TILE + column, interleaved(narrowed(first, second)));
}
NF_INLINE void put(F first, F second, int64_t row_pair, int column, uint32_t* pairs, uint32_t* rows) {
    const U both = narrowed(first, second);
    store(pairs + row_pair * TILE + column, interleaved(both));
    uint32_t* to = rows + row_pair * TILE + column / 2;
    std::memcpy(to, &both, sizeof both / 2);
    std::memcpy(to + POINT_PAIRS, reinterpret_cast<const char*>(&both) + sizeof both / 2, sizeof both / 2);
}

// Calls each(row, column, first, second) for pairs of a part's rows; where the second row is missing, it is zero.
template <class Each>
NF_INLINE void each_pair(const Part& part, Each&& each) {
    for (int r = 0; r < part.rows; r += 2)
        for (int c = 0; c < part.columns; c += LANES) {
            const float* at = part.sums + r * part.step + c;
            each(part.row + r, part.column + c, load(at), r + 1 < part.rows ? load(at + part.step) : F{});
        }
}

// The activations of a part of map k's sums.
template <int ORDER>
__attribute__((noinline)) void activate_part(const Network& net, Tile& tile, int k, const Part& part) {
    const Map& map = net.map[k];
    // In registers: for all the compiler knows, the stores below could change what they are read from.
    uint32_t *const pairs = tile.pairs[k + 1], *const slopes = tile.slope_pairs[k + 1];
    const float *const bias = map.bias, omega = map.omega;
    const int out = map.out, activation = net.activation;
    const auto each = [&](auto&& apply) NF_INLINED {
        each_pair(part, [&](int row, int column, F first, F second) NF_INLINED {
            const bool odd = row + 1 == out;
            if (bias) first += bias[row], second += bias[odd ? row : row + 1];
            F slope[2] = {};
            apply(first, slope[0]);
            apply(second, slope[1]);
            put(first, odd ? F{} : second, row / 2, column, pairs);
            if (ORDER > 0 && activation != RELU) put(slope[0], slope[1], row / 2, column, slopes);
        });
    };
    if (activation == SINE) {
        each([&](F& value, F& slope) NF_INLINED {
            sine_cosine<true>(omega * value, value, slope);
            slope *= omega;
        });
    } else if (activation == RELU) {
        each([](F& value, F&) NF_INLINED { value = F{} > value ? F{} : value; });
    } else {
        each([&](F& value, F& slope) NF_INLINED { activate_called(activation, value, slope); });
    }
}

template <int ORDER>
void forward_narrow(const Network& net, Tile& tile, Rows x) {
    const Packed& packed = *tile.packed;
    for (int k = 0; k < net.maps; k++) {
        const Map& map = net.map[k];
        const auto done = [&](const Part& part) {
            if (k < net.maps - 1) return activate_part<ORDER>(net, tile, k, part);
            for (int r = 0; r < part.rows; r++)
                for (int c = 0; c < part.columns; c += LANES) {
                    F sum = load(part.sums + r * part.step + c);
                    if (map.bias) sum += map.bias[part.row + r];
                    store(tile.result + (part.row + r) * TILE + part.column + c, sum);
                }
        };
        if (!packed.weight[k]) {
            product(map.out, TILE, map.weight, map.in, 1, x.data, x.step, map.in,
                    [&](int row, int column, F sum) { store(tile.first + row * TILE + column, sum); });
            done({0, map.out, 0, TILE, tile.first, TILE});
            continue;
        }
        if (k == 0) {
            // An odd last row has no partner; the memory after it is not read.
            const auto round = [&](int row, int column, F first, F second) {
                put(first, second, row / 2, column, tile.pairs[0]);
            };
            each_pair({0, map.in, 0, TILE, x.data, x.step}, round);
        }
        pair_product(map.out, TILE, packed.weight[k], packed.step(map.in), tile.pairs[k], TILE, (map.in + 1) / 2, done);
    }
}

// Of the gradient in a part of the values that map k > 0 reads: that of the pre-activations, for the next map down.
__attribute__((noinline)) inline void slope_part(const Network& net, Tile& tile, int k, const Part& part,
                                                 uint32_t* pairs) {
    const uint32_t *const values = tile.pairs[k], *const slopes = tile.slope_pairs[k];
    uint32_t* const rows = tile.rows;
    float* const wide = k == 1 && !tile.packed->weight[0] ? tile.first : nullptr;
    const int count = net.map[k].in;
    const auto each = [&](auto&& apply) NF_INLINED {
        each_pair(part, [&](int row, int column, F first, F second) NF_INLINED {
            apply(int64_t(row / 2) * TILE + column, first, second);
            if (!wide) return put(first, second, row / 2, column, pairs, rows);
            store(wide + row * TILE + column, first);
            if (row + 1 < count) store(wide + (row + 1) * TILE + column, second);
        });
    };
    if (net.activation == RELU) {
        each([&](int64_t at, F& first, F& second) NF_INLINED {
            const U value = load_pairs(values + at);
            first = select(first_of(value) <= 0.0f, F{}, first);  // NaN lets pass, as in torch
            second = select(second_of(value) <= 0.0f, F{}, second);
        });
    } else {
        each([&](int64_t at, F& first, F& second) NF_INLINED {
            const U slope = load_pairs(slopes + at);
            first *= first_of(slope), second *= second_of(slope);
        });
    }
}

inline void backward_narrow(const Network& net, Tile& tile, Rows x, const float* dz, const Gradients& at,
                            float* gradients, float* dx, int64_t dx_step, int dx_rows) {
    const Packed& packed = *tile.packed;
    uint32_t *pairs = tile.back_pairs[0], *next = tile.back_pairs[1];
    const auto round = [&](int row, int column, F first, F second) {
        put(first, second, row / 2, column, pairs, tile.rows);
    };
    each_pair({0, net.out(), 0, TILE, dz, TILE}, round);
    for (int k = net.maps - 1; k >= 0; k--) {
        const Map& map = net.map[k];
        float *weights = gradients + at.weight[k], *biases = gradients + at.bias[k];
        if (!packed.weight[k]) {
            add_weight_gradient(map, tile.first, x, tile.turned, weights);
            if (map.bias) add_bias_gradient(map, tile.first, biases);
            if (dx) pull(map, tile.first, dx, dx_step, dx_rows, [](int64_t, F sum) { return sum; });
            return;
        }
        const int64_t wide = round_up(map.in, LANES);
        uint32_t* turned = reinterpret_cast<uint32_t*>(tile.turned);
        transposed_pairs(map.in, TILE, tile.pairs[k], turned, wide);
        add_pair_product(map.out, int(wide), tile.rows, POINT_PAIRS, turned, wide, POINT_PAIRS, weights, wide);
        if (map.bias && k == net.maps - 1) {
            add_bias_gradient(map, dz, biases);  // not rounded yet
        } else if (map.bias) {
            add_row_sums(map.out, biases, [&](int row) NF_INLINED {
                F total = {};
                for (int p = 0; p < POINT_PAIRS; p += LANES) {
                    const U two = load_pairs(tile.rows + row * POINT_PAIRS + p);
                    total += first_of(two) + second_of(two);
                }
                return total;
            });
        }
        const auto down = [&](int rows, auto&& done) {
            pair_product(rows, TILE, packed.turned[k], packed.step(map.out), pairs, TILE, (map.out + 1) / 2, done);
        };
        if (k) {
            down(map.in, [&](const Part& part) { slope_part(net, tile, k, part, next); });
            std::swap(pairs, next);
        } else if (dx) {
            down(dx_rows, [&](const Part& part) {
                for (int r = 0; r < part.rows; r++)
                    std::memcpy(dx + (part.row + r) * dx_step + part.column, part.sums + r * part.step,
                                part.columns * sizeof(float));
            });
        }
    }
}

}  // namespace nf
#endif
