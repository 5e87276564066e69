// Rays through an occupancy grid: the intervals of a lattice along each ray whose middles lie in occupied cells.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "mlp/activation.hpp"

namespace nf {

// Where rays go and in which steps; mirrored by ctypes. The cells lie over the box [-1, 1]^3, x fastest.
struct Terrain {
    const uint8_t* occupied;
    int32_t cells;      // per axis
    int32_t unbounded;  // whether places are contracted into the box
    float step, cone, near;
};

constexpr float FAR = 1e3f;         // where the rays end that no box bounds
constexpr int32_t MOST = 1 << 22;  // intervals of a lattice

// One ray on its way.
struct Course {
    float origin[3], direction[3], inverse[3];
    float offset;   // of the lattice, in intervals
    float far;      // no middle lies beyond
    int32_t next;   // interval to be looked at
};

// Unlike std::fmin a single instruction: NaN is not among what is compared.
NF_INLINE float smaller(float a, float b) { return a < b ? a : b; }
NF_INLINE float larger(float a, float b) { return a > b ? a : b; }

class Walk {
public:
    explicit Walk(const Terrain& terrain)
        : terrain_(terrain), half_(0.5f * float(terrain.cells)), last_(float(terrain.cells - 1)),
          blocks_((terrain.cells + BLOCK - 1) / BLOCK), any_(size_t(blocks_) * blocks_ * blocks_) {
        if (terrain.cone > 0) {
            even_ = 1 / terrain.cone;
            growth_ = std::log1p(terrain.cone);
            turn_ = terrain.step * even_;
        }
        const int64_t n = terrain.cells;
        for (int64_t z = 0; z < n; z++)
            for (int64_t y = 0; y < n; y++) {
                const uint8_t* row = terrain.occupied + (z * n + y) * n;
                uint8_t* any = any_.data() + ((z >> SHIFT) * blocks_ + (y >> SHIFT)) * blocks_;
                for (int64_t x = 0; x < n; x += BLOCK) {
                    uint64_t cells = 0;
                    static_assert(sizeof cells == BLOCK);
                    std::memcpy(&cells, row + x, n - x < BLOCK ? size_t(n - x) : BLOCK);
                    any[x >> SHIFT] |= cells != 0;
                }
            }
    }

    // Puts a ray [origin, direction] at the first interval whose middle may be looked at. False where there is none.
    bool start(const float* ray, float offset, Course& course) const {
        float begin = terrain_.near, end = terrain_.unbounded ? FAR : std::numeric_limits<float>::infinity();
        bool hits = std::isfinite(offset);
        for (int d = 0; d < 3; d++) {
            const float o = ray[d], v = ray[3 + d];
            hits &= std::isfinite(o) && std::isfinite(v);
            const bool along = v == 0;
            const float inverse = along ? std::numeric_limits<float>::max() : 1 / v;
            course.origin[d] = o, course.direction[d] = v, course.inverse[d] = inverse;
            if (terrain_.unbounded) continue;
            if (along) {
                hits &= std::fabs(o) <= 1;
                continue;
            }
            const float low = (-1 - o) * inverse, high = (1 - o) * inverse;
            begin = std::fmax(begin, std::fmin(low, high));
            end = std::fmin(end, std::fmax(low, high));
        }
        if (!hits || !(begin <= end)) return false;
        course.offset = offset, course.far = end;
        const float first = std::floor(place(begin) - offset) - 1;
        course.next = first > 0 ? int32_t(std::fmin(first, MOST)) : 0;
        while (course.next < MOST && interval(course, course.next).middle < begin) course.next++;
        return true;
    }

    // Calls keep(k, place in the box, start, end) for the next kept intervals, `most` of them. Returns how many there
    // were: fewer, and the ray is through.
    template <class Keep>
    int advance(Course& course, int most, Keep&& keep) const {
        if (terrain_.unbounded) return advance_as<true, true>(course, most, keep);
        return terrain_.cone > 0 ? advance_as<true, false>(course, most, keep)
                                 : advance_as<false, false>(course, most, keep);
    }

private:
    static constexpr int SHIFT = 3, BLOCK = 1 << SHIFT;

    struct Interval {
        float start, end, middle;
    };

    struct Spot {
        float x[3];
        int cell[3];
    };

    // LANES intervals at a time.
    template <bool GROWING, bool CONTRACTED, class Keep>
    int advance_as(Course& given, int most, Keep&& keep) const {
        const Course course = given;  // a copy, which nothing that is stored can change
        alignas(64) float x[3][LANES], start[LANES], end[LANES];
        alignas(64) uint32_t cell[3][LANES], at[LANES], inside[LANES];
        I lanes;
        for (int k = 0; k < LANES; k++) lanes[k] = k;
        int found = 0;
        int32_t i = course.next;
        while (found < most && i < MOST) {
            const F first = edges<GROWING>(to_float(lanes + i) + course.offset);
            const F second = edges<GROWING>(to_float(lanes + (i + 1)) + course.offset);
            const F middle = (first + second) * 0.5f;
            F here[3], factor = {};
            for (int d = 0; d < 3; d++) here[d] = course.origin[d] + middle * course.direction[d];
            if constexpr (CONTRACTED) factor = contraction(here[0] * here[0] + here[1] * here[1] + here[2] * here[2]);
            U place = {};
            for (int d = 2; d >= 0; d--) {
                if constexpr (CONTRACTED) here[d] *= factor;
                const F u = (here[d] + 1.0f) * half_;
                const U number = (U)truncated(u < 0.0f ? F{} : u > last_ ? splat(last_) : u);
                place = place * uint32_t(terrain_.cells) + number;
                store(x[d], here[d]);
                store(cell[d], number);
            }
            store(start, first);
            store(end, second);
            store(at, place);
            store(inside, (U)(middle <= course.far));
            settled(at);
            settled(inside);
            if (!inside[0]) break;
            uint32_t kept = 0;
            for (int k = 0; k < LANES; k++) kept |= uint32_t(terrain_.occupied[at[k]] & inside[k]) << k;
            int32_t next = i + LANES;
            if (!kept) {
                constexpr int k = LANES - 1;
                const int cells[3] = {int(cell[0][k]), int(cell[1][k]), int(cell[2][k])};
                if (!any_[block(cells)])
                    next = CONTRACTED ? leap_along_curve(course, cells, next - 1) : leap(course, cells, next - 1);
            }
            for (; kept && found < most; kept &= kept - 1) {
                const int k = __builtin_ctz(kept);
                const float to[3] = {x[0][k], x[1][k], x[2][k]};
                keep(found++, to, start[k], end[k]);
                if (found == most) next = i + k + 1;
            }
            i = next;
        }
        given.next = i;
        return found;
    }

    int64_t block(const int (&cell)[3]) const {
        return (int64_t(cell[2] >> SHIFT) * blocks_ + (cell[1] >> SHIFT)) * blocks_ + (cell[0] >> SHIFT);
    }

    // Edges lie `step` apart, and farther on, where that is more, in a constant ratio of 1 + cone.
    template <bool GROWING>
    NF_INLINE F edges(F s) const {
        if constexpr (!GROWING) return s * terrain_.step;
        return select(s <= even_, s * terrain_.step, turn_ * exp(growth_ * (s - even_)));
    }
    NF_INLINE float edge(float s) const {
        return even_ == std::numeric_limits<float>::infinity() ? s * terrain_.step : edges<true>(splat(s))[0];
    }
    NF_INLINE float place(float t) const {
        return even_ == std::numeric_limits<float>::infinity() || t <= turn_ ? t / terrain_.step
                                                                             : even_ + std::log(t / turn_) / growth_;
    }

    NF_INLINE Interval interval(const Course& course, int32_t i) const {
        const float start = edge(float(i) + course.offset), end = edge(float(i + 1) + course.offset);
        return {start, end, (start + end) * 0.5f};
    }

    // Barron et al., Mip-NeRF 360, CVPR 2022, equation 10, halved: what a place at the square distance r^2 is times.
    static NF_INLINE F contraction(F square) {
        const F inverse = 1.0f / sqrt(square > 1.0f ? square : splat(1.0f));
        return (1.0f - 0.5f * inverse) * inverse;
    }

    NF_INLINE Spot at(const Course& course, float depth) const {
        Spot spot;
        for (int d = 0; d < 3; d++) spot.x[d] = course.origin[d] + depth * course.direction[d];
        if (terrain_.unbounded) {
            const float square = spot.x[0] * spot.x[0] + spot.x[1] * spot.x[1] + spot.x[2] * spot.x[2];
            const float factor = contraction(splat(square))[0];
            for (float& x : spot.x) x *= factor;
        }
        for (int d = 0; d < 3; d++) {
            const float u = (spot.x[d] + 1) * half_;
            spot.cell[d] = int(u < 0 ? 0 : u > last_ ? last_ : u);
        }
        return spot;
    }

    // The next interval after i, whose middle is in an empty block, that is not known to be in it too. Along a straight
    // line the cells' numbers only grow or only fall, rounding included: whatever lies between two middles in one block
    // is in it too.
    int32_t leap(const Course& course, const int (&cell)[3], int32_t i) const {
        float leave = course.far;
        for (int d = 0; d < 3; d++) {
            const int face = ((cell[d] >> SHIFT) + (course.direction[d] >= 0)) << SHIFT;
            leave = smaller(leave, (float(face) / half_ - 1 - course.origin[d]) * course.inverse[d]);
        }
        int32_t last = last_before(course, leave);
        for (int tries = 0; tries < 2 && last > i; tries++, last--)
            if (within(cell, at(course, interval(course, last).middle))) return last + 1;
        return i + 1;
    }

    // The same where space is contracted. There a place is x g(r), g = (2 - 1 / r) / (2 r) for r > 1, whose second
    // derivative along the ray is at most 5 / r^2. So while the ray goes `there` on, each coordinate keeps its
    // direction, or stays within 5 / r^2 there^2 / 8 of the straight line between its ends.
    int32_t leap_along_curve(const Course& course, const int (&cell)[3], int32_t i) const {
        constexpr float ROUNDING = 1e-5f, LONGEST = 0.2f;
        constexpr int TRIES = 4;
        const float depth = interval(course, i).middle;
        const Spot spot = at(course, depth);
        float x[3], square = 0, outwards = 0;
        for (int d = 0; d < 3; d++) {
            x[d] = course.origin[d] + depth * course.direction[d];
            square += x[d] * x[d];
            outwards += x[d] * course.direction[d];
        }
        const float r = std::sqrt(larger(square, 1)), inverse = 1 / r;
        const float g = (1 - 0.5f * inverse) * inverse, falling = (1 - r) * inverse * inverse * inverse;
        const float least = larger(outwards >= 0 ? square : square - outwards * outwards, 1);  // r^2 from here on
        const bool flat = square < 0.999f;  // the ray is straight as long as it stays in the unit ball
        const float curvature = flat ? 0 : 5 / least;
        float reach = flat ? std::sqrt(outwards * outwards + 0.999f - square) - outwards : LONGEST * std::sqrt(least);
        float slope[3], low[3], high[3];
        for (int d = 0; d < 3; d++) {
            slope[d] = course.direction[d] * g + x[d] * falling * outwards * inverse;
            low[d] = float(cell[d] >> SHIFT << SHIFT) / half_ - 1;
            high[d] = low[d] + float(BLOCK) / half_;
            const float left = slope[d] > 0 ? high[d] - spot.x[d] : spot.x[d] - low[d];
            if (left < reach * std::fabs(slope[d])) reach = left / std::fabs(slope[d]);
        }
        for (int tries = 0; tries < TRIES; tries++, reach *= 0.5f) {
            const int32_t last = last_before(course, smaller(depth + reach, course.far));
            if (last <= i) break;
            const float behind = interval(course, last).middle, there = behind - depth;
            const Spot end = at(course, behind);
            bool stays = within(cell, end);
            for (int d = 0; d < 3; d++) {
                const bool steady = std::fabs(slope[d]) >= curvature * there;
                const float off = curvature * there * there * 0.125f + ROUNDING;
                const float least_x = smaller(spot.x[d], end.x[d]), most_x = larger(spot.x[d], end.x[d]);
                stays &= steady || (least_x - low[d] >= off && high[d] - most_x >= off);
            }
            if (stays) return last + 1;
        }
        return i + 1;
    }

    // About the last interval whose middle is not beyond a depth.
    int32_t last_before(const Course& course, float depth) const {
        const float guess = place(depth) - course.offset - 0.5f;
        return guess > 0 ? int32_t(smaller(guess, MOST - 1)) : 0;
    }

    static bool within(const int (&cell)[3], const Spot& spot) {
        bool same = true;
        for (int d = 0; d < 3; d++) same &= cell[d] >> SHIFT == spot.cell[d] >> SHIFT;
        return same;
    }

    Terrain terrain_;
    float half_, last_;
    // Numbers of equal intervals before they grow, logarithm of their growth, and the depth where it begins.
    float even_ = std::numeric_limits<float>::infinity(), growth_ = 0, turn_ = 0;
    int blocks_;
    std::vector<uint8_t> any_;  // whether a block of cells has an occupied one
};

}  // namespace nf
