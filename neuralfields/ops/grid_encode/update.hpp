// The update of a table right behind its gradient, level by level: no dense gradient of the whole table exists.
#pragma once
#include <cstdint>

#include "adam/adam.hpp"
#include "grid_encode/grid.hpp"
#include "native/slots.hpp"

namespace nf {

inline int64_t widest_level(const Level* level, int levels, int features) {
    int64_t most = 0;
    for (int l = 0; l < levels; l++) most = level[l].size > most ? level[l].size : most;
    return most * features;
}

// How many levels are scattered at the same time, each in memory of its own.
inline int level_slots(int levels, int threads) { return threads < levels ? threads : levels; }

// A table with what Adam knows of its rows.
struct TableUpdate {
    const Level* level;
    int features;
    const Adam& adam;
    float *table, *mean, *square;
    int32_t* steps;

    // scatter(gradient) adds the gradient of level l where all is zero.
    template <class Scatter>
    void run(int64_t l, Slots& slots, Scatter&& scatter) const {
        const Level& at = level[l];
        const int64_t first = at.start * features;
        slots.with([&](float* gradient) {
            scatter(gradient);
            adam_rows<true>(adam, at.size, features, gradient, table + first, mean + first, square + first,
                            steps + at.start);
        });
    }
};

}  // namespace nf
