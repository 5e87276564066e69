// What rays see of a radiance field.
#include <cstdint>

#include "native/export.hpp"
#include "radiance/wave.hpp"

namespace nf {
namespace {

constexpr int64_t RAYS = 512;  // per task
constexpr float FAINT = 1e-6f;

// Of one ray: sums over its samples.
struct Sums {
    float colour[3], opacity, depth;
};

// Some rays of one task.
class View {
public:
    View(const Radiance& model, const Walk& walk, const Packed& trunk, const Packed& colour)
        : model_(model), inputs_(model.colour->in()), colour_(colour),
          memory_(thread_scratch<1>(Round::floats(model) + (inputs_ + 3) * Round::STEP)), round_(model, memory_),
          seen_(memory_ + Round::floats(model)), colours_(seen_ + inputs_ * Round::STEP),
          wave_(model, walk, trunk, round_) {}

    void look(const Harmonics& harmonics, const float* rays, int count, float* out) {
        sums_.assign(count, {});
        harmonics_.resize(int64_t(count) * model_.harmonics());
        for (int r = 0; r < count; r++) harmonics(rays + 6 * int64_t(r) + 3, of(r));
        wave_.run(rays, nullptr, count, [&](const std::vector<Stretch>& stretches) {
            gather(stretches);
            add(stretches);
        });
        for (int r = 0; r < count; r++, out += 5) {
            const Sums& sums = sums_[r];
            const float nothing = 0 * wave_.ray(r).through;  // but NaN for a ray that is not finite
            for (int c = 0; c < 3; c++) out[c] = sums.colour[c] + nothing;
            out[3] = sums.opacity + nothing;
            out[4] = sums.depth / (sums.opacity > FAINT ? sums.opacity : FAINT) + nothing;
        }
    }

private:
    float* of(int ray) { return harmonics_.data() + int64_t(ray) * model_.harmonics(); }

    // The colours of all samples that count, one after the other.
    void gather(const std::vector<Stretch>& stretches) {
        int samples = 0;
        for (const Stretch& stretch : stretches) {
            float* to = seen_ + samples;
            for (int h = 0; h < model_.hidden(); h++, to += Round::STEP)
                copy_some(to, round_.hidden + h * Round::STEP + stretch.first);
            for (int h = 0; h < model_.harmonics(); h++, to += Round::STEP) fill_some(to, of(stretch.ray)[h]);
            samples += stretch.count;
        }
        Tile tile(*model_.colour, 0, colour_);
        for (int begin = 0; begin < samples; begin += TILE) {
            forward<0>(*model_.colour, tile, {seen_ + begin, Round::STEP});
            for (int c = 0; c < 3; c++)
                for (int p = 0; p < TILE; p += LANES)
                    store(colours_ + c * Round::STEP + begin + p, sigmoid(load(tile.result + c * TILE + p)));
        }
    }

    void add(const std::vector<Stretch>& stretches) {
        const float* colour = colours_;
        for (const Stretch& stretch : stretches) {
            Sums& sums = sums_[stretch.ray];
            float through = stretch.through;
            for (int k = 0; k < stretch.count; k++, colour++) {
                const float opaque = round_.opaque[stretch.first + k], weight = through * opaque;
                for (int c = 0; c < 3; c++) sums.colour[c] += weight * colour[c * Round::STEP];
                sums.opacity += weight;
                sums.depth += weight * round_.middle[stretch.first + k];
                through *= 1 - opaque;
            }
        }
    }

    const Radiance& model_;
    int inputs_;
    const Packed& colour_;
    float* memory_;
    Round round_;
    float *seen_, *colours_;
    Wave wave_;
    std::vector<Sums> sums_;
    std::vector<float> harmonics_;
};

}  // namespace

// out [n][5]: colour times opacity, opacity, mean depth.
NF_EXPORT void nf_radiance_values(const Radiance* model, const float* rays, int64_t n, float* out, int64_t threads) {
    const Walk walk(model->terrain);
    const Packed trunk(*model->trunk, false), colour(*model->colour, false);
    const Harmonics harmonics(model->degree);
    parallel(int(threads), (n + RAYS - 1) / RAYS, [&](int64_t task) {
        const int64_t first = task * RAYS, count = n - first < RAYS ? n - first : RAYS;
        View(*model, walk, trunk, colour).look(harmonics, rays + 6 * first, int(count), out + 5 * first);
    });
}

}  // namespace nf
