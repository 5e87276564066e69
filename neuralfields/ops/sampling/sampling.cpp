// Samples of a regular array: a keyed order to draw them in, the centres of their cells, their stored numbers as
// floats.
//
// Whole numbers up to 2^51 are divided in double precision, vectors of 64-bit lanes at a time. Every element is
// computed on its own, so results depend neither on the threads nor on the width of the vectors.
#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>

#include "native/export.hpp"
#include "native/simd.hpp"
#include "native/threads.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr int WIDE = nf::LANES / 2;  // lanes of 64 bits
typedef uint64_t W __attribute__((vector_size(8 * WIDE)));
typedef int64_t S __attribute__((vector_size(8 * WIDE)));
typedef double D __attribute__((vector_size(8 * WIDE)));
typedef uint32_t N __attribute__((vector_size(8 * WIDE)));  // the lanes' halves
typedef float H __attribute__((vector_size(4 * WIDE)));

constexpr int BLOCK = 128;          // samples that are worked on at a time, in the first cache
constexpr int64_t PART = 2048;      // samples that one thread takes at a time
constexpr uint64_t LOW = 0xffffffff;
constexpr double TWO52 = 0x1p52;    // a double from 2^52 on holds a whole number in its lower 52 bits
constexpr uint64_t TWO52_BITS = 0x4330000000000000;

NF_INLINE W splat(uint64_t value) { return value - W{}; }
NF_INLINE D splat(double value) { return value - D{}; }

NF_INLINE W load(const uint64_t* from) {
    W value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
NF_INLINE void store(uint64_t* to, W value) { std::memcpy(to, &value, sizeof value); }

// Products of the lower 32 bits of each lane.
NF_INLINE W low_product(W x, W y) {
#if defined(__AVX512F__)
    return (W)_mm512_maskz_mul_epu32(0xff, (__m512i)x, (__m512i)y);  // the plain one makes GCC 12 warn
#elif defined(__AVX2__)
    return (W)_mm256_mul_epu32((__m256i)x, (__m256i)y);
#elif defined(__x86_64__)
    return (W)_mm_mul_epu32((__m128i)x, (__m128i)y);
#else
    return (x & LOW) * (y & LOW);
#endif
}

// Whole numbers below 2^52.
NF_INLINE D to_double(W value) { return (D)(value | TWO52_BITS) - TWO52; }

// value / d and value % d of numbers below 2^51. The rounded quotient in double precision is right or one too large.
NF_INLINE W divide(W value, W d, D inverse, W& rest) {
    W quotient = (W)(to_double(value) * inverse + TWO52) & ~TWO52_BITS;
    S left = (S)(value - quotient * d);
    W beyond = (W)(left < 0);
    rest = (W)left + (d & beyond);
    return quotient + beyond;
}

// value modulo m for values below 2 m <= 2^32, in the lower halves of the lanes; what wraps around is the larger one.
NF_INLINE W reduced(W value, W m) {
    const N left = (N)value - (N)m;
    return (W)(left < (N)value ? left : (N)value);
}

// The rest of any 64-bit number after division by m <= 2^20.
struct Modulus {
    W m, rest32;  // rest32 = 2^32 modulo m
    D inverse;

    explicit Modulus(uint64_t m) : m(splat(m)), rest32(splat((uint64_t{1} << 32) % m)), inverse(splat(1.0 / m)) {}

    NF_INLINE W operator()(W value) const {
        // Another number with the same rest, below 2^52, and its rounded quotient: what is left is from -m/2 to m/2.
        const W folded = low_product(value >> 32, rest32) + (value & LOW);
        const W quotient = (W)(to_double(folded) * inverse + TWO52);
        const N left = (N)(folded - low_product(quotient, m)), more = left + (N)m;
        return (W)(more < left ? more : left) & LOW;
    }
};

}  // namespace

namespace nf {

// A keyed bijection of {0, …, count - 1}, as reference.py lays it out: a Feistel network over a x b >= count places.
struct Order {
    uint64_t count, a, b, keys[6];
};

}  // namespace nf

namespace {

class Permutation {
public:
    explicit Permutation(const nf::Order& order) : order(order), a(order.a), b(order.b) {}

    void apply(uint64_t (&block)[BLOCK]) const {
        once(block);
        // Places from `count` on are walked through until they lead below it; the others stay.
        for (uint64_t next[BLOCK]; outside(block);) {
            std::memcpy(next, block, sizeof next);
            once(next);
            for (int i = 0; i < BLOCK; i++)
                if (block[i] >= order.count) block[i] = next[i];
        }
    }

private:
    // Round by round over the block: the chain of one place is long, those of many places run side by side.
    void once(uint64_t (&block)[BLOCK]) const {
        uint64_t low[BLOCK];
        for (int i = 0; i < BLOCK; i += WIDE) {
            W rest;
            store(block + i, divide(load(block + i), a.m, a.inverse, rest));
            store(low + i, rest);
        }
        for (int round = 0; round < 6; round += 2) {
            add_mixed(low, block, order.keys[round], a);
            add_mixed(block, low, order.keys[round + 1], b);
        }
        for (int i = 0; i < BLOCK; i += WIDE) store(block + i, low_product(load(block + i), a.m) + load(low + i));
    }

    static NF_INLINE void add_mixed(uint64_t* to, const uint64_t* from, uint64_t key, Modulus modulus) {
        for (int i = 0; i < BLOCK; i += WIDE)
            store(to + i, reduced(load(to + i) + modulus(mixed(load(from + i), key)), modulus.m));
    }

    static NF_INLINE W mixed(W value, uint64_t key) {
        value = (value ^ key) * 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 29)) * 0xBF58476D1CE4E5B9;
        return value ^ (value >> 32);
    }

    bool outside(const uint64_t (&block)[BLOCK]) const {
        S found = {};
        for (int i = 0; i < BLOCK; i += WIDE) found |= (S)(load(block + i)) >= (S)splat(order.count);
        int64_t any = 0;
        for (int i = 0; i < WIDE; i++) any |= found[i];
        return any;
    }

    const nf::Order& order;
    Modulus a, b;
};

// Calls body(start, end) for parts of [0, n), always the same ones.
template <class Body>
void in_parts(int threads, int64_t n, Body&& body) {
    nf::parallel(threads, (n + PART - 1) / PART,
                 [&](int64_t part) { body(part * PART, std::min(n, (part + 1) * PART)); });
}

}  // namespace

// index[i] = the number first + i after each of the orders.
NF_EXPORT void nf_shuffled(int32_t threads, int64_t first, int64_t n, const nf::Order* orders, int64_t count,
                           int64_t* index) {
    in_parts(threads, n, [&](int64_t start, int64_t end) {
        for (int64_t at = start; at < end; at += BLOCK) {
            const int64_t here = std::min<int64_t>(BLOCK, end - at);
            uint64_t block[BLOCK];
            // Beyond the end the last number is repeated: one that every order can take.
            for (int64_t i = 0; i < BLOCK; i++) block[i] = first + at + std::min(i, here - 1);
            for (int64_t k = 0; k < count; k++) Permutation(orders[k]).apply(block);
            std::memcpy(index + at, block, here * sizeof *index);
        }
    });
}

// x[k][i] = centre of the cell index[i] along the k-th axis from the last.
NF_EXPORT void nf_cell_centres(int32_t threads, const int64_t* index, int64_t n, const int64_t* lengths, int64_t axes,
                               float* x) {
    in_parts(threads, n, [&](int64_t start, int64_t end) {
        for (int64_t at = start; at < end; at += WIDE) {
            const int64_t here = std::min<int64_t>(WIDE, end - at);
            W place = {};
            if (here == WIDE) {
                std::memcpy(&place, index + at, sizeof place);
            } else {
                std::memcpy(&place, index + at, here * sizeof *index);
            }
            for (int64_t k = 0; k < axes; k++) {
                const int64_t length = lengths[axes - 1 - k];
                const D real = splat(double(length));
                W i;
                place = divide(place, splat(uint64_t(length)), 1.0 / real, i);
                const H centre = __builtin_convertvector(to_double(2 * i + 1) / real - 1.0, H);
                if (here == WIDE) {
                    std::memcpy(x + k * n + at, &centre, sizeof centre);
                } else {
                    std::memcpy(x + k * n + at, &centre, here * sizeof *x);
                }
            }
        }
    });
}

namespace {

// float16 as float32, in whole numbers: exact whatever the processor does with the smallest floats.
NF_INLINE float from_half(uint32_t half) {
    const uint32_t moved = (half & 0x7fff) << 13, exponent = half & 0x7c00;
    const uint32_t normal = moved + (112u << 23), special = moved | 0x7f800000;
    const float subnormal = float(half & 0x3ff) * 0x1p-24f;
    const uint32_t bits = exponent == 0        ? std::bit_cast<uint32_t>(subnormal)
                          : exponent == 0x7c00 ? special
                                               : normal;
    return std::bit_cast<float>(bits | (half & 0x8000) << 16);
}

NF_INLINE float to_float(uint8_t, uint32_t bits) { return float(int32_t(bits)) / 255.0f; }
NF_INLINE float to_float(uint16_t, uint32_t bits) { return float(int32_t(bits)) / 65535.0f; }
NF_INLINE float to_float(int16_t, uint32_t bits) { return from_half(bits); }
NF_INLINE float to_float(float, uint32_t bits) { return std::bit_cast<float>(bits); }

template <class T>
NF_INLINE uint32_t bits_of(T stored) {
    if constexpr (sizeof(T) == 4) return std::bit_cast<uint32_t>(stored);
    if constexpr (sizeof(T) == 2) return uint16_t(stored);
    return uint32_t(stored);
}

// Rows are gathered as bits into a block, which is then turned into floats in one go. CHANNELS 0 is any number.
template <class T, int CHANNELS>
bool take(const T* stored, int64_t rows, int64_t any_channels, const int64_t* index, int64_t n, float* values) {
    const int64_t channels = CHANNELS ? CHANNELS : any_channels;
    uint32_t bits[BLOCK * (CHANNELS ? CHANNELS : 1)];
    const int64_t step = CHANNELS ? BLOCK : 1;
    for (int64_t at = 0; at < n; at += step) {
        const int64_t here = std::min(step, n - at);
        for (int64_t i = 0; i < here; i++)
            if (uint64_t(index[at + i]) >= uint64_t(rows)) return false;
        float* to = values + at * channels;
        if constexpr (CHANNELS == 0) {
            const T* row = stored + index[at] * channels;
            for (int64_t c = 0; c < channels; c++) to[c] = to_float(T{}, bits_of(row[c]));
        } else {
            for (int64_t i = 0; i < here; i++)
                for (int c = 0; c < CHANNELS; c++)
                    bits[i * CHANNELS + c] = bits_of(stored[index[at + i] * CHANNELS + c]);
            for (int64_t i = 0; i < here * CHANNELS; i++) to[i] = to_float(T{}, bits[i]);
        }
    }
    return true;
}

template <class T>
bool take_some(const void* stored, int64_t rows, int64_t channels, const int64_t* index, int64_t n, float* values) {
    constexpr decltype(&take<T, 0>) widths[] = {take<T, 0>, take<T, 1>, take<T, 2>, take<T, 3>, take<T, 4>};
    return widths[channels <= 4 ? channels : 0](static_cast<const T*>(stored), rows, channels, index, n, values);
}

}  // namespace

// values[i] = row index[i] of `stored` as floats; kinds: uint8, uint16, float16, float32. Returns whether an index is
// out of range.
NF_EXPORT int32_t nf_take_values(int32_t threads, int32_t kind, const void* stored, int64_t rows, int64_t channels,
                                 const int64_t* index, int64_t n, float* values) {
    constexpr decltype(&take_some<float>) kinds[] = {take_some<uint8_t>, take_some<uint16_t>, take_some<int16_t>,
                                                     take_some<float>};
    std::atomic<bool> good{true};
    in_parts(threads, n, [&](int64_t start, int64_t end) {
        if (!kinds[kind](stored, rows, channels, index + start, end - start, values + start * channels)) good = false;
    });
    return !good;
}
