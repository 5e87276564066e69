// A multi-layer perceptron on tiles of points: forward, backward, and the backward of the backward.
//
// Within a tile everything is feature-major, [features][TILE]: the weights are then read as they are, the points fill
// the lanes, and only the products of the weights' gradients need a transposed operand.
#pragma once
#include <cstdint>
#include <utility>

#include "mlp/activation.hpp"
#include "mlp/gemm.hpp"
#include "native/scratch.hpp"

namespace nf {

constexpr int TILE = 96;  // a multiple of three vectors for every target
constexpr int MAX_MAPS = 16;

enum Precision : int32_t { FLOAT32, BF16 };  // of the factors in matrix products; BF16 only where the build has it

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
    int32_t precision;

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

// The weights in bf16, for all threads of one call: what `Precision` asks for, if the build has it.
struct Packed {
    // As they are, [out][step(in)] pairs, and transposed, [in][step(out)]; null for what stays in float32.
    const uint32_t *weight[MAX_MAPS] = {}, *turned[MAX_MAPS] = {};

    static int64_t step(int features) { return round_up(features, 2 * LANES) / 2; }

    // Without `backward` the transposed weights are left out.
    Packed(const Network& net, bool backward);
    explicit operator bool() const { return memory_ != nullptr; }

private:
    Floats memory_;
};

// One thread's memory for the tiles of a network. `value[k]` is what map k reads; [0] is room for the input.
struct Tile {
    float *value[MAX_MAPS], *slope[MAX_MAPS], *bend[MAX_MAPS], *tangent[MAX_MAPS], *pushed[MAX_MAPS];
    float *result, *upstream, *turned, *back[4];
    // With packed weights, in place of most of these: values and slopes as pairs of features, gradients as such and as
    // rows of points, and what leaves the first map where that one stays in float32.
    const Packed* packed = nullptr;
    uint32_t *pairs[MAX_MAPS], *slope_pairs[MAX_MAPS], *back_pairs[2], *rows;
    float* first;

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

    // For order 0 and 1, in the precision of the packed weights, which must live as long.
    Tile(const Network& net, int order, const Packed& weights) : Tile(net, weights ? 0 : order) {
        if (!weights) return;
        packed = &weights;
        const int64_t wide = int64_t(net.widest()) * TILE, half = round_up(net.widest(), 2) / 2 * TILE;
        float* memory = thread_scratch(6 * wide + (2 * net.maps + 4) * half + TILE * round_up(net.widest(), 16));
        const auto take = [&](int64_t count) { return std::exchange(memory, memory + count); };
        const auto take_pairs = [&] { return reinterpret_cast<uint32_t*>(take(half)); };
        value[0] = take(wide), result = take(wide), upstream = take(wide), first = take(wide);
        back[2] = take(wide);
        uint32_t* turns[2] = {take_pairs(), take_pairs()};
        for (int k = 0; k < net.maps; k++) {
            pairs[k] = order && k > 1 ? take_pairs() : turns[k % 2];
            slope_pairs[k] = order ? take_pairs() : nullptr;
        }
        for (uint32_t*& place : back_pairs) place = order ? take_pairs() : nullptr;
        rows = order ? take_pairs() : nullptr;
        turned = memory;
    }
};

// Fills `value`, the derivatives of the activations that ORDER (0, 1 or 2) needs, and `result`.
template <int ORDER>
void forward(const Network& net, Tile& tile, Rows x);

// After forward<1>: adds the gradients of the weights for `dz`, the gradient of the result; and gives those of the
// input's first `dx_rows` features where `dx` is not null.
void backward(const Network& net, Tile& tile, Rows x, const float* dz, const Gradients& at, float* gradients, float* dx,
              int64_t dx_step, int dx_rows);
inline void backward(const Network& net, Tile& tile, Rows x, const float* dz, const Gradients& at, float* gradients,
                     float* dx, int64_t dx_step) {
    backward(net, tile, x, dz, at, gradients, dx, dx_step, net.in());
}

// After forward<2>: the gradients of <v, dx>, where dx is the input's gradient for an upstream gradient `g` and v a
// direction [in][TILE]. Its derivative in g is the result's derivative along v, left in `result`; those in the weights
// are added, and the input's is left in `dx`.
void second(const Network& net, Tile& tile, Rows x, const float* v, const float* g, const Gradients& at,
            float* gradients, float* dx, int64_t dx_step);

// gradient [out][in rounded up] += dz x^T
void add_weight_gradient(const Map& map, const float* dz, Rows x, float* turned, float* gradient);

// to[row] += the sum of the lanes of of(row); `to` has room for a multiple of LANES.
template <class Of>
NF_INLINE void add_row_sums(int rows, float* to, Of&& of) {
    for (int row = 0; row < rows; row += LANES) {
        F square[LANES], total = load(to + row);
        for (int i = 0; i < LANES; i++) square[i] = row + i < rows ? of(row + i) : F{};
        transpose(square);
        for (int i = 0; i < LANES; i++) total += square[i];
        store(to + row, total);
    }
}

inline void add_bias_gradient(const Map& map, const float* dz, float* gradient) {
    add_row_sums(map.out, gradient, [&](int row) NF_INLINED {
        F total = {};
        for (int p = 0; p < TILE; p += LANES) total += load(dz + row * TILE + p);
        return total;
    });
}

// Of what map k > 0 reads: the gradient of the values, times the activation's slope.
NF_INLINE F times_slope(const Network& net, const Tile& tile, int k, int64_t at, F gradient) {
    // NaN lets pass, as in torch.
    if (net.activation == RELU) return select(load(tile.value[k] + at) <= 0.0f, F{}, gradient);
    return gradient * load(tile.slope[k] + at);
}

// to = W^T dz, of which `rows` are wanted, passed through done(offset, value) for a map behind an activation.
template <class Done>
void pull(const Map& map, const float* dz, float* to, int64_t step, int rows, Done&& done) {
    product(rows, TILE, map.weight, 1, map.in, dz, TILE, map.out, [&](int row, int column, F sum) {
        store(to + row * step + column, done(int64_t(row) * TILE + column, sum));
    });
}
template <class Done>
void pull(const Map& map, const float* dz, float* to, int64_t step, Done&& done) {
    pull(map, dz, to, step, map.in, done);
}

}  // namespace nf
