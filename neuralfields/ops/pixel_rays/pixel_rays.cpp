// Rays through pixels of pictures that pinhole cameras took, and what the pixels hold.
//
// Every ray is computed on its own, in the reference's order of operations, so bits depend on nothing else.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>

#include "native/export.hpp"
#include "native/simd.hpp"
#include "native/threads.hpp"

namespace nf {

// As reference.py lays it out; mirrored by ctypes.
struct PosedPixels {
    const uint8_t* stored;
    const uint32_t* chosen;  // or null: all places
    const int64_t *starts, *widths;
    const double *planes, *turns, *eyes;
    int64_t channels, size, views;
};

namespace {

constexpr int64_t PART = 512;  // rays that one thread takes at a time
constexpr int BLOCK = 64;      // places that are looked up together, so that their cache misses overlap

// The view that a place belongs to; without branches, which nobody could predict.
NF_INLINE int64_t view_of(const PosedPixels& photos, int64_t place) {
    int64_t first = 0;
    for (int64_t left = photos.views; left > 1;) {
        const int64_t half = left / 2;
        first += photos.starts[first + half] <= place ? half : 0;
        left -= half;
    }
    return first;
}

// As the reference rounds.
NF_INLINE double added(double product, double add) { return rounded(product) + add; }

NF_INLINE void look(const PosedPixels& photos, int64_t place, int64_t view, float* ray) {
    const int64_t local = place - photos.starts[view], width = photos.widths[view], row = local / width;
    const double *plane = photos.planes + 4 * view, *turn = photos.turns + 9 * view, *eye = photos.eyes + 3 * view;
    const double x = added((double(local - row * width) + 0.5) * plane[0], plane[2]);
    const double y = added((double(row) + 0.5) * plane[1], plane[3]);
    double v[3];
    for (int d = 0; d < 3; d++) v[d] = added(turn[3 * d + 1] * y, added(turn[3 * d] * x, turn[3 * d + 2]));
    const double square = added(v[2] * v[2], added(v[1] * v[1], rounded(v[0] * v[0])));
    const double length = std::sqrt(square);
    for (int d = 0; d < 3; d++) ray[d] = float(eye[d]), ray[3 + d] = float(v[d] / length);
}

// False where a number is out of range.
bool look_up(const PosedPixels& photos, const int64_t* index, int64_t n, int64_t* places) {
    for (int64_t i = 0; i < n; i++) {
        if (uint64_t(index[i]) >= uint64_t(photos.size)) return false;
        places[i] = photos.chosen ? int64_t(photos.chosen[index[i]]) : index[i];
        __builtin_prefetch(photos.stored + places[i] * photos.channels);
    }
    return true;
}

}  // namespace

// rays [n, 6], values [n, 4], view [n]. Returns whether an index is out of range.
NF_EXPORT int32_t nf_pixel_rays(const PosedPixels* photos, const int64_t* index, int64_t n, float* rays, float* values,
                                int64_t* view, int64_t threads) {
    std::atomic<bool> good{true};
    parallel(int(threads), (n + PART - 1) / PART, [&](int64_t part) {
        const int64_t end = std::min(n, (part + 1) * PART);
        for (int64_t at = part * PART; at < end; at += BLOCK) {
            const int64_t here = std::min<int64_t>(BLOCK, end - at);
            int64_t places[BLOCK];
            if (!look_up(*photos, index + at, here, places)) {
                good = false;
                return;
            }
            for (int64_t i = 0; i < here; i++) {
                view[at + i] = view_of(*photos, places[i]);
                look(*photos, places[i], view[at + i], rays + 6 * (at + i));
            }
            for (int64_t i = 0; i < here; i++)
                for (int64_t c = 0; c < 4; c++)
                    values[4 * (at + i) + c] =
                        c < photos->channels ? float(photos->stored[places[i] * photos->channels + c]) / 255.0f : 1.0f;
        }
    });
    return !good;
}

}  // namespace nf
