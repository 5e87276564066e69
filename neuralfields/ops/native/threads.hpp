// A pool of threads for short parallel loops.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace nf {

// Calls run(context, i) for i in [0, count), each once, on at most `threads` threads, and returns when all are done.
// Who calls which i is open, so every i must have its own place for its results: then they never depend on the threads.
void parallel(int threads, int64_t count, void (*run)(void*, int64_t), void* context);

template <class Body>
void parallel(int threads, int64_t count, Body&& body) {
    const auto run = [](void* context, int64_t i) { (*static_cast<std::remove_reference_t<Body>*>(context))(i); };
    parallel(threads, count, run, const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace nf
