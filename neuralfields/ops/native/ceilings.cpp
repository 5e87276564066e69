// What this machine can do at most: rates that no kernel exceeds, measured with the same vectors and threads.
//
// Each function works for at least `seconds` and returns operations or bytes per second over all threads, 0 if the
// build has no such instruction or there is no memory.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "native/export.hpp"
#include "native/simd.hpp"
#include "native/threads.hpp"
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace {

using nf::F;
using nf::F2;

constexpr int CHAINS = 12;          // more than latency times units on any current core
constexpr int64_t CALLS = 1 << 20;  // indices of one thread
constexpr size_t PAGE = 1 << 21;

// Keeps a value alive without storing it.
template <class T>
void keep(const T& value) {
    asm volatile("" : : "m"(value) : "memory");
}

// The chains themselves stay in registers: nobody takes their address.
template <class T, int N>
void keep_sum(const T (&chain)[N]) {
    T sum = chain[0];
    for (int i = 1; i < N; i++) sum += chain[i];
    keep(sum);
}

// Doubles the rounds until they take long enough; `work` is what one thread does in one round.
template <class Body>
double rate(int threads, double seconds, double work, Body&& body) {
    for (int64_t rounds = 1;; rounds *= 2) {
        const auto start = std::chrono::steady_clock::now();
        nf::parallel(threads, threads, [&](int64_t thread) { body(thread, rounds); });
        const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (took >= seconds) return work * double(rounds) * threads / took;
    }
}

template <class T>
using Memory = std::unique_ptr<T[], decltype(&std::free)>;

// Zeroed, so that every page is there.
template <class T>
Memory<T> memory(size_t count) {
    const size_t bytes = (count * sizeof(T) + PAGE - 1) / PAGE * PAGE;
    T* made = static_cast<T*>(std::aligned_alloc(PAGE, bytes));
    if (made) std::memset(static_cast<void*>(made), 0, bytes);
    return {made, &std::free};
}

// Random rows of a table with `rows` rows, a power of two; null if there is no memory.
Memory<uint32_t> indices(size_t count, size_t rows) {
    auto made = memory<uint32_t>(count);
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; made && i < count; i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        made[i] = uint32_t(state >> 20) & uint32_t(rows - 1);
    }
    return made;
}

size_t rows_of(int64_t bytes) {
    size_t rows = 8;
    while (rows * 2 * sizeof(F2) <= size_t(bytes)) rows *= 2;
    return rows;
}

}  // namespace

// Multiply-adds in registers: two operations per lane.
NF_EXPORT double nf_ceiling_fma(int threads, double seconds) {
    constexpr int STEPS = 4096;
    return rate(threads, seconds, 2.0 * STEPS * CHAINS * nf::LANES, [](int64_t, int64_t rounds) {
        F chain[CHAINS];
        for (int i = 0; i < CHAINS; i++) chain[i] = nf::splat(0.1f * float(i));
        const F factor = nf::splat(0.9999f), term = nf::splat(0.0001f);
        for (int64_t n = 0; n < rounds * STEPS; n++)
            for (int i = 0; i < CHAINS; i++) chain[i] = nf::rounded(chain[i] * factor + term);
        keep_sum(chain);
    });
}

// Dot products of bfloat16 pairs added to float32: four operations per lane.
NF_EXPORT double nf_ceiling_dot_bf16(int threads, double seconds) {
#if defined(__AVX512BF16__)
    constexpr int STEPS = 4096;
    return rate(threads, seconds, 4.0 * STEPS * CHAINS * nf::LANES, [](int64_t, int64_t rounds) {
        F chain[CHAINS];
        for (int i = 0; i < CHAINS; i++) chain[i] = nf::splat(0.1f * float(i));
        const __m512bh half = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
        for (int64_t n = 0; n < rounds * STEPS; n++)
            for (int i = 0; i < CHAINS; i++)
                chain[i] = nf::rounded(F(_mm512_dpbf16_ps(__m512(chain[i]), half, half)));
        keep_sum(chain);
    });
#else
    (void)threads, (void)seconds;
    return 0;
#endif
}

// a = b * s + c over arrays of `bytes` together: twelve bytes per element, each thread in its own part.
NF_EXPORT double nf_ceiling_triad(int threads, int64_t bytes, double seconds) {
    const int64_t part = bytes / threads / 12 / nf::LANES * nf::LANES;
    auto arrays = memory<float>(size_t(3 * part * threads));
    if (!arrays || part == 0) return 0;
    return rate(threads, seconds, 12.0 * double(part), [&](int64_t thread, int64_t rounds) {
        float* a = arrays.get() + thread * 3 * part;
        const float *b = a + part, *c = b + part;
        const F factor = nf::splat(1.5f);
        for (int64_t round = 0; round < rounds; round++) {
            for (int64_t i = 0; i < part; i += nf::LANES) nf::store(a + i, nf::load(b + i) * factor + nf::load(c + i));
            keep(a);
        }
    });
}

// Pairs of floats read from random rows of one table that all threads share, by scalar loads of eight bytes.
NF_EXPORT double nf_ceiling_gather(int threads, int64_t bytes, double seconds) {
    const size_t rows = rows_of(bytes);
    auto table = memory<float>(2 * rows);
    const auto order = indices(size_t(CALLS) * size_t(threads), rows);
    if (!table || !order) return 0;
    return rate(threads, seconds, double(CALLS), [&](int64_t thread, int64_t rounds) {
        const uint32_t* row = order.get() + thread * CALLS;
        const float* from = table.get();
        F2 sum[8] = {};
        for (int64_t round = 0; round < rounds; round++) {
            for (int64_t i = 0; i < CALLS; i += 8)
                for (int k = 0; k < 8; k++) sum[k] += nf::load_pair(from + 2 * size_t(row[i + k]));
            keep(round);  // memory may have changed: every round reads again
        }
        keep_sum(sum);
    });
}

// Pairs of floats added to random rows, each thread in a table of its own: so no two write to one place.
NF_EXPORT double nf_ceiling_scatter(int threads, int64_t bytes, double seconds) {
    const size_t rows = rows_of(bytes);
    auto tables = memory<float>(2 * rows * size_t(threads));
    const auto order = indices(size_t(CALLS) * size_t(threads), rows);
    if (!tables || !order) return 0;
    return rate(threads, seconds, double(CALLS), [&](int64_t thread, int64_t rounds) {
        const uint32_t* row = order.get() + thread * CALLS;
        float* to = tables.get() + thread * int64_t(2 * rows);
        const F2 term = {1e-3f, 1e-3f};
        for (int64_t round = 0; round < rounds; round++)
            for (int64_t i = 0; i < CALLS; i++) {
                float* place = to + 2 * size_t(row[i]);
                nf::store_pair(place, nf::load_pair(place) + term);
            }
    });
}
