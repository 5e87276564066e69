// What network.hpp declares, compiled once for all that use it.
#include "mlp/network.hpp"

#include <cstdint>
#include <cstring>

#include "mlp/narrow.hpp"

namespace nf {

#ifdef NF_BF16
namespace {

// The first map's coordinates are known to more digits than bf16 has, and cost little.
bool narrow(const Network& net, int k) { return net.maps > 1 && (k > 0 || net.map[0].in >= LANES); }

int64_t room(const Map& map) { return map.out * Packed::step(map.in) + map.in * Packed::step(map.out); }

}  // namespace

Packed::Packed(const Network& net, bool backward) {
    if (net.precision != BF16) return;
    int64_t size = 0;
    for (int k = 0; k < net.maps; k++) size += narrow(net, k) ? room(net.map[k]) : 0;
    if (!size) return;
    memory_ = allocate(size);
    uint32_t* to = reinterpret_cast<uint32_t*>(memory_.get());
    for (int k = 0; k < net.maps; k++) {
        if (!narrow(net, k)) continue;
        const Map& map = net.map[k];
        uint32_t* other = to + map.out * step(map.in);
        pack_rows(map.out, map.in, map.weight, to, step(map.in));
        if (backward) pack_columns(map.out, map.in, map.weight, other, step(map.out));
        weight[k] = to, turned[k] = other;
        to += room(map);
    }
}
#else
Packed::Packed(const Network&, bool) {}
#endif

template <int ORDER>
void forward(const Network& net, Tile& tile, Rows x) {
#ifdef NF_BF16
    if constexpr (ORDER < 2)
        if (tile.packed) return forward_narrow<ORDER>(net, tile, x);
#endif
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

template void forward<0>(const Network&, Tile&, Rows);
template void forward<1>(const Network&, Tile&, Rows);
template void forward<2>(const Network&, Tile&, Rows);

void add_weight_gradient(const Map& map, const float* dz, Rows x, float* turned, float* gradient) {
    const int64_t wide = round_up(map.in, LANES);
    transposed(map.in, TILE, x.data, x.step, turned, wide);
    product(map.out, int(wide), dz, TILE, 1, turned, wide, TILE, [&](int row, int column, F sum) {
        float* to = gradient + row * wide + column;
        store(to, load(to) + sum);
    });
}

void backward(const Network& net, Tile& tile, Rows x, const float* dz, const Gradients& at, float* gradients, float* dx,
              int64_t dx_step, int dx_rows) {
#ifdef NF_BF16
    if (tile.packed) return backward_narrow(net, tile, x, dz, at, gradients, dx, dx_step, dx_rows);
#endif
    for (int k = net.maps - 1; k >= 0; k--) {
        const Map& map = net.map[k];
        add_weight_gradient(map, dz, k ? Rows{tile.value[k], TILE} : x, tile.turned, gradients + at.weight[k]);
        if (map.bias) add_bias_gradient(map, dz, gradients + at.bias[k]);
        if (k) {
            float* to = tile.back[k % 2];
            pull(map, dz, to, TILE, [&](int64_t i, F sum) { return times_slope(net, tile, k, i, sum); });
            dz = to;
        } else if (dx) {
            pull(map, dz, dx, dx_step, dx_rows, [](int64_t, F sum) { return sum; });
        }
    }
}

// Written as the reverse of the forward pass of values and tangents.
void second(const Network& net, Tile& tile, Rows x, const float* v, const float* g, const Gradients& at,
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
