// Memory for intermediate values, aligned to cache lines.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace nf {

struct Free {
    void operator()(void* memory) const { std::free(memory); }
};
using Floats = std::unique_ptr<float[], Free>;

constexpr int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// Room for `count` floats. Without memory the process ends, with a message: the callers are threads in the middle of a
// loop, and what they ask for is bounded, tens of megabytes for a thread's tile and what `Groups` says for gradients.
inline Floats allocate(int64_t count) {
    void* memory = std::aligned_alloc(64, round_up(count * 4 + 64, 64));
    if (!memory) {
        std::fprintf(stderr, "neuralfields: no memory for %lld intermediate values\n", static_cast<long long>(count));
        std::abort();
    }
    return Floats(static_cast<float*>(memory));
}

// The calling thread's own memory, kept from call to call; its contents are whatever was there. Each USE has its own.
template <int USE = 0>
float* thread_scratch(int64_t count) {
    thread_local Floats kept;
    thread_local int64_t size = 0;
    if (size < count) {
        kept.reset();
        kept = allocate(count);
        size = count;
    }
    return kept.get();
}

}  // namespace nf
