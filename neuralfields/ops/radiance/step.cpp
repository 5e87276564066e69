// One training step of a radiance field.
//
// Two parallel loops. First groups of rays, each by itself: forward, keeping the samples that count; then their
// colours, the loss, and backward to the gradients of the grid's features. Then, per level, scatter the gradient and
// update the table's rows at once, beside the networks' updates.
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "field_step/loss.hpp"
#include "grid_encode/update.hpp"
#include "mlp/update.hpp"
#include "native/export.hpp"
#include "radiance/wave.hpp"

namespace nf {

// Mirrored by ctypes.
struct RadianceTraining {
    Adam table_adam, network_adam;
    float *table_mean, *table_square;
    int32_t* table_steps;
    const Moments *trunk_weights, *trunk_biases, *colour_weights, *colour_biases;  // one per map; biases may be null
    int32_t loss;
};

// x [n, 6], y [n, 4], background [n, 3], jitter [n] or null. Mirrored by ctypes.
struct RaySamples {
    int64_t count;
    const float *x, *y, *background, *jitter;
};

namespace {

// Samples that counted lie in pages of TILE, one row per number.
struct Page {
    static constexpr int64_t STEP = TILE + 16;  // with room for what copy_some writes too much
    int encoded, hidden, harmonics, opaque, slope, colour, rows;

    explicit Page(const Radiance& model)
        : encoded(3), hidden(encoded + model.encoded()), harmonics(hidden + model.hidden()),
          opaque(harmonics + model.harmonics()), slope(opaque + 1), colour(slope + 1), rows(colour + 3) {}
    int64_t floats() const { return rows * STEP; }
};

// Pages for all groups; beyond the last one it only counts.
class Pool {
public:
    Pool(float* memory, int64_t page, int64_t count) : memory_(memory), page_(page), count_(count) {}
    float* take() {
        const int64_t number = taken_.fetch_add(1);
        return number < count_ ? memory_ + number * page_ : nullptr;
    }
    int64_t taken() const { return taken_; }

private:
    float* memory_;
    int64_t page_, count_;
    std::atomic<int64_t> taken_{0};
};

// The samples of a group of rays that counted, in the order in which they were found.
class Kept {
public:
    void start(int rays) { chains_.assign(rays, {-1, -1}); }

    void add(const Page& page, Pool& pool, const Round& round, const Stretch& stretch, const float* harmonics) {
        if (!stretch.count) return;
        const int64_t first = count_;
        count_ += stretch.count;
        link(stretch.ray, {first, stretch.count, -1});
        while (int64_t(pages_.size()) * TILE < count_) {
            pages_.push_back(pool.take());
            complete_ &= pages_.back() != nullptr;
        }
        if (!complete_) return;
        const int column = int(first % TILE), here = TILE - column;
        copy(page, pages_[first / TILE] + column, round, stretch.first, harmonics);
        if (stretch.count > here) copy(page, pages_[first / TILE + 1], round, stretch.first + here, harmonics);
    }

    // Columns of the last page without a sample become zero.
    void finish(const Page& page) {
        const int used = int(count_ % TILE);
        for (int row = 0; row < page.rows && used; row++)
            std::memset(pages_.back() + row * Page::STEP + used, 0, (TILE - used) * sizeof(float));
    }

    int64_t count() const { return count_; }
    bool complete() const { return complete_; }

    // Calls use(the page, number of samples in it).
    template <class Use>
    void each_page(Use&& use) const {
        for (size_t i = 0; i < pages_.size(); i++) {
            const int64_t left = count_ - int64_t(i) * TILE;
            use(pages_[i], left < TILE ? int(left) : TILE);
        }
    }

    // Calls use(column of a page) for the samples of a ray, from its origin outwards.
    template <class Use>
    void each_sample(int ray, Use&& use) const {
        for (int i = chains_[ray].first; i >= 0; i = pieces_[i].next)
            for (int64_t k = pieces_[i].first; k < pieces_[i].first + pieces_[i].count; k++)
                use(pages_[k / TILE] + k % TILE);
    }

private:
    struct Chain {
        int first, last;
    };
    struct Piece {
        int64_t first;
        int count, next;
    };

    void link(int ray, const Piece& piece) {
        const int number = int(pieces_.size());
        Chain& chain = chains_[ray];
        (chain.first < 0 ? chain.first : pieces_[chain.last].next) = number;
        chain.last = number;
        pieces_.push_back(piece);
    }

    static void copy(const Page& page, float* to, const Round& round, int first, const float* harmonics) {
        const float* from = round.data + first;
        for (int row = 0; row < page.harmonics; row++) copy_some(to + row * Page::STEP, from + row * Round::STEP);
        for (int row = page.harmonics; row < page.opaque; row++)
            fill_some(to + row * Page::STEP, harmonics[row - page.harmonics]);
        copy_some(to + page.opaque * Page::STEP, round.opaque + first);
        copy_some(to + page.slope * Page::STEP, round.slope + first);
    }

    std::vector<float*> pages_;
    std::vector<Chain> chains_;
    std::vector<Piece> pieces_;
    int64_t count_ = 0;
    bool complete_ = true;
};

// What all groups share.
struct Step {
    const Radiance& model;
    const RadianceTraining& training;
    const RaySamples& samples;
    const Walk walk;
    const Harmonics harmonics;
    const Page page;
    const Gradients trunk_places, colour_places;
    const Packed trunk, colour;
    Pool pool;

    Step(const Radiance& model, const RadianceTraining& training, const RaySamples& samples, float* pages,
         int64_t page_count)
        : model(model), training(training), samples(samples), walk(model.terrain), harmonics(model.degree),
          page(model), trunk_places(*model.trunk), colour_places(*model.colour), trunk(*model.trunk, true),
          colour(*model.colour, true), pool(pages, page.floats(), page_count) {}
};

// Some rays, and of them sums that belong to nobody else.
class Group {
public:
    double loss = 0;
    Kept kept;

    // sums: of the gradients of the trunk's and the colour network's weights.
    void run(Step& step, int64_t first, int count, float* sums) {
        first_ = first, rays_ = count, wide_ = round_up(count, LANES);
        forwards(step);
        if (!kept.complete()) return;
        kept.finish(step.page);
        colours(step);
        compare(step);
        backwards(step, sums);
    }

private:
    // In double precision, so that terms can be taken away again, one by one.
    struct Colour {
        double sum[3];
    };

    void forwards(Step& step) {
        const Radiance& model = step.model;
        const int wide = model.harmonics();
        std::vector<float> harmonics(size_t(rays_) * wide);
        const float* x = step.samples.x + 6 * first_;
        for (int r = 0; r < rays_; r++) step.harmonics(x + 6 * r + 3, harmonics.data() + size_t(r) * wide);
        Round round(model, thread_scratch<1>(Round::floats(model)));
        Wave wave(model, step.walk, step.trunk, round);
        kept.start(rays_);
        const float* jitter = step.samples.jitter ? step.samples.jitter + first_ : nullptr;
        wave.run(x, jitter, rays_, [&](const std::vector<Stretch>& stretches) {
            for (const Stretch& stretch : stretches)
                kept.add(step.page, step.pool, round, stretch, harmonics.data() + size_t(stretch.ray) * wide);
        });
        through_.resize(rays_);
        for (int r = 0; r < rays_; r++) through_[r] = wave.ray(r).through;
    }

    void colours(const Step& step) const {
        const Network& net = *step.model.colour;
        Tile tile(net, 0, step.colour);
        kept.each_page([&](float* data, int) {
            forward<0>(net, tile, {data + step.page.hidden * Page::STEP, Page::STEP});
            for (int c = 0; c < 3; c++)
                for (int p = 0; p < TILE; p += LANES)
                    store(data + (step.page.colour + c) * Page::STEP + p, sigmoid(load(tile.result + c * TILE + p)));
        });
    }

    // The loss; its gradients in the trunk's first output and in what the colour network gives take the places of
    // `slope` and `colour`.
    void compare(const Step& step) {
        std::vector<float> predictions(3 * wide_), targets(3 * wide_), gradients(3 * wide_);
        std::vector<Colour> seen(rays_);
        for (int r = 0; r < rays_; r++) seen[r] = predict(step, r, predictions.data() + r, targets.data() + r);
        const double share = 1.0 / (3 * double(step.samples.count));
        std::vector<float> losses(3 * wide_);
        for (int64_t i = 0; i < 3 * wide_; i += LANES) {
            F gradient;
            store(losses.data() + i,
                  loss_of(step.training.loss, load(predictions.data() + i), load(targets.data() + i), gradient));
            store(gradients.data() + i, gradient * float(share));
        }
        for (int c = 0; c < 3; c++)
            for (int r = 0; r < rays_; r++) loss += losses[c * wide_ + r] * share;
        for (int r = 0; r < rays_; r++) push(step, r, seen[r], gradients.data() + r);
    }

    Colour predict(const Step& step, int ray, float* prediction, float* target) const {
        const Page& page = step.page;
        float through = 1;
        Colour seen = {};
        kept.each_sample(ray, [&](const float* sample) {
            const float opaque = sample[page.opaque * Page::STEP], weight = through * opaque;
            for (int c = 0; c < 3; c++) seen.sum[c] += weight * sample[(page.colour + c) * Page::STEP];
            through *= 1 - opaque;
        });
        const float *y = step.samples.y + 4 * (first_ + ray), *behind = step.samples.background + 3 * (first_ + ray);
        for (int c = 0; c < 3; c++) {
            seen.sum[c] += through_[ray] * behind[c];
            prediction[c * wide_] = float(seen.sum[c]);
            target[c * wide_] = y[3] * y[c] + (1 - y[3]) * behind[c];
        }
        return seen;
    }

    void push(const Step& step, int ray, Colour rest, const float* gradient) const {
        const Page& page = step.page;
        float through = 1;
        kept.each_sample(ray, [&](float* sample) {
            const float opaque = sample[page.opaque * Page::STEP], weight = through * opaque;
            through *= 1 - opaque;
            float own = 0, behind = 0;
            for (int c = 0; c < 3; c++) {
                float& at = sample[(page.colour + c) * Page::STEP];
                const float colour = at, g = gradient[c * wide_];
                rest.sum[c] -= weight * colour;  // what comes from behind the sample
                own += g * colour;
                behind += g * float(rest.sum[c]);
                at = weight * g * colour * (1 - colour);
            }
            sample[page.slope * Page::STEP] *= through * own - behind;
        });
    }

    void backwards(const Step& step, float* sums) const {
        const Radiance& model = step.model;
        const Page& page = step.page;
        float* const upstream = thread_scratch<1>((3 + model.hidden()) * TILE);
        float* const pulled = upstream + 3 * TILE;
        float* const colour_sums = sums + step.trunk_places.size;
        std::memset(sums, 0, (step.trunk_places.size + step.colour_places.size) * sizeof(float));
        kept.each_page([&](float* data, int samples) {
            const auto row = [&](int number) { return data + number * Page::STEP; };
            for (int c = 0; c < 3; c++) {
                std::memcpy(upstream + c * TILE, row(page.colour + c), samples * sizeof(float));
                std::memset(upstream + c * TILE + samples, 0, (TILE - samples) * sizeof(float));
            }
            {
                const Rows x{row(page.hidden), Page::STEP};
                Tile tile(*model.colour, 1, step.colour);
                forward<1>(*model.colour, tile, x);
                backward(*model.colour, tile, x, upstream, step.colour_places, colour_sums, pulled, TILE,
                         model.hidden());
            }
            for (int p = 0; p < TILE; p += LANES) store(pulled + p, load(pulled + p) + load(row(page.slope) + p));
            const Rows x{row(page.encoded), Page::STEP};
            Tile tile(*model.trunk, 1, step.trunk);
            forward<1>(*model.trunk, tile, x);
            // The gradient of the features takes the features' place.
            backward(*model.trunk, tile, x, pulled, step.trunk_places, sums, row(page.encoded), Page::STEP);
        });
    }

    int64_t first_ = 0, wide_ = 0;
    int rays_ = 0;
    std::vector<float> through_;  // what is left of the light behind each ray's last sample
};

// Parts of the caller's memory.
struct Workspace {
    int64_t size = 0, scratch, parts;

    Workspace(const Radiance& model, int64_t gradients, int64_t groups, int threads) {
        const auto take = [&](int64_t count) { return std::exchange(size, size + round_up(count, 16)); };
        scratch = take(widest_level(model.level, model.levels, model.features) * level_slots(model.levels, threads));
        parts = take(groups * gradients);
    }
};

int64_t gradients_of(const Radiance& model) { return Gradients(*model.trunk).size + Gradients(*model.colour).size; }

void update(const Step& step, const std::vector<Group>& groups, float* memory, const Workspace& at, int threads) {
    const Radiance& model = step.model;
    const RadianceTraining& training = step.training;
    Slots slots(memory + at.scratch, widest_level(model.level, model.levels, model.features),
                level_slots(model.levels, threads));
    const TableUpdate table{model.level,         model.features,        training.table_adam,   model.table,
                            training.table_mean, training.table_square, training.table_steps};
    const auto network = [&](const Network& net, const Gradients& places, const Moments* weights,
                             const Moments* biases, int64_t begin) {
        return NetworkUpdate{net,    places, training.network_adam, weights,
                             biases, memory + at.parts + begin,     gradients_of(model), int64_t(groups.size())};
    };
    const NetworkUpdate trunk =
        network(*model.trunk, step.trunk_places, training.trunk_weights, training.trunk_biases, 0);
    const NetworkUpdate colour = network(*model.colour, step.colour_places, training.colour_weights,
                                         training.colour_biases, step.trunk_places.size);
    const int64_t first = model.levels, second = first + trunk.tasks();
    parallel(threads, second + colour.tasks(), [&](int64_t task) {
        if (task >= second) return colour.run(task - second);
        if (task >= first) return trunk.run(task - first);
        const int64_t l = model.levels - 1 - task;  // the finest first
        const int64_t row = step.page.encoded + l * model.features;
        table.run(l, slots, [&](float* gradient) {
            for (const Group& group : groups)
                group.kept.each_page([&](const float* data, int samples) {
                    scatter_level(model.level[l], model.mode, {data, Page::STEP, samples}, 0, samples,
                                  data + row * Page::STEP, Page::STEP, nullptr, gradient, model.features);
                });
        });
    });
}

}  // namespace

// Floats of memory that nf_radiance_step needs, which the first time must all be zero, and floats of a page.
NF_EXPORT int64_t nf_radiance_memory(const Radiance* model, int64_t threads) {
    const int64_t gradients = gradients_of(*model), most = Groups(int64_t(1) << 40, gradients).count;
    return Workspace(*model, gradients, most, limited(threads)).size;
}
NF_EXPORT int64_t nf_radiance_page(const Radiance* model) { return Page(*model).floats(); }

// One step; results receives the loss and the number of samples that counted. Returns 0, or the number of pages that
// would have been needed, with nothing changed.
NF_EXPORT int64_t nf_radiance_step(const Radiance* model, const RadianceTraining* training, const RaySamples* samples,
                                   float* memory, float* pages, int64_t page_count, double* results,
                                   int64_t wanted_threads) {
    const int threads = limited(wanted_threads);
    Step step(*model, *training, *samples, pages, page_count);
    const int64_t size = gradients_of(*model);
    const Groups some(samples->count, size);
    const Workspace at(*model, size, some.count, threads);
    std::vector<Group> groups(some.count);
    parallel(threads, some.count, [&](int64_t g) {
        const int64_t begin = some.begin(g) * TILE, end = some.begin(g + 1) * TILE;
        const int64_t count = (end < samples->count ? end : samples->count) - begin;
        groups[g].run(step, begin, int(count), memory + at.parts + g * size);
    });
    if (step.pool.taken() > page_count) return step.pool.taken();
    results[0] = results[1] = 0;
    for (const Group& group : groups) results[0] += group.loss, results[1] += double(group.kept.count());
    if (std::isfinite(results[0]) && results[1] > 0) update(step, groups, memory, at, threads);
    return 0;
}

}  // namespace nf
