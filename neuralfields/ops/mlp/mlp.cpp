#include <cstdint>
#include <cstring>

#include "mlp/tiles.hpp"
#include "native/export.hpp"
#include "native/threads.hpp"

namespace nf {
namespace {

// A tile's result may be wider than its points: at the end of a tensor it goes through room of its own.
struct Landing {
    float *to, *room;
    int64_t step;
    int count;

    Landing(float* tensor, int64_t stride, int64_t begin, int count, float* room)
        : to(tensor + begin), room(room), step(stride), count(count) {}
    float* place() const { return count == TILE ? to : room; }
    int64_t place_step() const { return count == TILE ? step : TILE; }
    void settle(int features) const {
        if (count == TILE) return;
        for (int f = 0; f < features; f++) std::memcpy(to + f * step, room + f * TILE, count * sizeof(float));
    }
};

}  // namespace

// out [n][out] of x [n, in]
NF_EXPORT void nf_mlp_forward(const Network* net, const float* x, int64_t point_step, int64_t feature_step, int64_t n,
                              float* out, int64_t threads) {
    const Matrix points{x, point_step, feature_step};
    each_tile_forward(*net, n, int(threads), [&](Tile& tile, int64_t begin, int count) {
        forward<0>(*net, tile, columns(points, net->in(), begin, count, tile.value[0]));
        write_points(tile.result, net->out(), begin, count, out);
    });
}

// Gradients for `upstream` [n, out]: of the weights, and dx [in][dx_step] where it is not null.
NF_EXPORT void nf_mlp_backward(const Network* net, const float* x, int64_t point_step, int64_t feature_step, int64_t n,
                               const float* upstream, int64_t up_point_step, int64_t up_feature_step, float* dx,
                               int64_t dx_step, float* const* weights, float* const* biases, int64_t threads) {
    const Matrix points{x, point_step, feature_step}, above{upstream, up_point_step, up_feature_step};
    const Gradients at(*net);
    const Groups groups(n, at.size);
    const Floats parts = allocate(groups.count * at.size);
    const Packed packed(*net, true);
    parallel(threads, groups.count, [&](int64_t group) {
        Tile tile(*net, 1, packed);
        float* sums = parts.get() + group * at.size;
        std::memset(sums, 0, at.size * sizeof(float));
        each_tile(groups, group, n, [&](int64_t begin, int count) {
            const Rows rows = columns(points, net->in(), begin, count, tile.value[0]);
            forward<1>(*net, tile, rows);
            copy_columns(above, net->out(), begin, count, tile.upstream);
            const Landing landing(dx, dx_step, begin, count, tile.back[2]);
            backward(*net, tile, rows, tile.upstream, at, sums, dx ? landing.place() : nullptr, landing.place_step());
            if (dx) landing.settle(net->in());
        });
    });
    collect(*net, at, parts.get(), groups.count, weights, biases, threads);
}

// Gradients of <v, dx> with dx as nf_mlp_backward gives it for `upstream`: in upstream [n][out], in x [in][dx_step]
// where it is not null, and in the weights. v is [n, in].
NF_EXPORT void nf_mlp_second(const Network* net, const float* x, int64_t point_step, int64_t feature_step, int64_t n,
                             const float* upstream, int64_t up_point_step, int64_t up_feature_step, const float* v,
                             int64_t v_point_step, int64_t v_feature_step, float* d_upstream, float* dx,
                             int64_t dx_step, float* const* weights, float* const* biases, int64_t threads) {
    const Matrix points{x, point_step, feature_step}, above{upstream, up_point_step, up_feature_step};
    const Matrix directions{v, v_point_step, v_feature_step};
    const Gradients at(*net);
    const Groups groups(n, at.size);
    const Floats parts = allocate(groups.count * at.size);
    parallel(threads, groups.count, [&](int64_t group) {
        Tile tile(*net, 2);
        float* sums = parts.get() + group * at.size;
        std::memset(sums, 0, at.size * sizeof(float));
        each_tile(groups, group, n, [&](int64_t begin, int count) {
            const Rows rows = columns(points, net->in(), begin, count, tile.value[0]);
            forward<2>(*net, tile, rows);
            copy_columns(above, net->out(), begin, count, tile.upstream);
            copy_columns(directions, net->in(), begin, count, tile.tangent[0]);
            const Landing landing(dx, dx_step, begin, count, tile.slope[0]);
            second(*net, tile, rows, tile.tangent[0], tile.upstream, at, sums, dx ? landing.place() : nullptr,
                   landing.place_step());
            write_points(tile.result, net->out(), begin, count, d_upstream);
            if (dx) landing.settle(net->in());
        });
    });
    collect(*net, at, parts.get(), groups.count, weights, biases, threads);
}

}  // namespace nf
