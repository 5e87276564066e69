"""Every case and every training step on a few points, and what a row says of them. Nothing here depends on time."""

import dataclasses
from pathlib import Path

import pytest
import torch

from neuralfields import ops
from neuralfields.bench import cases, kernels, machine, tables, timing, training
from neuralfields.bench.ceilings import Ceilings, Work, as_json
from neuralfields.errors import InputError
from neuralfields.ops import Kernel, Op, native
from neuralfields.protocols import Signal

POINTS = 64


def test_names_are_different() -> None:
    assert len(set(kernels.NAMES)) == len(kernels.NAMES)


def test_only_some() -> None:
    assert [case.name for case in kernels.chosen(["step-A"])] == ["step-A-64k", "step-A-256k"]
    assert [case.name for case in kernels.chosen(["adam-4m-rows"])] == ["adam-4m-rows"]  # not lazy_adam's too
    assert len(kernels.chosen([])) == len(kernels.NAMES)
    with pytest.raises(InputError, match="no benchmark has 'stepA' in its name"):
        kernels.chosen(["mlp", "stepA"])


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)
def test_every_case(case: cases.Case) -> None:
    call = case.call(POINTS, quick=True)
    exact = call.to(torch.float64).run(call.op.reference)
    results = call.to(torch.float32).run(call.op.reference)
    assert len(results) >= 1 + len(call.wrt)
    single = call.op in (ops.cell_centres, ops.take_values)  # float32, whatever they are given
    assert all(value.dtype == torch.float64 for value in exact if value.is_floating_point() and not single)
    kinks = call.op is ops.radiance_step  # of ReLUs, and cells' borders: the two may lie on different sides
    assert kernels.error(results, exact)["l2"] < (2e-2 if kinks else 1e-3)
    assert min(dataclasses.astuple(call.work)) >= 0 and max(dataclasses.astuple(call.work)) > 0
    again = case.call(POINTS, quick=True).run(call.op.reference)
    assert all(torch.equal(a, b) for a, b in zip(results, again, strict=True))


def test_every_op_is_measured() -> None:
    alone = {case.call(POINTS, quick=True).op for case in cases.CASES}
    # Those are in the training steps and fits, and a part of what is measured of radiance fields.
    assert set(ops.ALL) - alone == {ops.field_values, ops.field_step, ops.march, ops.pixel_rays}


@pytest.mark.parametrize("workload", training.WORKLOADS, ids=lambda workload: workload.name)
def test_every_training_step(workload: training.Workload) -> None:
    exact = workload.gradients(POINTS, torch.float64, quick=True)
    results = workload.gradients(POINTS, torch.float32, quick=True)
    assert len(exact) == len(list(workload.field(quick=True).parameters()))
    assert all(value.dtype == torch.float64 and value.abs().max() > 0 for value in exact)
    assert kernels.error(results, exact)["l2"] < 0.2  # the two may lie on different sides of a ReLU's kink
    assert workload.work(workload.field(quick=True), POINTS).flop > 0


def test_random_points_are_a_signal() -> None:
    points = training.Points(3, 2, 10)
    assert isinstance(points, Signal)
    assert points.draw(10, seed=0, step=1).x.shape == (10, 3)
    assert not torch.equal(points.draw(10, seed=0, step=0).x, points.draw(10, seed=0, step=1).x)
    assert points.measure(lambda x: x) == {"psnr": 0.0} and points.describe()["shape"] == [10, 3]
    assert len(list(points.chunks(10))) > 0


def small_mlp(*kernel: Kernel) -> cases.Case:
    """The case of an mlp whose op has these kernels."""
    op = Op("mlp", ops.mlp.reference, kernel)
    return cases.Case("mlp", lambda points: dataclasses.replace(cases.network(points, sizes=(2, 4, 1)), op=op), POINTS)


def test_row_without_a_kernel() -> None:
    row = kernels.op_row(small_mlp(), quick=True, compiled=False, tell=print)
    assert set(row["seconds"]) == set(row["error"]) == {"eager"}
    assert row["ratio"] is None and row["kernels"] == {"mlp": "reference"}


def test_row_with_a_kernel() -> None:
    kernel = Kernel("cpu", "neuralfields.ops.mlp.reference:reference", 1, lambda *arguments: None)
    row = kernels.op_row(small_mlp(kernel), quick=True, compiled=False, tell=print)
    assert set(row["seconds"]) == {"eager", "ours"} and row["kernels"] == {"mlp": "cpu"}
    assert row["ratio"] > 0 and row["error"]["ours"] == row["error"]["eager"]


def test_row_of_a_training_step() -> None:
    workload = next(workload for workload in training.WORKLOADS if workload.name == "step-A-64k")
    row = kernels.training_row(workload, quick=True)
    if native.reason() is None:
        assert row["kernels"] == {"field_step": "cpu"}
        assert set(row["seconds"]) == set(row["error"]) == {"eager", "ours"} and row["ratio"] > 0
        assert row["error"]["ours"]["l2"] < 0.1
    else:
        assert row["kernels"] == dict.fromkeys(("grid_encode", "mlp", "adam", "lazy_adam"), "reference")
        assert set(row["seconds"]) == set(row["error"]) == {"eager"} and row["ratio"] is None
    assert row["error"]["eager"]["l2"] < 0.1


def test_numbers_of_a_row() -> None:
    ceilings = Ceilings(mm=1.0, fma=1e9, triad={1: 1e9}, gather={1: 1e9}, scatter={1: 1e9})
    taken = {"eager": [3.0, 9.0, 4.0], "ours": [2.0, 1.0, 7.0]}
    row = kernels.row("x", 10, taken, Work(flop=1e9), {"eager": {"l2": 0.5}}, {})
    assert row["seconds"] == {"eager": 4.0, "ours": 2.0} and row["rounds"] == 3
    assert (row["ratio"], row["points_per_second"], row["flop_per_second"]) == (2.0, 5.0, 5e8)
    kernels.set_floor(row, ceilings)
    assert (row["floor_seconds"], row["fraction"]) == (1.0, 0.5)
    kernels.set_floor(row, Ceilings(mm=1.0, refusal="no library"))
    assert (row["floor_seconds"], row["fraction"]) == (None, None)


def test_a_narrow_terminal_gets_fewer_columns() -> None:
    row = kernels.row("a-case", 10, {"eager": [3.0], "ours": [2.0]}, Work(flop=1e9), {"eager": {"l2": 0.5}}, {})
    kernels.set_floor(row, Ceilings(1e9, refusal="none"))
    results = {"ceilings": as_json(Ceilings(1e9, refusal="none")), "rows": [row]}
    wide = tables.kernels_table(results)
    narrow = tables.kernels_table(results, 70)
    assert all(name in wide for name in tables.KERNEL_COLUMNS) and wide.endswith("ceilings: torch.mm 1 GFLOP/s")
    assert max(map(len, narrow.splitlines())) < 70 and "ours ms" in narrow.splitlines()[0]
    assert "left out in a terminal this narrow: eager error" in narrow


def test_errors_are_relative_and_of_the_worst_result() -> None:
    exact = [torch.tensor([3.0, -4.0]), torch.tensor([0.0, 0.0])]
    assert kernels.error([torch.tensor([3.5, -4.0]), torch.zeros(2)], exact) == {"largest": 0.125, "l2": 0.1}
    assert kernels.error([exact[0], torch.tensor([0.0, 0.25])], exact) == {"largest": 0.25, "l2": 0.25}
    broken = [torch.tensor([float("nan"), 0.0]), torch.zeros(2)]
    assert kernels.error(broken, exact) == {"largest": float("inf"), "l2": float("inf")}


def test_ways_take_turns() -> None:
    order: list[str] = []
    ways = {name: lambda name=name: order.append(name) for name in "ab"}
    taken = timing.interleaved(ways, timing.Effort(seconds=0, least=2, most=9))
    assert "".join(order) == "ababab" and [len(times) for times in taken.values()] == [2, 2]


def test_a_report_does_not_say_where_it_went() -> None:
    words = ["nf", "bench", __file__, "--out", "x.json", "--quick", "--out=y.json", "--pictures", "p"]
    report = machine.report(words, [])
    assert report["command"] == "nf bench test_measuring.py --quick"
    assert set(report) == {"command", "machine", "versions", "results"}


def test_a_report_tells_the_script_wherever_it_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "a.py").touch()
    made = machine.report(["python", "benchmarks/a.py", "benchmarks/a.py"], [])
    assert made["command"] == "python benchmarks/a.py a.py"
