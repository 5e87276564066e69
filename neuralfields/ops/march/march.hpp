// Rays through an occupancy grid: the intervals of a lattice along each ray whose middles lie in occupied cells.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "native/simd.hpp"

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
        return terrain_.cone > 0 || terrain_.unbounded ? advance_singly(course, most, keep)
                                                       : advance_together(course, most, keep);
    }

private:
    static constexpr int SHIFT = 3, BLOCK = 1 << SHIFT;

    struct Interval {
        float start, end, middle;
    };

    struct Spot {
        float x[3];
        int cell[3];
        bool bent;  // whether the ray may be curved here
    };

    template <class Keep>
    int advance_singly(Course& given, int most, Keep&& keep) const {
        const Course course = given;  // a copy, which nothing that `keep` stores can change
        int found = 0;
        int32_t i = course.next;
        while (found < most && i < MOST) {
            const Interval here = interval(course, i);
            if (!(here.middle <= course.far)) break;
            const Spot spot = at(course, here.middle);
            if (terrain_.occupied[number(spot.cell[0], spot.cell[1], spot.cell[2])]) {
                keep(found++, spot.x, here.start, here.end);
                i++;
            } else {
                i = leap(course, spot, i);
            }
        }
        given.next = i;
        return found;
    }

    // The same for equal steps along straight lines, LANES intervals at a time.
    template <class Keep>
    int advance_together(Course& given, int most, Keep&& keep) const {
        const Course course = given;
        alignas(64) float x[3][LANES], start[LANES], end[LANES];
        alignas(64) uint32_t cell[3][LANES], at[LANES], inside[LANES];
        I lanes;
        for (int k = 0; k < LANES; k++) lanes[k] = k;
        int found = 0;
        int32_t i = course.next;
        while (found < most && i < MOST) {
            const F first = (to_float(lanes + i) + course.offset) * terrain_.step;
            const F second = (to_float(lanes + (i + 1)) + course.offset) * terrain_.step;
            const F middle = (first + second) * 0.5f;
            U place = {};
            for (int d = 2; d >= 0; d--) {
                const F here = course.origin[d] + middle * course.direction[d], u = (here + 1.0f) * half_;
                const U number = (U)truncated(u < 0.0f ? F{} : u > last_ ? splat(last_) : u);
                place = place * uint32_t(terrain_.cells) + number;
                store(x[d], here);
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
                const Spot spot{{}, {int(cell[0][LANES - 1]), int(cell[1][LANES - 1]), int(cell[2][LANES - 1])}, false};
                if (!any_[block(spot.cell[0], spot.cell[1], spot.cell[2])]) next = leap(course, spot, next - 1);
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

    int64_t number(int x, int y, int z) const { return (int64_t(z) * terrain_.cells + y) * terrain_.cells + x; }
    int64_t block(int x, int y, int z) const {
        return (int64_t(z >> SHIFT) * blocks_ + (y >> SHIFT)) * blocks_ + (x >> SHIFT);
    }

    // Edges lie `step` apart, and farther on, where that is more, in a constant ratio of 1 + cone.
    NF_INLINE float edge(float s) const {
        return s <= even_ ? s * terrain_.step : turn_ * std::exp(growth_ * (s - even_));
    }
    NF_INLINE float place(float t) const {
        return even_ == std::numeric_limits<float>::infinity() || t <= turn_ ? t / terrain_.step
                                                                             : even_ + std::log(t / turn_) / growth_;
    }

    NF_INLINE Interval interval(const Course& course, int32_t i) const {
        const float start = edge(float(i) + course.offset), end = edge(float(i + 1) + course.offset);
        return {start, end, (start + end) * 0.5f};
    }

    NF_INLINE Spot at(const Course& course, float depth) const {
        Spot spot;
        for (int d = 0; d < 3; d++) spot.x[d] = course.origin[d] + depth * course.direction[d];
        spot.bent = false;
        if (terrain_.unbounded) contract(spot);
        for (int d = 0; d < 3; d++) {
            const float u = (spot.x[d] + 1) * half_;
            spot.cell[d] = int(u < 0 ? 0 : u > last_ ? last_ : u);
        }
        return spot;
    }

    // Barron et al., Mip-NeRF 360, CVPR 2022, equation 10, halved.
    NF_INLINE void contract(Spot& spot) const {
        const float square = spot.x[0] * spot.x[0] + spot.x[1] * spot.x[1] + spot.x[2] * spot.x[2];
        spot.bent = square > 0.999f;
        float factor = 0.5f;
        if (square > 1) {
            const float norm = std::sqrt(square);
            factor *= (2 - 1 / norm) / norm;
        }
        for (float& x : spot.x) x *= factor;
    }

    // The next interval after i whose middle is not known to be in an empty cell. Along a straight line the cells'
    // numbers only grow or only fall, rounding included: whatever lies between two middles in one block is in it too.
    NF_INLINE int32_t leap(const Course& course, const Spot& spot, int32_t i) const {
        const int shift = any_[block(spot.cell[0], spot.cell[1], spot.cell[2])] ? 0 : SHIFT;
        if (spot.bent) return leap_along_curve(course, spot, i, shift);
        const float unit = (terrain_.unbounded ? 2 : 1) / half_, low = terrain_.unbounded ? -2 : -1;
        float leave = course.far;
        for (int d = 0; d < 3; d++) {
            const int face = ((spot.cell[d] >> shift) + (course.direction[d] >= 0)) << shift;
            leave = smaller(leave, (low + float(face) * unit - course.origin[d]) * course.inverse[d]);
        }
        const float guess = place(leave) - course.offset - 0.5f;
        int32_t last = guess > 0 ? int32_t(smaller(guess, MOST - 1)) : 0;
        for (int tries = 0; tries < 2 && last > i; tries++, last--)
            if (within(spot, at(course, interval(course, last).middle), shift)) return last + 1;
        return i + 1;
    }

    // Where space is contracted, a place moves by f(r) / 2 at most while the ray goes 1 on, f(r) = (2 - 1 / r) / r <= 1
    // at the distance r from the centre: so nothing leaves the block before its nearest face may have been reached.
    int32_t leap_along_curve(const Course& course, const Spot& spot, int32_t i, int shift) const {
        constexpr float ROUNDING = 1e-5f;
        float nearest = 2, square = 0, outwards = 0;
        const float depth = interval(course, i).middle;
        for (int d = 0; d < 3; d++) {
            const int low = spot.cell[d] >> shift << shift, high = low + (1 << shift);
            const float u = spot.x[d] + 1;
            nearest = smaller(nearest, smaller(u - float(low) / half_, float(high) / half_ - u));
            const float x = course.origin[d] + depth * course.direction[d];
            square += x * x;
            outwards += x * course.direction[d];
        }
        const float r = std::sqrt(square), speed = outwards > 0 && r > 1 ? (2 - 1 / r) / r * 0.5f : 0.5f;
        const float safe = depth + (nearest - ROUNDING) / (speed * (1 + ROUNDING));
        const float guess = place(smaller(safe, course.far)) - course.offset - 0.5f;
        const int32_t last = guess > 0 ? int32_t(smaller(guess, MOST - 1)) : 0;
        return last > i && interval(course, last).middle <= safe ? last + 1 : i + 1;
    }

    static NF_INLINE bool within(const Spot& block, const Spot& spot, int shift) {
        bool same = !spot.bent;
        for (int d = 0; d < 3; d++) same &= block.cell[d] >> shift == spot.cell[d] >> shift;
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
