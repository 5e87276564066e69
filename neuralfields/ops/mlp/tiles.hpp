// Batches of points as tiles, and groups of tiles that sum gradients.
#pragma once
#include <cstdint>
#include <cstring>

#include "mlp/network.hpp"
#include "native/threads.hpp"

namespace nf {

// A matrix [points, features] with any strides.
struct Matrix {
    const float* data;
    int64_t point_step, feature_step;
};

// The columns of one tile, from where they are if they lie so, else copied to `room`; absent points are zero.
inline Rows columns(const Matrix& matrix, int features, int64_t begin, int count, float* room) {
    const float* from = matrix.data + begin * matrix.point_step;
    if (matrix.point_step == 1 && count == TILE) return {from, matrix.feature_step};
    if (matrix.point_step == 1) {
        for (int f = 0; f < features; f++) {
            std::memcpy(room + f * TILE, from + f * matrix.feature_step, count * sizeof(float));
            std::memset(room + f * TILE + count, 0, (TILE - count) * sizeof(float));
        }
    } else if (matrix.feature_step == 1 && features >= LANES && count == TILE) {
        transposed(TILE, features, from, matrix.point_step, room, TILE);
    } else {
        for (int f = 0; f < features; f++)
            for (int p = 0; p < TILE; p++)
                room[f * TILE + p] = p < count ? from[p * matrix.point_step + f * matrix.feature_step] : 0.0f;
    }
    return {room, TILE};
}

inline void copy_columns(const Matrix& matrix, int features, int64_t begin, int count, float* room) {
    const Rows rows = columns(matrix, features, begin, count, room);
    if (rows.data == room) return;
    for (int f = 0; f < features; f++)
        std::memcpy(room + f * TILE, rows.data + f * rows.step, TILE * sizeof(float));
}

// The reverse: a tile [features][TILE] into points [begin, begin + count) of [points][features].
inline void write_points(const float* tile, int features, int64_t begin, int count, float* out) {
    out += begin * features;
    if (features % LANES == 0 && count == TILE) return transposed(features, TILE, tile, TILE, out, features);
    for (int p = 0; p < count; p++)
        for (int f = 0; f < features; f++) out[p * features + f] = tile[f * TILE + p];
}

// Tiles in groups of which each sums its own gradients; as many as the size of the problem says, whatever the threads:
// fewer for large gradients, so that all sums together take 256 MiB at most, or four gradients if these take more.
struct Groups {
    int64_t tiles, count;

    Groups(int64_t points, int64_t gradient_size) : tiles((points + TILE - 1) / TILE) {
        const int64_t fitting = (int64_t(256) << 20) / int64_t(sizeof(float)) / gradient_size;
        const int64_t most = gradient_size <= 1 << 16 ? 32 : fitting >= 16 ? 16 : fitting > 4 ? fitting : 4;
        count = tiles < most ? (tiles > 0 ? tiles : 1) : most;
    }
    int64_t begin(int64_t group) const { return tiles * group / count; }
};

template <class Body>
void each_tile(const Groups& groups, int64_t group, int64_t points, Body&& body) {
    for (int64_t tile = groups.begin(group); tile < groups.begin(group + 1); tile++) {
        const int64_t begin = tile * TILE, left = points - begin;
        body(begin, left < TILE ? int(left) : TILE);
    }
}

// Sums the groups' gradients in order into the tensors of weights and biases.
inline void collect(const Network& net, const Gradients& at, const float* parts, int64_t groups, float* const* weights,
                    float* const* biases, int threads) {
    parallel(threads, net.maps, [&](int64_t k) {
        const Map& map = net.map[k];
        const int64_t wide = round_up(map.in, LANES);
        for (int row = 0; row < map.out; row++) {
            float* to = weights[k] + int64_t(row) * map.in;
            for (int i = 0; i < map.in; i += LANES) {
                F total = {};
                for (int64_t g = 0; g < groups; g++) total += load(parts + g * at.size + at.weight[k] + row * wide + i);
                store(to + i, total, map.in - i);
            }
            if (!map.bias) continue;
            float total = 0;
            for (int64_t g = 0; g < groups; g++) total += parts[g * at.size + at.bias[k] + row];
            biases[k][row] = total;
        }
    });
}

// Calls use(tile, begin, count) for every tile of points, with memory for values alone.
template <class Use>
void each_tile_forward(const Network& net, int64_t points, int threads, Use&& use) {
    constexpr int64_t TILES = 8;  // per task
    const int64_t tiles = (points + TILE - 1) / TILE;
    const Packed packed(net, false);
    parallel(threads, (tiles + TILES - 1) / TILES, [&](int64_t task) {
        Tile tile(net, 0, packed);
        for (int64_t t = task * TILES; t < tiles && t < (task + 1) * TILES; t++) {
            const int64_t begin = t * TILE, left = points - begin;
            use(tile, begin, left < TILE ? int(left) : TILE);
        }
    });
}

}  // namespace nf
