// A multi-layer perceptron on tiles of points: forward, backward, and the backward of the backward.
//
// Within a tile everything is feature-major, [features][TILE]: the weights are then read as they are, the points fill
// the lanes, and only the products of the weights' gradients need a transposed operand.
#pragma once
#include <utility>

#include "mlp/activation.hpp"
#include "mlp/gemm.hpp"
#include "native/scratch.hpp"

namespace nf {

constexpr int TILE = 96;  // a multiple of three vectors for every target
constexpr int MAX_MAPS = 16;

// A linear map; mirrored by ctypes.
struct Map {
    int32_t in, out;
    const float* weight;  // [out][in]
    const float* bias;    // [out], or null
    float omega;          // of a sine that follows
};

// Maps with an activation after each but the last; mirrored by ctypes.
struct Network {
    int32_t maps;
    int32_t activation;
    const Map* map;

    int in() const { return map[0].in; }
    int out() const { return map[maps - 1].out; }
    int widest() const {
        int most = in();
        for (int k = 0; k < maps; k++) most = map[k].out > most ? map[k].out : most;
        return most;
    }
};

// Where the gradients of all weights are summed: per map [out][in rounded up to lanes], then its bias [out].
struct Gradients {
    int64_t weight[MAX_MAPS], bias[MAX_MAPS], size = 0;

    explicit Gradients(const Network& net) {
        for (int k = 0; k < net.maps; k++) {
            weight[k] = size;
            size += int64_t(net.map[k].out) * round_up(net.map[k].in, LANES);
            bias[k] = size;
            size += round_up(net.map[k].out, 16);
        }
    }
};

// A matrix of one tile: [features][step], of which TILE columns belong to it.
struct Rows {
    const float* data;
    int64_t step;
};

// One thread's memory for the tiles of a network. `value[k]` is what map k reads; [0] is room for the input.
struct Tile {
    float *value[MAX_MAPS], *slope[MAX_MAPS], *bend[MAX_MAPS], *tangent[MAX_MAPS], *pushed[MAX_MAPS];
    float *result, *upstream, *turned, *back[4];

    // order 0: values alone, two layers taking turns; 1: with a backward; 2: with the backward of the backward.
    Tile(const Network& net, int order) {
        const int64_t wide = int64_t(net.widest()) * TILE;
        float* memory = thread_scratch(wide * (order ? 5 * net.maps + 8 : 5) + TILE * round_up(net.widest(), 16));
        const auto take = [&] { return std::exchange(memory, memory + wide); };
        float* turns[2] = {take(), take()};
        for (int k = 0; k < net.maps; k++) {
            value[k] = order && k > 1 ? take() : turns[k % 2];
            slope[k] = order ? take() : nullptr;
            bend[k] = order > 1 ? take() : nullptr;
            tangent[k] = order > 1 ? take() : nullptr;
            pushed[k] = order > 1 ? take() : nullptr;
        }
        result = take(), upstream = take();
        for (float*& place : back) place = order ? take() : nullptr;
        turned = memory;
    }
};

// Fills `value`, the derivatives of the activations that ORDER needs, and `result`.
template <int ORDER>
void forward(const Network& net, Tile& tile, Rows x) {
    for (int k = 0; k < net.maps; k++) {
        const Map& map = net.map[k];
        const bool last = k == net.maps - 1, relu = net.activation == RELU && !last;
        float* to = last ? tile.result : tile.value[k + 1];
        product(map.out, TILE, map.weight, map.in, 1, x.data, x.step, map.in, [&](int row, int column, F sum) {
            if (map.bias) sum += map.bias[row];
            store(to + row * TILE + column, relu ? (F{} > sum ? F{} : sum) : sum);
        });
        if (!last && !relu)
            for (int i = 0; i < map.out * TILE; i += LANES) {
                F value, slope, bend;
                activate<ORDER>(net.activation, map.omega, load(to + i), value, slope, bend);
                store(to + i, value);
                if (ORDER > 0) store(tile.slope[k + 1] + i, slope);
                if (ORDER > 1) store(tile.bend[k + 1] + i, bend);
            }
        x = {to, TILE};
    }
}

// gradient [out][in rounded up] += dz x^T
inline void add_weight_gradient(const Map& map, const float* dz, Rows x, float* turned, float* gradient) {
    const int64_t wide = round_up(map.in, LANES);
    transposed(map.in, TILE, x.data, x.step, turned, wide);
    product(map.out, int(wide), dz, TILE, 1, turned, wide, TILE, [&](int row, int column, F sum) {
        float* to = gradient + row * wide + column;
        store(to, load(to) + sum);
    });
}

inline void add_bias_gradient(const Map& map, const float* dz, float* gradient) {
    for (int row = 0; row < map.out; row++) {
        F total = {};
        for (int p = 0; p < TILE; p += LANES) total += load(dz + row * TILE + p);
        gradient[row] += sum(total);
    }
}

// Of what map k > 0 reads: the gradient of the values, times the activation's slope.
NF_INLINE F times_slope(const Network& net, const Tile& tile, int k, int64_t at, F gradient) {
    if (net.activation == RELU) return select(load(tile.value[k] + at) <= 0.0f, F{}, gradient);  // NaN lets pass, as in torch
    return gradient * load(tile.slope[k] + at);
}

// to = W^T dz, passed through done(offset, value) for a map behind an activation.
template <class Done>
void pull(const Map& map, const float* dz, float* to, int64_t step, Done&& done) {
    product(map.in, TILE, map.weight, 1, map.in, dz, TILE, map.out, [&](int row, int column, F sum) {
        store(to + row * step + column, done(int64_t(row) * TILE + column, sum));
    });
}

// After forward<1>: adds the gradients of the weights for `dz`, the gradient of the result; and gives the input's where
// `dx` is not null.
inline void backward(const Network& net, Tile& tile, Rows x, const float* dz, const Gradients& at, float* gradients,
                     float* dx, int64_t dx_step) {
    for (int k = net.maps - 1; k >= 0; k--) {
        const Map& map = net.map[k];
        add_weight_gradient(map, dz, k ? Rows{tile.value[k], TILE} : x, tile.turned, gradients + at.weight[k]);
        if (map.bias) add_bias_gradient(map, dz, gradients + at.bias[k]);
        if (k) {
            float* to = tile.back[k % 2];
            pull(map, dz, to, TILE, [&](int64_t i, F sum) { return times_slope(net, tile, k, i, sum); });
            dz = to;
        } else if (dx) {
            pull(map, dz, dx, dx_step, [](int64_t, F sum) { return sum; });
        }
    }
}

// After forward<2>: the gradients of <v, dx>, where dx is the input's gradient for an upstream gradient `g` and v a
// direction [in][TILE]. Its derivative in g is the result's derivative along v, left in `result`; those in the weights
// are added, and the input's is left in `dx`. Written as the reverse of the forward pass of values and tangents.
inline void second(const Network& net, Tile& tile, Rows x, const float* v, const float* g, const Gradients& at,
                   float* gradients, float* dx, int64_t dx_step) {
    const int last = net.maps - 1;
    const bool flat = piecewise_linear(net.activation);
    const float* tangent = v;
    for (int k = 0; k <= last; k++) {
        const Map& map = net.map[k];
        float* to = k == last ? tile.result : tile.tangent[k + 1];
        product(map.out, TILE, map.weight, map.in, 1, tangent, TILE, map.in, [&](int row, int column, F sum) {
            const int64_t i = int64_t(row) * TILE + column;
            if (k < last) {
                store(tile.pushed[k + 1] + i, sum);
                sum = times_slope(net, tile, k + 1, i, sum);
            }
            store(to + i, sum);
        });
        tangent = to;
    }
    const float *a = g, *b = nullptr;  // gradients of the pre-activations' tangents, and of the pre-activations
    for (int k = last; k >= 0; k--) {
        const Map& map = net.map[k];
        float* gradient = gradients + at.weight[k];
        add_weight_gradient(map, a, {k ? tile.tangent[k] : v, TILE}, tile.turned, gradient);
        if (b) {
            add_weight_gradient(map, b, k ? Rows{tile.value[k], TILE} : x, tile.turned, gradient);
            if (map.bias) add_bias_gradient(map, b, gradients + at.bias[k]);
        }
        if (!k) break;
        float *next_a = tile.back[k % 2], *next_b = flat ? nullptr : tile.back[2 + k % 2];
        pull(map, a, next_a, TILE, [&](int64_t i, F sum) {
            if (!flat) store(next_b + i, sum * load(tile.pushed[k] + i) * load(tile.bend[k] + i));
            return times_slope(net, tile, k, i, sum);
        });
        if (b) {
            pull(map, b, next_b, TILE, [&](int64_t i, F sum) {
                return load(next_b + i) + times_slope(net, tile, k, i, sum);
            });
        }
        a = next_a, b = next_b;
    }
    if (!dx) return;
    if (b) return pull(net.map[0], b, dx, dx_step, [](int64_t, F sum) { return sum; });
    for (int row = 0; row < net.in(); row++) std::memset(dx + row * dx_step, 0, TILE * sizeof(float));
}

}  // namespace nf
