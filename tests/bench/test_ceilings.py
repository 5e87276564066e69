"""Ceilings, and floors made of them."""

import pytest

from neuralfields.bench import ceilings
from neuralfields.bench.ceilings import Ceilings, Work
from neuralfields.bench.training import WORKLOADS
from neuralfields.errors import KernelRefused
from neuralfields.ops import native

K512, M4 = 1 << 19, 1 << 22
TWO_CORES = Ceilings(
    mm=217e9,
    fma=535e9,
    triad={1 << 28: 86e9},
    gather={K512: 7.3e9, M4: 4.24e9},
    scatter={K512: 4.3e9, M4: 3.76e9},
)


def test_all_are_measured_or_the_reason_is_told() -> None:
    found = ceilings.measure(1, quick=True)
    assert found.mm > 0
    if found.refusal is None:
        assert found.fma > 0 and found.dot_bf16 >= 0
        for rates, sizes in ((found.triad, ceilings.ARRAYS[:-1]), (found.gather, ceilings.TABLES)):
            assert rates is not None and tuple(rates) == sizes and min(rates.values()) > 0
    assert ceilings.as_json(found)["mm"] == found.mm


def test_without_a_library_there_is_a_reason_and_no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise KernelRefused("the native core needs a C++ compiler")

    monkeypatch.setattr(native, "library", missing)
    found = ceilings.measure(1, quick=True)
    assert found.mm > 0 and found.refusal == "the native core needs a C++ compiler"
    assert Work(flop=1e9).floor(found) is None


def test_a_floor_is_the_sum_of_its_phases() -> None:
    assert Work(flop=535e6).floor(TWO_CORES) == pytest.approx(1e-3)
    assert Work(gathers=7.3e6, table=K512).floor(TWO_CORES) == pytest.approx(1e-3)
    assert Work(gathers=4.24e6, table=K512 + 1).floor(TWO_CORES) == pytest.approx(1e-3)  # the next larger size
    assert Work(scatters=3.76e6, table=1 << 30).floor(TWO_CORES) == pytest.approx(1e-3)  # the largest
    assert Work(memory=86e6).floor(TWO_CORES) == pytest.approx(1e-3)
    both = Work(flop=535e6, memory=86e6)
    assert both.floor(TWO_CORES) == pytest.approx(2e-3)


@pytest.mark.parametrize(
    ("name", "gflop", "rows", "milliseconds"),
    [
        ("step-A-256k", 9.97, 16.8e6, 25.1),
        ("step-B-256k", 9.75, 33.5e6, 38.4),
        ("step-C-64k", 77.8, 0, 145.4),
        ("step-D-128k", 7.4, 16.8e6, 25.7),
    ],
)
def test_floors_of_the_training_steps(name: str, gflop: float, rows: float, milliseconds: float) -> None:
    workload = next(workload for workload in WORKLOADS if workload.name == name)
    work = workload.work(workload.field(), workload.points)
    assert work.flop == pytest.approx(gflop * 1e9, rel=2e-3)
    assert work.gathers == work.scatters == pytest.approx(rows, rel=2e-3)
    assert work.floor(TWO_CORES) == pytest.approx(milliseconds * 1e-3, rel=1e-2)


def test_the_best_of_two() -> None:
    one = Ceilings(mm=1.0, fma=4.0, triad={8: 1.0}, gather={8: 2.0, 9: 5.0}, scatter={8: 1.0})
    other = Ceilings(mm=2.0, fma=3.0, triad={8: 1.0}, gather={8: 3.0, 9: 4.0}, scatter={8: 1.0})
    best = one.best(other)
    assert (best.mm, best.fma, best.gather, best.refusal) == (2.0, 4.0, {8: 3.0, 9: 5.0}, None)
    assert one.best(Ceilings(mm=7.0, refusal="gone")).mm == 7.0
