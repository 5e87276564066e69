// Vectors of float, int32 and uint32 as wide as the target's registers, in GCC's and clang's vector extensions.
//
// Everything below is plain arithmetic: the same source serves x86-64 from SSE4 to AVX-512 and aarch64.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__AVX512F__)
#define NF_LANES 16
#elif defined(__AVX2__)
#define NF_LANES 8
#else
#define NF_LANES 4
#endif

#define NF_INLINE inline __attribute__((always_inline))
#if __has_attribute(noipa)
#define NF_APART __attribute__((noipa))  // compiled once, for all who call it
#else
#define NF_APART __attribute__((noinline))
#endif
#define NF_INLINED __attribute__((always_inline))  // of a lambda

namespace nf {

constexpr int LANES = NF_LANES;

typedef float F __attribute__((vector_size(4 * NF_LANES)));
typedef int32_t I __attribute__((vector_size(4 * NF_LANES)));
typedef uint32_t U __attribute__((vector_size(4 * NF_LANES)));
typedef int64_t I64 __attribute__((vector_size(4 * NF_LANES)));
typedef int32_t IHalf __attribute__((vector_size(2 * NF_LANES)));  // one for each pair of lanes
typedef float F2 __attribute__((vector_size(8)));                  // one pair of floats

NF_INLINE F splat(float value) { return value - F{}; }
NF_INLINE U splat(uint32_t value) { return value - U{}; }
NF_INLINE F to_float(I value) { return __builtin_convertvector(value, F); }
NF_INLINE I truncated(F value) { return __builtin_convertvector(value, I); }
NF_INLINE F select(I mask, F yes, F no) { return mask ? yes : no; }

// Memory need not be aligned.
NF_INLINE F load(const float* from) {
    F value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
NF_INLINE void store(float* to, F value) { std::memcpy(to, &value, sizeof value); }
NF_INLINE void store(uint32_t* to, U value) { std::memcpy(to, &value, sizeof value); }

// The first `count` lanes only; the others are zero, or stay as they are in memory.
NF_INLINE F load(const float* from, int count) {
    if (count >= LANES) return load(from);
    F value = {};
    std::memcpy(&value, from, count * sizeof(float));
    return value;
}
NF_INLINE void store(float* to, F value, int count) {
    if (count >= LANES) return store(to, value);
    std::memcpy(to, &value, count * sizeof(float));
}
NF_INLINE F2 load_pair(const float* from) {
    F2 value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
NF_INLINE void store_pair(float* to, F2 value) { std::memcpy(to, &value, sizeof value); }

// Keeps the compiler from taking lanes out of registers, one by one, that were stored to be read back from memory.
NF_INLINE void settled(const void* memory) { asm volatile("" : : "r"(memory) : "memory"); }

// Keeps the compiler from fusing the multiplication before with the addition after.
NF_INLINE F rounded(F value) {
#if defined(__x86_64__)
    asm("" : "+v"(value));
#elif defined(__aarch64__)
    asm("" : "+w"(value));
#endif
    return value;
}

NF_INLINE double rounded(double value) {
#if defined(__x86_64__)
    asm("" : "+x"(value));
#elif defined(__aarch64__)
    asm("" : "+w"(value));
#endif
    return value;
}

// Whether any lane of a comparison's result is set.
NF_INLINE bool any(I mask) {
#if defined(__clang__)
    return __builtin_reduce_or(mask) != 0;
#elif defined(__AVX512F__)
    return __builtin_ia32_ptestmd512(mask, mask, -1) != 0;
#elif defined(__AVX2__)
    return __builtin_ia32_movmskps256((F)mask) != 0;
#elif defined(__x86_64__)
    return __builtin_ia32_movmskps((F)mask) != 0;
#else
    int32_t all = 0;
    for (int i = 0; i < LANES; i++) all |= mask[i];
    return all != 0;
#endif
}

NF_INLINE F sqrt(F value) {
#if defined(__x86_64__) && defined(__AVX__)
    asm("vsqrtps %1, %0" : "=v"(value) : "v"(value));
#elif defined(__x86_64__)
    asm("sqrtps %1, %0" : "=x"(value) : "x"(value));
#elif defined(__aarch64__)
    asm("fsqrt %0.4s, %1.4s" : "=w"(value) : "w"(value));
#else
    for (int i = 0; i < LANES; i++) value[i] = __builtin_sqrtf(value[i]);
#endif
    return value;
}

NF_INLINE float sum(F value) {
    float total = 0;
    for (int i = 0; i < LANES; i++) total += value[i];
    return total;
}

#if defined(__clang__) || __GNUC__ >= 12
#define NF_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
// The mask has lanes as wide as the values.
#define NF_SHUFFLE(a, b, ...) \
    __builtin_shuffle(a, b, (std::conditional_t<sizeof((a)[0]) == 8, nf::I64, nf::I>){__VA_ARGS__})
#endif

// (a0 b0 a1 b1 …) of the lower and of the upper half, and back.
#if NF_LANES == 16
NF_INLINE F interleave_low(F a, F b) {
    return NF_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
NF_INLINE F interleave_high(F a, F b) {
    return NF_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
NF_INLINE F even(F a, F b) { return NF_SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30); }
NF_INLINE F odd(F a, F b) { return NF_SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31); }
#elif NF_LANES == 8
NF_INLINE F interleave_low(F a, F b) { return NF_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
NF_INLINE F interleave_high(F a, F b) { return NF_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
NF_INLINE F even(F a, F b) { return NF_SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14); }
NF_INLINE F odd(F a, F b) { return NF_SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15); }
#else
NF_INLINE F interleave_low(F a, F b) { return NF_SHUFFLE(a, b, 0, 4, 1, 5); }
NF_INLINE F interleave_high(F a, F b) { return NF_SHUFFLE(a, b, 2, 6, 3, 7); }
NF_INLINE F even(F a, F b) { return NF_SHUFFLE(a, b, 0, 2, 4, 6); }
NF_INLINE F odd(F a, F b) { return NF_SHUFFLE(a, b, 1, 3, 5, 7); }
#endif

// Each even lane twice, each odd lane twice, and neighbouring lanes exchanged.
#if NF_LANES == 16
NF_INLINE F even_twice(F a) { return NF_SHUFFLE(a, a, 0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14); }
NF_INLINE F odd_twice(F a) { return NF_SHUFFLE(a, a, 1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15); }
NF_INLINE I swapped(I a) { return NF_SHUFFLE(a, a, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14); }
#elif NF_LANES == 8
NF_INLINE F even_twice(F a) { return NF_SHUFFLE(a, a, 0, 0, 2, 2, 4, 4, 6, 6); }
NF_INLINE F odd_twice(F a) { return NF_SHUFFLE(a, a, 1, 1, 3, 3, 5, 5, 7, 7); }
NF_INLINE I swapped(I a) { return NF_SHUFFLE(a, a, 1, 0, 3, 2, 5, 4, 7, 6); }
#else
NF_INLINE F even_twice(F a) { return NF_SHUFFLE(a, a, 0, 0, 2, 2); }
NF_INLINE F odd_twice(F a) { return NF_SHUFFLE(a, a, 1, 1, 3, 3); }
NF_INLINE I swapped(I a) { return NF_SHUFFLE(a, a, 1, 0, 3, 2); }
#endif

// Pairs of floats from memory into neighbouring lanes; a scalar load each is faster than vector gathers.
typedef double Pairs __attribute__((vector_size(4 * NF_LANES)));

NF_INLINE double pair_at(const float* from) {
    double value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

// The pairs at from + at[i] for LANES / 2 offsets.
NF_INLINE F gather_pairs(const float* from, const uint32_t* at) {
#if NF_LANES == 16
    return (F)Pairs{pair_at(from + at[0]), pair_at(from + at[1]), pair_at(from + at[2]), pair_at(from + at[3]),
                    pair_at(from + at[4]), pair_at(from + at[5]), pair_at(from + at[6]), pair_at(from + at[7])};
#elif NF_LANES == 8
    return (F)Pairs{pair_at(from + at[0]), pair_at(from + at[1]), pair_at(from + at[2]), pair_at(from + at[3])};
#else
    return (F)Pairs{pair_at(from + at[0]), pair_at(from + at[1])};
#endif
}

// The same with four floats at a time: of neighbours in memory.
typedef float F4 __attribute__((vector_size(16)));

NF_INLINE F4 load_four(const float* from) {
    F4 value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
NF_INLINE void store_four(float* to, F4 value) { std::memcpy(to, &value, sizeof value); }

#if defined(__clang__) || __GNUC__ >= 12
#define NF_FOURS 1
// The fours at from + at[i] for LANES / 4 offsets.
NF_INLINE F gather_fours(const float* from, const uint32_t* at) {
#if NF_LANES == 16
    typedef float F8 __attribute__((vector_size(32)));
    const F8 low = NF_SHUFFLE(load_four(from + at[0]), load_four(from + at[1]), 0, 1, 2, 3, 4, 5, 6, 7);
    const F8 high = NF_SHUFFLE(load_four(from + at[2]), load_four(from + at[3]), 0, 1, 2, 3, 4, 5, 6, 7);
    return NF_SHUFFLE(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#elif NF_LANES == 8
    return NF_SHUFFLE(load_four(from + at[0]), load_four(from + at[1]), 0, 1, 2, 3, 4, 5, 6, 7);
#else
    return load_four(from + at[0]);
#endif
}
#endif

// As interleave and even / odd, for pairs of lanes.
#if NF_LANES == 16
NF_INLINE Pairs pairs_low(F a, F b) { return NF_SHUFFLE((Pairs)a, (Pairs)b, 0, 8, 1, 9, 2, 10, 3, 11); }
NF_INLINE Pairs pairs_high(F a, F b) { return NF_SHUFFLE((Pairs)a, (Pairs)b, 4, 12, 5, 13, 6, 14, 7, 15); }
NF_INLINE Pairs pairs_even(F a, F b) { return NF_SHUFFLE((Pairs)a, (Pairs)b, 0, 2, 4, 6, 8, 10, 12, 14); }
NF_INLINE Pairs pairs_odd(F a, F b) { return NF_SHUFFLE((Pairs)a, (Pairs)b, 1, 3, 5, 7, 9, 11, 13, 15); }
#elif NF_LANES == 8
NF_INLINE Pairs pairs_low(F a, F b) { return NF_SHUFFLE((Pairs)a, (Pairs)b, 0, 4, 1, 5); }
NF_INLINE Pairs pairs_high(F a, F b) { return NF_SHUFFLE((Pairs)a, (Pairs)b, 2, 6, 3, 7); }
NF_INLINE Pairs pairs_even(F a, F b) { return NF_SHUFFLE((Pairs)a, (Pairs)b, 0, 2, 4, 6); }
NF_INLINE Pairs pairs_odd(F a, F b) { return NF_SHUFFLE((Pairs)a, (Pairs)b, 1, 3, 5, 7); }
#else
NF_INLINE Pairs pairs_low(F a, F b) { return NF_SHUFFLE((Pairs)a, (Pairs)b, 0, 2); }
NF_INLINE Pairs pairs_high(F a, F b) { return NF_SHUFFLE((Pairs)a, (Pairs)b, 1, 3); }
NF_INLINE Pairs pairs_even(F a, F b) { return NF_SHUFFLE((Pairs)a, (Pairs)b, 0, 2); }
NF_INLINE Pairs pairs_odd(F a, F b) { return NF_SHUFFLE((Pairs)a, (Pairs)b, 1, 3); }
#endif

// A square of LANES x LANES values, in registers: each round interleaves the upper rows with the lower ones.
NF_INLINE void transpose(F (&rows)[LANES]) {
    for (int round = 1; round < LANES; round *= 2) {
        F next[LANES];
        for (int i = 0; i < LANES / 2; i++) {
            next[2 * i] = interleave_low(rows[i], rows[i + LANES / 2]);
            next[2 * i + 1] = interleave_high(rows[i], rows[i + LANES / 2]);
        }
        for (int i = 0; i < LANES; i++) rows[i] = next[i];
    }
}

}  // namespace nf
