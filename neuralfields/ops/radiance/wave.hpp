// Rays through a radiance field side by side, some samples of each at a time, so that those which no longer see
// anything end before more of theirs are computed.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "grid_encode/grid.hpp"
#include "march/march.hpp"
#include "mlp/tiles.hpp"
#include "radiance/harmonics.hpp"

namespace nf {

// Mirrored by ctypes.
struct Radiance {
    const Level* level;
    int32_t levels, features;
    Interpolation mode;
    int32_t degree;
    float* table;
    const Network *trunk, *colour;
    Terrain terrain;
    float shift, stop;

    int encoded() const { return levels * features; }
    int hidden() const { return trunk->out(); }
    int harmonics() const { return degree * degree; }
};

constexpr int AT_ONCE = 8;              // samples of a ray
constexpr float STEEPEST = 15.0f;  // above this exponent a density grows in a straight line

// Copies AT_ONCE values, of which the last ones may be of no use: there is room for them.
NF_INLINE void copy_some(float* to, const float* from) { std::memcpy(to, from, AT_ONCE * sizeof(float)); }
NF_INLINE void fill_some(float* to, float value) {
    for (int i = 0; i < AT_ONCE; i++) to[i] = value;
}

// What the rays' samples of one round are, one row per number: place, features, the trunk's outputs, and what follows.
struct Round {
    static constexpr int SAMPLES = 21 * TILE;
    static constexpr int64_t STEP = SAMPLES + 16;
    float *data, *encoded, *hidden;
    float *opaque, *slope;  // opacity, and derivative of the optical thickness in the trunk's first output
    float *length, *middle;

    static int64_t floats(const Radiance& model) { return (3 + model.encoded() + model.hidden() + 4) * STEP; }

    Round(const Radiance& model, float* memory)
        : data(memory), encoded(data + 3 * STEP), hidden(encoded + model.encoded() * STEP),
          opaque(hidden + model.hidden() * STEP), slope(opaque + STEP), length(slope + STEP), middle(length + STEP) {}
};

struct Ray {
    Course course;
    float through;  // transmittance so far; NaN for a ray that is not finite
};

// The samples of one ray in a round, of which `count` count.
struct Stretch {
    int ray, first, count;
    float through;  // before the first
};

class Wave {
public:
    Wave(const Radiance& model, const Walk& walk, const Packed& packed, Round& round)
        : model_(model), walk_(walk), packed_(packed), round_(round) {}

    // All samples that count of some rays; calls use(stretches) for each round.
    template <class Use>
    void run(const float* rays, const float* jitter, int count, Use&& use) {
        start(rays, jitter, count);
        int waiting = 0;
        for (;;) {
            const int samples = march(waiting);
            if (!samples) return;
            densities(samples);
            dim();
            use(stretches_);
        }
    }

    const Ray& ray(int number) const { return rays_[number]; }

private:
    void start(const float* rays, const float* jitter, int count) {
        rays_.resize(count);
        live_.clear();
        hits_.clear();
        for (int r = 0; r < count; r++) {
            const float *ray = rays + 6 * int64_t(r), offset = jitter ? jitter[r] : 0;
            bool finite = std::isfinite(offset);
            for (int d = 0; d < 6; d++) finite &= std::isfinite(ray[d]);
            rays_[r].through = finite ? 1 : std::numeric_limits<float>::quiet_NaN();
            if (walk_.start(ray, offset, rays_[r].course)) hits_.push_back(r);
        }
    }

    // The next samples of the rays under way, then those of rays that wait, as long as there is room.
    int march(int& waiting) {
        int samples = 0;
        stretches_.clear();
        const auto advance = [&](int r) {
            const int first = samples;
            samples += walk_.advance(rays_[r].course, AT_ONCE, [&](int k, const float* x, float start, float end) {
                float* to = round_.data + first + k;
                for (int d = 0; d < 3; d++) to[d * Round::STEP] = x[d];
                round_.length[first + k] = end - start;
                round_.middle[first + k] = (start + end) * 0.5f;
            });
            if (samples > first) stretches_.push_back({r, first, samples - first, 0});
        };
        for (const int r : live_) advance(r);
        for (; waiting < int(hits_.size()) && samples + AT_ONCE <= Round::SAMPLES; waiting++) advance(hits_[waiting]);
        return samples;
    }

    void densities(int samples) {
        const Points points{round_.data, Round::STEP, samples};
        for (int l = 0; l < model_.levels; l++)
            encode_level(model_.level[l], model_.mode, points, 0, samples, model_.table, model_.features, nullptr,
                         round_.encoded + l * model_.features * Round::STEP, Round::STEP);
        Tile tile(*model_.trunk, 0, packed_);
        for (int begin = 0; begin < samples; begin += TILE) {
            forward<0>(*model_.trunk, tile, {round_.encoded + begin, Round::STEP});
            for (int h = 0; h < model_.hidden(); h++)
                std::memcpy(round_.hidden + h * Round::STEP + begin, tile.result + h * TILE, TILE * sizeof(float));
        }
        for (int p = 0; p < samples; p += LANES) {
            const F raw = load(round_.hidden + p) + model_.shift, length = load(round_.length + p);
            const F over = raw - STEEPEST, slope = exp(over > 0.0f ? splat(STEEPEST) : raw) * length;
            store(round_.opaque + p, -expm1(-(over > 0.0f ? slope * (1.0f + over) : slope)));
            store(round_.slope + p, slope);
        }
    }

    // What is left of the light, which samples count, and which rays go on.
    void dim() {
        live_.clear();
        for (Stretch& stretch : stretches_) {
            Ray& ray = rays_[stretch.ray];
            stretch.through = ray.through;
            const float* opaque = round_.opaque + stretch.first;
            const int found = stretch.count;
            int k = 0;
            for (; k < found && ray.through >= model_.stop; k++) ray.through *= 1 - opaque[k];
            stretch.count = k;
            if (found == AT_ONCE && ray.through >= model_.stop) live_.push_back(stretch.ray);
        }
    }

    const Radiance& model_;
    const Walk& walk_;
    const Packed& packed_;
    Round& round_;
    std::vector<Ray> rays_;
    std::vector<int> hits_, live_;
    std::vector<Stretch> stretches_;
};

}  // namespace nf
