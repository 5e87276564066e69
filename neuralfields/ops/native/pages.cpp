#include <sys/mman.h>

#include <cstdint>

#include "native/export.hpp"

// Asks for large pages under the whole ones within [memory, memory + size). It is advice: refusals do not matter.
NF_EXPORT void nf_huge_pages(void* memory, int64_t size, int64_t) {
    constexpr uintptr_t PAGE = uintptr_t(1) << 21;
    const uintptr_t begin = (reinterpret_cast<uintptr_t>(memory) + PAGE - 1) / PAGE * PAGE;
    const uintptr_t end = (reinterpret_cast<uintptr_t>(memory) + size) / PAGE * PAGE;
    if (begin >= end) return;
#ifdef MADV_HUGEPAGE
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25  // Linux 6.1: what has been touched already is moved
#endif
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_COLLAPSE);
#endif
}
