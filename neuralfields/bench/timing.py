"""Times of several ways to do one thing, taken in turns so that a noisy moment hits all of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How much time one comparison may take: at least ``least`` rounds, then up to ``most`` within ``seconds``."""

    seconds: float = 3.0
    least: int = 3
    most: int = 25


QUICK = Effort(0.05, 2, 3)


def interleaved(ways: Mapping[str, Callable[[], object]], effort: Effort) -> dict[str, list[float]]:
    """Seconds of each call, A B A B …, after one round that does not count (memory, threads, compilation)."""
    for way in ways.values():
        way()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    began = time.perf_counter()
    for round in range(effort.most):
        if round >= effort.least and time.perf_counter() - began > effort.seconds:
            break
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - start)
    return taken
