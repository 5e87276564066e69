#include "adam/adam.hpp"

#include "native/export.hpp"
#include "native/threads.hpp"

namespace nf {

NF_EXPORT void nf_adam(const Adam* adam, int64_t step, int64_t count, const float* gradient, float* parameter,
                       float* mean, float* square, int64_t threads) {
    constexpr int64_t PART = 1 << 16;
    parallel(threads, (count + PART - 1) / PART, [&](int64_t task) {
        const int64_t i = task * PART;
        adam_dense(*adam, step, count - i < PART ? count - i : PART, gradient + i, parameter + i, mean + i, square + i);
    });
}

NF_EXPORT void nf_lazy_adam(const Adam* adam, int64_t rows, int64_t features, const float* gradient, float* parameter,
                            float* mean, float* square, int32_t* steps, int64_t threads) {
    constexpr int64_t PART = 1 << 14;
    parallel(threads, (rows + PART - 1) / PART, [&](int64_t task) {
        const int64_t row = task * PART, i = row * features;
        adam_rows<false>(*adam, rows - row < PART ? rows - row : PART, features, const_cast<float*>(gradient) + i,
                         parameter + i, mean + i, square + i, steps + row);
    });
}

}  // namespace nf
