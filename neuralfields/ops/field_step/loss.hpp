// Output maps and losses on a tile: values and gradients, many points at a time.
#pragma once
#include "mlp/activation.hpp"

namespace nf {

enum Output : int32_t { PLAIN, AFFINE, SINH };  // y = o, scale * o + offset, scale * sinh(o)
// In the order of the reference's LOSSES.
enum Loss : int32_t { L2, RELATIVE_L2, L1, HUBER, MAPE, BCE, CLAMPED_L1 };
constexpr float HUBER_DELTA = 0.1f, SMALL = 0.01f, CLAMP = 0.1f;

NF_INLINE F absolute(F x) { return x < 0.0f ? -x : x; }
NF_INLINE F sign(F x) { return select(x > 0.0f, splat(1.0f), select(x < 0.0f, splat(-1.0f), x)); }

NF_INLINE F clamped(F x) { return x < -CLAMP ? splat(-CLAMP) : x > CLAMP ? splat(CLAMP) : x; }  // NaN stays

// The field's value for the network's, and its derivative.
NF_INLINE F mapped(int32_t output, float scale, float offset, F o, F& slope) {
    if (output == AFFINE) {
        slope = splat(scale);
        return o * scale + offset;
    }
    if (output == SINH) {
        // Near zero the difference of exponentials would lose its digits; far from it, one exponential is the square of
        // that of the half, which is finite as long as the result is, and the other does not count.
        const F size = absolute(o), z = o * o;
        const I far = size > 40.0f;
        const F up = exp(select(far, 0.5f * size, size)), down = 1.0f / up, large = 0.5f * up * up;
        const F series = o * (1.0f + z * (1.0f / 6) * (1.0f + z * (1.0f / 20) * (1.0f + z * (1.0f / 42))));
        const F sinh = select(far, large, 0.5f * (up - down));
        slope = scale * select(far, large, 0.5f * (up + down));
        return scale * select(z < 0.25f, series, o < 0.0f ? -sinh : sinh);
    }
    slope = splat(1.0f);
    return o;
}

// The loss of one prediction and its gradient in it.
NF_INLINE F loss_of(int32_t loss, F prediction, F target, F& gradient) {
    const F error = prediction - target, size = absolute(error);
    switch (loss) {
        case RELATIVE_L2: {
            const F weight = 1.0f / (prediction * prediction + SMALL);  // held fixed
            gradient = 2.0f * error * weight;
            return error * error * weight;
        }
        case L1:
            gradient = sign(error);
            return size;
        case HUBER:
            gradient = select(size <= HUBER_DELTA, error, HUBER_DELTA * sign(error));
            return select(size <= HUBER_DELTA, 0.5f * error * error, HUBER_DELTA * (size - 0.5f * HUBER_DELTA));
        case MAPE: {
            const F weight = 1.0f / (absolute(target) + SMALL);
            gradient = sign(error) * weight;
            return size * weight;
        }
        case BCE:
            gradient = sigmoid(prediction) - target;
            return select(prediction < 0.0f, F{}, prediction) - prediction * target + softplus_of_negative(prediction);
        case CLAMPED_L1: {
            const F between = clamped(prediction) - clamped(target);
            gradient = select(absolute(prediction) > CLAMP, F{}, sign(between));
            return absolute(between);
        }
        default:
            gradient = 2.0f * error;
            return error * error;
    }
}

}  // namespace nf
