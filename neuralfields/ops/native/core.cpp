// What the loader asks a library before anything else, and a way for tests to the threads.
#include <cstdint>

#include "native/export.hpp"
#include "native/threads.hpp"

// Grows when functions of the library change their arguments or their meaning; __init__.py holds the same number.
NF_EXPORT int32_t nf_abi() { return 1; }

// Adds one to every visits[i], i < count.
NF_EXPORT void nf_visit(int32_t threads, int64_t count, int64_t* visits) {
    nf::parallel(threads, count, [&](int64_t i) { visits[i]++; });
}
