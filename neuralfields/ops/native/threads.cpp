#include "native/threads.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <system_error>
#include <thread>

namespace nf {
namespace {

constexpr auto SPIN = std::chrono::microseconds(50);  // then the thread sleeps: others may want the core

inline void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Waits until the value is no longer `old`: awake for a moment, then asleep.
template <class T>
void wait_while(std::atomic<T>& value, T old) {
    const auto end = std::chrono::steady_clock::now() + SPIN;
    do {
        for (int i = 0; i < 32; i++) {
            if (value.load(std::memory_order_acquire) != old) return;
            pause();
        }
    } while (std::chrono::steady_clock::now() < end);
    value.wait(old, std::memory_order_acquire);
}

struct Pool {
    std::atomic<bool> taken{false};  // one loop at a time
    int workers = 0;

    // The loop under way; set while `open` is false.
    void (*run)(void*, int64_t) = nullptr;
    void* context = nullptr;
    int64_t count = 0;
    int helpers = 0;  // workers 0 … helpers - 1 take part

    alignas(64) std::atomic<uint32_t> round{0};  // grows with every loop: what workers wait for
    alignas(64) std::atomic<int64_t> next{0};
    alignas(64) std::atomic<int32_t> active{0};  // workers that may be looking at the loop
    std::atomic<bool> open{false};

    void work(int id) {
        uint32_t seen = 0;
        for (;;) {
            wait_while(round, seen);
            seen = round.load(std::memory_order_acquire);
            // Announced before looking: the caller does not return while somebody may still see its loop.
            active.fetch_add(1);
            if (open.load() && id < helpers) share();
            if (active.fetch_sub(1) == 1) active.notify_all();
        }
    }

    void share() {
        for (int64_t i; (i = next.fetch_add(1)) < count;) run(context, i);
    }

    void loop(int threads, int64_t n, void (*body)(void*, int64_t), void* data) {
        try {
            for (; workers < threads - 1; workers++) std::thread([this, id = workers] { work(id); }).detach();
        } catch (const std::system_error&) {
            // No more threads are to be had: those that are there do the work.
        }
        run = body, context = data, count = n, helpers = threads - 1;
        next.store(0);
        open.store(true);
        round.fetch_add(1);
        round.notify_all();
        share();
        open.store(false);
        for (int32_t busy; (busy = active.load()) != 0;) wait_while(active, busy);
    }
};

std::atomic<Pool*> pool{nullptr};

// Threads do not survive a fork: the child starts with a pool of its own, the old one is left as it is.
Pool* current() {
    static const int once = pthread_atfork(nullptr, nullptr, [] { pool.store(nullptr); });
    (void)once;
    Pool* here = pool.load();
    if (here) return here;
    Pool* made = new Pool;  // never destroyed: its threads may outlive main
    if (pool.compare_exchange_strong(here, made)) return made;
    delete made;
    return here;
}

}  // namespace

void parallel(int threads, int64_t count, void (*run)(void*, int64_t), void* context) {
    if (threads > 1 && count > 1) {
        Pool* here = current();
        // A second caller at the same time, or a loop within a loop, goes alone.
        if (!here->taken.exchange(true, std::memory_order_acquire)) {
            here->loop(threads, count, run, context);
            here->taken.store(false, std::memory_order_release);
            return;
        }
    }
    for (int64_t i = 0; i < count; i++) run(context, i);
}

}  // namespace nf
