"""Rays through an occupancy grid, against visiting each interval."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.ops import native
from neuralfields.ops.march import FAR

needs_core = pytest.mark.skipif(native.reason() is not None, reason=f"the native core {native.reason()}")
BACKENDS = ["reference", pytest.param("cpu", marks=needs_core)]


def rays(n: int, *, seed: int = 0, distance: float = 3.0, spread: float = 0.6) -> Tensor:
    """From a sphere towards places near its centre."""
    generator = torch.Generator().manual_seed(seed)
    origin, goal = torch.randn(n, 3, generator=generator), torch.randn(n, 3, generator=generator) * spread
    origin = origin / origin.norm(dim=1, keepdim=True) * distance
    direction = goal - origin
    return torch.cat([origin, direction / direction.norm(dim=1, keepdim=True)], 1)


def some(cells: int, share: float, *, seed: int = 1) -> Tensor:
    return torch.rand(cells, cells, cells, generator=torch.Generator().manual_seed(seed)) < share


def jitter(n: int) -> Tensor:
    return torch.rand(n, generator=torch.Generator().manual_seed(2))


@needs_core
@pytest.mark.parametrize(("cone", "unbounded"), [(0.0, False), (1 / 128, False), (1 / 128, True)])
def test_what_is_counted_is_written(cone: float, unbounded: bool) -> None:
    """Of so many rays some have a middle that rounding puts on one or the other side of a face."""
    kept = [torch.full((1 << 21,), math.nan) for _ in range(8)]  # so that what is not written is likely to be NaN
    del kept
    with ops.backend("cpu", ops.march):
        start, end, count = ops.march(rays(1 << 15), some(64, 0.5), 1 / 100, cone, 0.1, unbounded, limit=200)
    assert int(count.sum()) == len(start) == len(end)
    assert bool((end > start).all())


def slowly(
    ray: list[float], occupied: Tensor, step: float, cone: float, near: float, unbounded: bool, offset: float
) -> list[tuple[float, float]]:
    """One interval after the other, in float64, as the contract has it."""
    found, cells, i = [], len(occupied), 0
    while True:
        start, end = (edge(i + k + offset, step, cone) for k in (0, 1))
        middle, i = (start + end) / 2, i + 1
        x = [o + middle * d for o, d in zip(ray[:3], ray[3:], strict=True)]
        if middle > (FAR if unbounded else 10):
            return found
        if middle < near:
            continue
        if unbounded:
            norm = max(1.0, math.hypot(*x))
            x = [v * (2 - 1 / norm) / norm / 2 for v in x]
        if max(map(abs, x)) <= 1:
            i_x, i_y, i_z = (min(int((v + 1) / 2 * cells), cells - 1) for v in x)
            if occupied[i_z, i_y, i_x]:
                found.append((start, end))


def edge(s: float, step: float, cone: float) -> float:
    return s * step if not cone or s <= 1 / cone else step / cone * (1 + cone) ** (s - 1 / cone)


CASES = {
    "small steps": (some(16, 0.1), 0.01, 0.0, 0.0, False),
    "few cells": (some(64, 0.001), 0.02, 0.0, 0.0, False),
    "no multiple of eight": (some(11, 0.3), 0.05, 0.0, 0.0, False),
    "one cell": (some(1, 2.0), 0.3, 0.0, 0.0, False),
    "near": (some(16, 0.3), 0.02, 0.0, 1.4, False),
    "cone": (some(32, 0.05), 0.01, 0.02, 0.1, False),
    "unbounded": (some(32, 0.2), 0.05, 0.02, 0.1, True),
    "unbounded, few cells": (some(64, 0.002), 0.02, 0.01, 0.1, True),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_interval_by_interval(name: str, inside: bool, backend: str) -> None:
    occupied, *rest = CASES[name]
    given, offset = rays(40, distance=0.5 if inside else 3.0), jitter(40)
    with ops.backend(backend, ops.march):
        start, end, count = ops.march(given, occupied, *rest, jitter=offset)
    wanted = [slowly(ray, occupied, *rest, o) for ray, o in zip(given.tolist(), offset.tolist(), strict=True)]
    assert count.tolist() == [len(found) for found in wanted]
    assert int(count.sum()) > 0
    ends = torch.tensor([pair for found in wanted for pair in found])
    torch.testing.assert_close(torch.stack([start, end], 1), ends, rtol=2e-5, atol=1e-6)


@needs_core
@pytest.mark.parametrize("name", CASES)
def test_leaps_change_no_bit(name: str) -> None:
    """What is leapt over is what visiting each interval leaves out."""
    occupied, *rest = CASES[name]
    given, offset = rays(2000, seed=5), jitter(2000)
    found, wanted = [], []
    for backend, into in (("cpu", found), ("reference", wanted)):
        with ops.backend(backend, ops.march):
            into += ops.march(given, occupied, *rest, jitter=offset)
    same = found[2] == wanted[2]
    # The reference rounds a place twice, the kernel perhaps once: now and then the two see another cell.
    assert float(same.float().mean()) > 0.98
    for a, b in ((found[i].split(found[2].tolist()), wanted[i].split(wanted[2].tolist())) for i in (0, 1)):
        equal = [torch.allclose(x, y, rtol=1e-5) for x, y, s in zip(a, b, same.tolist(), strict=True) if s]
        assert all(equal)


@needs_core
def test_same_bits_on_any_threads() -> None:
    occupied, *rest = CASES["cone"]
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(ops.march(rays(500), occupied, *rest, jitter=jitter(500)))
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_anything(backend: str) -> None:
    full, empty = some(8, 2.0), some(8, -1.0)
    away = rays(5) * torch.tensor([1.0, 1, 1, -1, -1, -1])
    with ops.backend(backend, ops.march):
        for given, grid in ((rays(5), empty), (away, full), (rays(0), full)):
            start, end, count = ops.march(given, grid, 0.1)
            assert len(start) == len(end) == int(count.sum()) == 0 and count.shape == (len(given),)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("unbounded", [False, True])
def test_what_is_not_finite_has_no_interval(unbounded: bool, backend: str) -> None:
    given = rays(14)
    for column, bad in enumerate((math.nan, math.inf, -math.inf, math.nan, math.inf, math.nan)):
        given[column, column] = bad
    offset = jitter(14)
    offset[7] = math.nan
    with ops.backend(backend, ops.march):
        _, _, count = ops.march(given, some(4, 2.0), 0.1, 0.1, 0.0, unbounded, offset)
    assert (count > 0).tolist() == [False] * 6 + [True, False] + [True] * 6


@pytest.mark.parametrize("backend", BACKENDS)
def test_along_the_axes_and_the_box(backend: str) -> None:
    """Rays along an axis, within a face, beside the box, and from far away."""
    places = [[0.3, 0.2, -4], [1.0, 0.2, -4], [1.001, 0.2, -4], [0.3, 0.2, -4000]]
    given = torch.tensor([[*p, 0, 0, 1] for p in places])
    with ops.backend(backend, ops.march):
        start, end, count = ops.march(given, some(8, 2.0), 0.1)
    assert count[:3].tolist() == [20, 20, 0] and 19 <= int(count[3]) <= 21
    assert float(start[0]) == pytest.approx(3.0) and float(end[19]) == pytest.approx(5.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_limit(backend: str) -> None:
    given, grid = rays(20), some(16, 0.3)
    with ops.backend(backend, ops.march):
        start, _, count = ops.march(given, grid, 0.02)
        first, _, few = ops.march(given, grid, 0.02, limit=5)
    assert torch.equal(few, count.clamp(max=5))
    parts = zip(start.split(count.tolist()), first.split(few.tolist()), strict=True)
    assert all(torch.equal(every[:5], some) for every, some in parts)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rays": torch.zeros(3, 5)}, r"rays \[n, 6\], origin and direction, got \[3, 5\]"),
        ({"occupied": torch.ones(4, 4, 4)}, r"bool \[c, c, c\], got torch.float32 \[4, 4, 4\]"),
        ({"occupied": torch.ones(4, 4, 3).bool()}, r"got torch.bool \[4, 4, 3\]"),
        ({"step": 0.0}, "step is positive and finite, got 0"),
        ({"cone": -1.0}, "from 0 on, got -1.0 and 0.0"),
        ({"unbounded": True}, "need a cone above 0"),
        ({"jitter": torch.zeros(2)}, r"jitter \[3\], one for each ray, got \[2\]"),
        ({"limit": 0}, "got a limit of 0"),
    ],
)
def test_contract(change: dict[str, object], words: str) -> None:
    given = {"rays": rays(3), "occupied": some(4, 0.5), "step": 0.1} | change
    with pytest.raises(InputError, match=words):
        ops.march(**given)  # type: ignore[arg-type]
