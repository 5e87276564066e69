// Interpolation in grids of features, dense or hashed, over some or all axes; level by level, many points at a time.
// Planes are such levels too: dense ones, each over axes of its own.
//
// A level's weights are products of one-dimensional weights, so values, derivatives along a direction and second
// derivatives differ only in which factors are differentiated. Here are the encoding E(x, table), its transpose in the
// table, its gradient in x, and the derivatives of these three along a direction in x: all that derivatives to the
// second order are made of.
#pragma once
#include <cstdint>

#include "native/threads.hpp"

namespace nf {

constexpr int MAX_AXES = 4;

// The weights along an axis: t, or 3t^2 - 2t^3, of the two vertices around a point; or cubic ones of four vertices, in
// dense levels of at most three axes. The order is that of the names in levels.py.
enum Interpolation : int32_t { LINEAR, SMOOTHSTEP, CATMULL_ROM, B_SPLINE };

// One grid of the table; mirrored by ctypes.
struct Level {
    int32_t axes;               // number of coordinates it reads
    int32_t hashed;             // else every vertex has its own row, modulo size
    int32_t axis[MAX_AXES];     // which coordinates
    float scale[MAX_AXES];      // a point u in [0, 1] lies at u * scale + offset, in cells
    float offset;
    int32_t last[MAX_AXES];     // highest cell
    uint32_t stride[MAX_AXES];  // rows per step along an axis; if hashed, the factor of the hash
    uint32_t size;              // rows; a power of 2 if hashed; size * features < 2^32
    int64_t start;              // its first row in the table
};

// Points axis by axis: coordinate d of point p is at data[d * stride + p].
struct Points {
    const float* data;
    int64_t stride;
    int64_t count;
};

// out[f * stride + p] = sum over corners of weight * table[row][f]; where there is a direction (laid out as the points
// are), of the weight's derivative along it.
void encode_level(const Level& level, Interpolation mode, const Points& points, int64_t begin, int64_t end,
                  const float* table, int features, const float* direction, float* out, int64_t stride);

// The same values by two vertices, and their derivatives in each coordinate: slopes[d * axis_stride + f * stride + p].
void encode_level_slopes(const Level& level, Interpolation mode, const Points& points, int64_t begin, int64_t end,
                         const float* table, int features, float* out, int64_t stride, float* slopes,
                         int64_t axis_stride);

// Directions in x, [axes][stride], and shares [points] or null.
struct Along {
    const float* direction;
    int64_t stride;
    const float* share;
};

// gradient[row][f] += weight * upstream[f * stride + p], for the level's own part of the gradient; with `along`, the
// weight is its derivative along the direction plus itself times the point's share.
void scatter_level(const Level& level, Interpolation mode, const Points& points, int64_t begin, int64_t end,
                   const float* upstream, int64_t stride, const Along* along, float* gradient, int features);

// out[d * points.stride + p] += derivative in coordinate d of sum over f of upstream * value; where there is a
// direction, of the value's derivative along it.
void input_gradient_level(const Level& level, Interpolation mode, const Points& points, int64_t begin, int64_t end,
                          const float* table, int features, const float* upstream, int64_t stride,
                          const float* direction, float* out);

constexpr int64_t CHUNK = 4096;  // points per task: neighbouring tasks read the same level's table

inline int64_t chunks(int64_t points) { return (points + CHUNK - 1) / CHUNK; }

// Reads a level's rows through once, if they are too many for a core's own cache and the points will visit most of
// them: the gathers then find them nearer.
void warm(const Level& level, const float* table, int features, int64_t points);

// Calls body(level, begin, end) for every chunk of the points in every level, before values are gathered there.
template <class Body>
void each_chunk(const Level* levels, int64_t count, const float* table, int features, int64_t points, int threads,
                Body&& body) {
    const int64_t per_level = chunks(points);
    parallel(threads, count * per_level, [&](int64_t task) {
        const int64_t l = task / per_level, begin = task % per_level * CHUNK;
        if (!begin) warm(levels[l], table, features, points);
        body(l, begin, begin + CHUNK < points ? begin + CHUNK : points);
    });
}

}  // namespace nf
