#include "march/march.hpp"

#include "native/export.hpp"
#include "native/threads.hpp"

namespace nf {
namespace {

constexpr int64_t RAYS = 64;  // per task

template <class Keep>
void each_ray(const Terrain& terrain, const float* rays, int64_t n, const float* jitter, int64_t threads, Keep&& keep) {
    const Walk walk(terrain);
    parallel(int(threads), (n + RAYS - 1) / RAYS, [&](int64_t task) {
        for (int64_t r = task * RAYS; r < n && r < (task + 1) * RAYS; r++) {
            Course course;
            const bool hits = walk.start(rays + 6 * r, jitter ? jitter[r] : 0.0f, course);
            keep(walk, r, hits, course);
        }
    });
}

// Up to `most` intervals of a ray; only counted without a start. One function for both passes: two would be free to
// contract products and sums differently, and then an interval at the face of a cell could be counted, not written.
NF_APART int intervals(const Walk& walk, Course& course, int most, float* start, float* end) {
    return walk.advance(course, most, [=](int k, const float*, float a, float b) {
        if (!start) return;
        start[k] = a;
        end[k] = b;
    });
}

}  // namespace

// count [n]: kept intervals per ray, at most `limit`. jitter [n] or null.
NF_EXPORT void nf_march_count(const Terrain* terrain, const float* rays, int64_t n, const float* jitter, int64_t limit,
                              int64_t* count, int64_t threads) {
    each_ray(*terrain, rays, n, jitter, threads, [&](const Walk& walk, int64_t r, bool hits, Course& course) {
        count[r] = hits ? intervals(walk, course, int(limit), nullptr, nullptr) : 0;
    });
}

// Their ends, ray after ray: those of ray r end before number ends[r].
NF_EXPORT void nf_march(const Terrain* terrain, const float* rays, int64_t n, const float* jitter, const int64_t* count,
                        const int64_t* ends, float* start, float* end, int64_t threads) {
    each_ray(*terrain, rays, n, jitter, threads, [&](const Walk& walk, int64_t r, bool hits, Course& course) {
        const int64_t first = ends[r] - count[r];
        if (hits) intervals(walk, course, int(count[r]), start + first, end + first);
    });
}

}  // namespace nf
