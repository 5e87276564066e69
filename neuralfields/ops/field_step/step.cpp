// One training step of a field made of a grid (or none), a network and an output map, and the field's evaluation.
//
// Three parallel loops: encode level by level; network, loss and backward tile by tile; then, per level, scatter the
// gradient and update the table's rows at once, beside the network's update. No dense gradient of the table exists.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "field_step/loss.hpp"
#include "grid_encode/update.hpp"
#include "mlp/tiles.hpp"
#include "mlp/update.hpp"
#include "native/export.hpp"

namespace nf {

// Mirrored by ctypes.
struct Model {
    const Level* level;  // null without a grid
    int32_t levels, features, axes;
    Interpolation mode;
    float* table;
    const Network* network;
    int32_t output;
    float scale, offset;
};

// Mirrored by ctypes.
struct Training {
    Adam table_adam, network_adam;
    float *table_mean, *table_square;
    int32_t* table_steps;
    const Moments* weights;  // one per map
    const Moments* biases;   // one per map, or null
    int32_t loss;
    float eikonal;  // weight of the term, 0 for none
};

// Samples: x [axes][n] for a grid, else [n, axes] with any strides; y [n, out]; weight [n] or null. Mirrored by ctypes.
struct Samples {
    int64_t count;
    Matrix x, y;
    const float* weight;
    double weight_sum;
};

namespace {

int64_t stride_of(int64_t points) {
    // Not a power of two, so that the features of a tile do not fall on the same cache lines.
    return round_up(points, TILE) + 16;
}

int64_t widest_level(const Model& model) { return widest_level(model.level, model.levels, model.features); }

// Parts of the caller's memory.
struct Workspace {
    int64_t stride, features, size = 0;
    int64_t encoded, slopes, direction, share, parts, losses, scratch;

    Workspace(const Model& model, const Gradients& at, int64_t points, int64_t groups, bool eikonal, int threads)
        : stride(stride_of(points)), features(model.level ? int64_t(model.levels) * model.features : 0) {
        const auto take = [&](int64_t count) { return std::exchange(size, size + round_up(count, 16)); };
        scratch = take(widest_level(model) * level_slots(model.levels, threads));
        encoded = take(features * stride);
        slopes = take(eikonal ? model.axes * features * stride : 0);
        direction = take(eikonal ? model.axes * stride : 0);
        share = take(eikonal ? stride : 0);
        parts = take(groups * at.size);
        losses = take(4 * groups);
    }
};

void encode(const Model& model, const Points& points, const Workspace& at, float* memory, bool slopes, int threads) {
    const auto chunk = [&](int64_t l, int64_t begin, int64_t end) {
        const Level& level = model.level[l];
        float* out = memory + at.encoded + l * model.features * at.stride;
        if (slopes)
            encode_level_slopes(level, model.mode, points, begin, end, model.table, model.features, out, at.stride,
                                memory + at.slopes + l * model.features * at.stride, at.features * at.stride);
        else
            encode_level(level, model.mode, points, begin, end, model.table, model.features, nullptr, out, at.stride);
    };
    each_chunk(model.level, model.levels, model.table, model.features, points.count, threads, chunk);
}

// The tile's input: encoded features, whose columns beyond `count` are made zero, or the coordinates themselves.
Rows input(const Model& model, const Samples& samples, const Workspace& at, float* memory, int64_t begin, int count,
           float* room) {
    if (!model.level) return columns(samples.x, model.network->in(), begin, count, room);
    float* encoded = memory + at.encoded + begin;
    for (int64_t f = 0; f < at.features && count < TILE; f++)
        std::memset(encoded + f * at.stride + count, 0, (TILE - count) * sizeof(float));
    return {encoded, at.stride};
}

// The next tile's features come from far while this one is computed.
void prefetch(Rows x, int64_t features) {
    for (int64_t f = 0; f < features; f++)
        for (int p = 0; p < TILE; p += 16) __builtin_prefetch(x.data + f * x.step + TILE + p);
}

// The loss of one tile from the network's result, with its gradient in the result left in `upstream`.
double data_loss(const Model& model, const Training& training, const Samples& samples, int64_t begin, int count,
                 Tile& tile) {
    const int outputs = model.network->out();
    float* targets = tile.back[2];
    copy_columns(samples.y, outputs, begin, count, targets);
    const double even = 1.0 / (double(samples.count) * outputs);
    F total = {};
    for (int p = 0; p < TILE; p += LANES) {
        const int here = count - p < LANES ? count - p : LANES;
        F share = splat(float(even));
        if (samples.weight && here > 0)
            share = load(samples.weight + begin + p, here) * float(1 / (samples.weight_sum * outputs));
        I present;
        for (int i = 0; i < LANES; i++) present[i] = i < here ? -1 : 0;
        for (int c = 0; c < outputs; c++) {
            const int64_t i = c * TILE + p;
            F slope, gradient;
            const F value = mapped(model.output, model.scale, model.offset, load(tile.result + i), slope);
            const F loss = loss_of(training.loss, value, load(targets + i), gradient);
            // What was computed for absent points may be anything. Those of weight 0 are not absent: NaN stays NaN.
            total += select(present, loss * share, F{});
            store(tile.upstream + i, select(present, gradient * slope * share, F{}));
        }
    }
    return sum(total);
}

// The eikonal term (|gradient| - 1)^2 and the data term of one tile of a field with one output, and all gradients but
// the table's. For piecewise linear activations; Atzmon, Lipman, 2020, and Gropp et al., ICML 2020, for the loss.
double eikonal_tile(const Model& model, const Training& training, const Samples& samples, const Workspace& at,
                    float* memory, int64_t begin, int count, Tile& tile, Rows x, const Gradients& places,
                    float* sums, double& data) {
    const Network& net = *model.network;
    const int last = net.maps - 1, features = net.in();
    forward<1>(net, tile, x);
    data = data_loss(model, training, samples, begin, count, tile);
    // `upstream` is the data term's gradient in the network's result: kept per point, in front of all that follows.
    float* share = memory + at.share + begin;
    for (int p = 0; p < TILE; p += LANES) store(share + p, load(tile.upstream + p));

    // The reverse sweep for the network's result: gradients of the pre-activations, kept, down to the features.
    for (int p = 0; p < TILE; p += LANES) store(tile.pushed[last] + p, splat(1.0f));
    for (int k = last; k > 0; k--)
        pull(net.map[k], tile.pushed[k], tile.pushed[k - 1], TILE,
             [&](int64_t i, F sum) { return times_slope(net, tile, k, i, sum); });
    float* slopes = tile.back[3];
    pull(net.map[0], tile.pushed[0], slopes, TILE, [](int64_t, F sum) { return sum; });

    const float outer = model.output == AFFINE ? model.scale : 1.0f;
    const float per_point = float(training.eikonal / samples.count);
    const int64_t axis = at.features * at.stride;
    const float* jacobian = memory + at.slopes + begin;
    double total = 0;
    for (int p = 0; p < TILE; p += LANES) {
        const int here = count - p < 0 ? 0 : count - p < LANES ? count - p : LANES;
        F gradient[MAX_AXES] = {}, square = {};
        for (int f = 0; f < features; f++)
            for (int d = 0; d < model.axes; d++)
                gradient[d] += load(slopes + f * TILE + p) * load(jacobian + d * axis + f * at.stride + p);
        for (int d = 0; d < model.axes; d++) {
            gradient[d] *= outer;
            square += gradient[d] * gradient[d];
        }
        const F norm = sqrt(square), off = norm - 1.0f;
        F pull_back = select(norm == 0.0f, F{}, 2.0f * per_point * outer * off / norm);  // NaN stays
        for (int i = 0; i < here; i++) total += double(off[i] * off[i]) * per_point;
        for (int d = 0; d < model.axes; d++) {
            gradient[d] *= pull_back;  // now the direction along which the field is differentiated once more
            for (int i = here; i < LANES; i++) gradient[d][i] = 0;
            store(memory + at.direction + d * at.stride + begin + p, gradient[d]);
        }
        for (int f = 0; f < features; f++) {
            F tangent = {};
            for (int d = 0; d < model.axes; d++)
                tangent += gradient[d] * load(jacobian + d * axis + f * at.stride + p);
            // What lies behind the last point may be anything, even times zero.
            for (int i = here; i < LANES; i++) tangent[i] = 0;
            store(tile.tangent[0] + f * TILE + p, tangent);
        }
    }

    // Forward with the tangents; each map's gradient is one product with (tangent + data gradient * value).
    for (int k = 0; k <= last; k++) {
        const Map& map = net.map[k];
        if (k < last)
            product(map.out, TILE, map.weight, map.in, 1, tile.tangent[k], TILE, map.in,
                    [&](int row, int column, F sum) {
                        const int64_t i = int64_t(row) * TILE + column;
                        store(tile.tangent[k + 1] + i, times_slope(net, tile, k + 1, i, sum));
                    });
        const Rows value = k ? Rows{tile.value[k], TILE} : x;
        for (int f = 0; f < map.in; f++)
            for (int p = 0; p < TILE; p += LANES) {
                float* to = tile.tangent[k] + f * TILE + p;
                store(to, load(to) + load(value.data + f * value.step + p) * load(share + p));
            }
        add_weight_gradient(map, tile.pushed[k], {tile.tangent[k], TILE}, tile.turned, sums + places.weight[k]);
        if (!map.bias) continue;
        for (int row = 0; row < map.out; row++) {
            F sum_of = {};
            for (int p = 0; p < TILE; p += LANES) sum_of += load(tile.pushed[k] + row * TILE + p) * load(share + p);
            sums[places.bias[k] + row] += sum(sum_of);
        }
    }
    float* encoded = memory + at.encoded + begin;
    for (int f = 0; f < features; f++) std::memcpy(encoded + f * at.stride, slopes + f * TILE, TILE * sizeof(float));
    return total;
}

}  // namespace

// Floats of memory that nf_step needs; the first time they must all be zero.
NF_EXPORT int64_t nf_step_memory(const Model* model, const Training* training, int64_t points, int64_t threads) {
    const Gradients at(*model->network);
    const Groups groups(points, at.size);
    return Workspace(*model, at, points, groups.count, training->eikonal > 0, limited(threads)).size;
}

// One step; terms receives the data term and the eikonal term, both NaN without a sample. Nothing is changed where they
// are not finite.
NF_EXPORT void nf_step(const Model* model, const Training* training, const Samples* samples, float* memory,
                       double* terms, int64_t wanted_threads) {
    const int threads = limited(wanted_threads);
    const Network& net = *model->network;
    const int64_t n = samples->count;
    const bool eikonal = training->eikonal > 0;
    if (n == 0) {
        terms[0] = terms[1] = NAN;
        return;
    }
    const Gradients places(net);
    const Groups groups(n, places.size);
    const Workspace at(*model, places, n, groups.count, eikonal, threads);
    const Points points{samples->x.data, samples->x.feature_step, n};

    if (model->level) encode(*model, points, at, memory, eikonal, threads);

    double* losses = reinterpret_cast<double*>(memory + at.losses);
    const Packed packed(net, true);
    parallel(threads, groups.count, [&](int64_t group) {
        Tile tile = eikonal ? Tile(net, 2) : Tile(net, 1, packed);
        float* sums = memory + at.parts + group * places.size;
        std::memset(sums, 0, places.size * sizeof(float));
        double data = 0, slopes = 0;
        each_tile(groups, group, n, [&](int64_t begin, int count) {
            const Rows x = input(*model, *samples, at, memory, begin, count, tile.value[0]);
            if (eikonal) {
                for (int d = 0; d < model->axes; d++)
                    prefetch({memory + at.slopes + d * at.features * at.stride + begin, at.stride}, at.features);
                prefetch(x, at.features);
                double here;
                slopes += eikonal_tile(*model, *training, *samples, at, memory, begin, count, tile, x, places, sums,
                                       here);
                data += here;
                return;
            }
            if (model->level) prefetch(x, at.features);
            forward<1>(net, tile, x);
            data += data_loss(*model, *training, *samples, begin, count, tile);
            // The gradient of the features takes the features' place.
            float* dx = model->level ? const_cast<float*>(x.data) : nullptr;
            backward(net, tile, x, tile.upstream, places, sums, dx, at.stride);
        });
        losses[2 * group] = data;
        losses[2 * group + 1] = slopes;
    });
    terms[0] = terms[1] = 0;
    for (int64_t g = 0; g < groups.count; g++) terms[0] += losses[2 * g], terms[1] += losses[2 * g + 1];
    if (!std::isfinite(terms[0] + terms[1])) return;

    const Along along{memory + at.direction, at.stride, memory + at.share};
    Slots slots(memory + at.scratch, widest_level(*model), level_slots(model->levels, threads));
    const TableUpdate table{model->level, model->features,         training->table_adam,   model->table,
                            training->table_mean, training->table_square, training->table_steps};
    const NetworkUpdate network{net, places, training->network_adam, training->weights, training->biases,
                                memory + at.parts, places.size, groups.count};
    parallel(threads, model->levels + network.tasks(), [&](int64_t task) {
        if (task >= model->levels) return network.run(task - model->levels);
        const int64_t l = model->levels - 1 - task;  // the finest first
        table.run(l, slots, [&](float* gradient) {
            scatter_level(model->level[l], model->mode, points, 0, n,
                          memory + at.encoded + l * model->features * at.stride, at.stride, eikonal ? &along : nullptr,
                          gradient, model->features);
        });
    });
}

// Floats of memory that nf_field needs.
NF_EXPORT int64_t nf_field_memory(const Model* model, int64_t points) {
    return model->level ? int64_t(model->levels) * model->features * stride_of(points) : 0;
}

// out [n][outputs]: the field's values at the samples' x.
NF_EXPORT void nf_field(const Model* model, const Samples* samples, float* memory, float* out, int64_t threads) {
    const Network& net = *model->network;
    const int64_t n = samples->count;
    const Workspace at(*model, Gradients(net), n, 0, false, 0);
    if (model->level) encode(*model, {samples->x.data, samples->x.feature_step, n}, at, memory, false, int(threads));
    each_tile_forward(net, n, int(threads), [&](Tile& tile, int64_t begin, int count) {
        forward<0>(net, tile, input(*model, *samples, at, memory, begin, count, tile.value[0]));
        for (int i = 0; i < net.out() * TILE && model->output != PLAIN; i += LANES) {
            F slope;
            const F o = load(tile.result + i);
            store(tile.result + i, mapped(model->output, model->scale, model->offset, o, slope));
        }
        write_points(tile.result, net.out(), begin, count, out);
    });
}

}  // namespace nf
