// Memory for intermediate values, aligned to cache lines.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace nf {

struct Free {
    void operator()(void* memory) const { std::free(memory); }
};
using Floats = std::unique_ptr<float[], Free>;

constexpr int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

inline Floats allocate(int64_t count) {
    void* memory = std::aligned_alloc(64, round_up(count * 4 + 64, 64));
    if (!memory) std::abort();  // a few megabytes: there is nothing sensible left to do
    return Floats(static_cast<float*>(memory));
}

// The calling thread's own memory, kept from call to call; its contents are whatever was there.
inline float* thread_scratch(int64_t count) {
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
