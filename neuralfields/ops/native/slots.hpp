// Memory that running tasks share out among themselves.
#pragma once
#include <atomic>
#include <cstdint>

namespace nf {

// Gives each running task memory of its own. All of it is zero between uses, so it does not matter which.
class Slots {
public:
    Slots(float* memory, int64_t size, int count) : memory_(memory), size_(size), count_(count) {}
    template <class Body>
    void with(Body&& body) {
        int slot = 0;
        while (taken_[slot].exchange(true)) slot = (slot + 1) % count_;
        body(memory_ + slot * size_);
        taken_[slot].store(false);
    }
    static constexpr int MOST = 256;

private:
    float* memory_;
    int64_t size_;
    int count_;
    std::atomic<bool> taken_[MOST] = {};
};

inline int limited(int64_t threads) { return threads < Slots::MOST ? int(threads) : Slots::MOST; }

}  // namespace nf
