#include "grid_encode/grid.hpp"

#include <cstdint>
#include <cstring>

#include "native/export.hpp"
#include "native/threads.hpp"

namespace nf {
void warm(const Level& level, const float* table, int features, int64_t points) {
    constexpr int64_t IN_CACHE = 1 << 20, LINE = 16;  // bytes; floats
    const int64_t size = int64_t(level.size) * features;
    if (size * 4 <= IN_CACHE || points * 4 <= level.size) return;
    float total = 0;
    for (int64_t i = 0; i < size; i += LINE) total += table[level.start * features + i];
    asm volatile("" ::"r"(&total) : "memory");
}

// out [levels * features][step] of x [axes][n]; with a direction [axes][n], the derivative along it.
NF_EXPORT void nf_grid_encode(const Level* levels, int64_t count, int64_t mode, int64_t features, const float* x,
                              int64_t n, const float* table, const float* direction, float* out, int64_t step,
                              int64_t threads) {
    const Points points{x, n, n};
    each_chunk(levels, count, table, int(features), n, int(threads), [&](int64_t l, int64_t begin, int64_t end) {
        encode_level(levels[l], Interpolation(mode), points, begin, end, table, int(features), direction,
                     out + l * features * step, step);
    });
}

// gradient [rows][features], all of it, for `upstream` [levels * features][step]. One level is one task.
NF_EXPORT void nf_grid_scatter(const Level* levels, int64_t count, int64_t mode, int64_t features, const float* x,
                               int64_t n, const float* upstream, int64_t step, const float* direction,
                               float* gradient, int64_t threads) {
    const Points points{x, n, n};
    const Along along{direction, n, nullptr};
    parallel(threads, count, [&](int64_t task) {
        const int64_t l = count - 1 - task;  // the largest first
        float* to = gradient + levels[l].start * features;
        std::memset(to, 0, size_t(levels[l].size) * features * sizeof(float));
        scatter_level(levels[l], Interpolation(mode), points, 0, n, upstream + l * features * step, step,
                      direction ? &along : nullptr, to, int(features));
    });
}

// out [axes][n]: gradient in x for `upstream`; with a direction, that of the derivative along it.
NF_EXPORT void nf_grid_input_gradient(const Level* levels, int64_t count, int64_t mode, int64_t features,
                                      int64_t axes, const float* x, int64_t n, const float* table,
                                      const float* upstream, int64_t step, const float* direction, float* out,
                                      int64_t threads) {
    const Points points{x, n, n};
    parallel(threads, chunks(n), [&](int64_t task) {
        const int64_t begin = task * CHUNK, end = begin + CHUNK < n ? begin + CHUNK : n;
        for (int d = 0; d < axes; d++) std::memset(out + d * n + begin, 0, (end - begin) * sizeof(float));
        for (int64_t l = 0; l < count; l++)
            input_gradient_level(levels[l], Interpolation(mode), points, begin, end, table, int(features),
                                 upstream + l * features * step, step, direction, out);
    });
}

}  // namespace nf
