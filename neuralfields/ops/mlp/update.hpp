// The update of a network's parameters from the gradients that groups of points have summed.
#pragma once
#include <cstdint>

#include "adam/adam.hpp"
#include "mlp/network.hpp"
#include "native/scratch.hpp"

namespace nf {

// Moments of one parameter and the number of its next update; mirrored by ctypes.
struct Moments {
    float *parameter, *mean, *square;
    int64_t step;
};

// Independent tasks: the rows of the weights, then the biases.
struct NetworkUpdate {
    const Network& net;
    const Gradients& places;
    const Adam& adam;
    const Moments *weights, *biases;  // one per map; biases may be null
    const float* parts;               // of the first group; the next one's come `part_size` later
    int64_t part_size, groups;

    int64_t tasks() const {
        int64_t count = biases ? net.maps : 0;
        for (int k = 0; k < net.maps; k++) count += row_tasks(k);
        return count;
    }

    void run(int64_t task) const {
        int k = 0;
        for (; k < net.maps && task >= row_tasks(k); k++) task -= row_tasks(k);
        if (k == net.maps) {
            const int64_t count = net.map[task].out;
            return update(biases[task], parts + places.bias[task], round_up(count, 16), count, 0, 1);
        }
        const Map& map = net.map[k];
        const int64_t begin = task * ROWS, end = begin + ROWS < map.out ? begin + ROWS : map.out;
        update(weights[k], parts + places.weight[k], round_up(map.in, LANES), map.in, begin, end);
    }

private:
    static constexpr int64_t ROWS = 64;  // of a weight matrix per task

    int64_t row_tasks(int k) const { return (net.map[k].out + ROWS - 1) / ROWS; }

    // Rows of `columns` values, which are `wide` apart in the groups' sums.
    void update(const Moments& to, const float* sums, int64_t wide, int64_t columns, int64_t begin, int64_t end) const {
        float* gradient = thread_scratch(round_up(columns, LANES));
        for (int64_t row = begin; row < end; row++) {
            for (int64_t i = 0; i < columns; i += LANES) {
                F total = {};
                for (int64_t g = 0; g < groups; g++) total += load(sums + g * part_size + row * wide + i);
                store(gradient + i, total);
            }
            const int64_t at = row * columns;
            adam_dense(adam, to.step, columns, gradient, to.parameter + at, to.mean + at, to.square + at);
        }
    }
};

}  // namespace nf
