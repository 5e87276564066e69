"""Steps of a fit on one thread and on all, with and without another process on one of the cores, taking turns.

A pool whose threads wait for each other can be slower than one thread when one of its cores is taken away in turns.
"""

import os
import statistics
import time
from contextlib import nullcontext

import torch
from machine import arguments, write
from skimage.data import astronaut
from waiting import busy

import neuralfields as nf

_STEPS = 60  # per turn, about 50 ms


def main() -> None:
    parser = arguments(__doc__ or "", "sharing.json")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    image = nf.signals.Image.from_array(astronaut())
    recipe = nf.recipes.image(image)
    steps = nf.steps(recipe.field, image, **(recipe.settings | {"steps": 10**9, "decay": None}))
    counts = (1, os.cpu_count() or 1)
    rows = {}
    for name, others in (("idle machine", nullcontext), ("one core busy", busy)):
        taken: dict[int, list[float]] = {count: [] for count in counts}
        with others():
            for turn in range(options.rounds + 1):
                for count in counts:
                    torch.set_num_threads(count)
                    next(steps)  # the working memory is for a number of threads
                    began = time.perf_counter()
                    for _ in range(_STEPS):
                        next(steps)
                    if turn:
                        taken[count].append((time.perf_counter() - began) / _STEPS)
        for count, times in taken.items():
            row = {"median_ms": 1e3 * statistics.median(times), "ms": [1e3 * value for value in times]}
            rows[f"{count} threads, {name}"] = row
            print(f"{count} threads, {name}: {row['median_ms']:.2f} ms a step")
    write(options.out, rows)


if __name__ == "__main__":
    main()
