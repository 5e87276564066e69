"""How an op chooses its kernel, says why, and refuses."""

import re
from typing import Any

import pytest
import torch

from neuralfields import ops
from neuralfields.errors import InputError, KernelRefused
from neuralfields.ops import Kernel, Op


def twice(x: int) -> str:
    return f"reference {2 * x}"


def fast(x: int) -> str:
    return f"fast {2 * x}"


def faster(x: int) -> str:
    return f"faster {2 * x}"


def small_only(x: int) -> str | None:
    return None if x < 10 else f"takes numbers below 10, got {x}"


def even_only(x: int) -> str | None:
    return None if x % 2 == 0 else f"takes even numbers, got {x}"


OP = Op(
    "twice",
    twice,
    (
        Kernel("triton", f"{__name__}:faster", 1, even_only),
        Kernel("cpu", f"{__name__}:fast", 2, small_only),
    ),
)


@pytest.mark.parametrize(
    ("x", "result", "text"),
    [
        (4, "faster 8", "triton (first choice)"),
        (3, "fast 6", "cpu (triton takes even numbers, got 3)"),
        (11, "reference 22", "reference (triton takes even numbers, got 11; cpu takes numbers below 10, got 11)"),
    ],
)
def test_the_first_kernel_that_does_not_refuse(x: int, result: str, text: str) -> None:
    assert OP(x) == result
    assert OP.explain(x) == text


def test_without_kernels_the_reference() -> None:
    op = Op("twice", twice)
    assert op(2) == "reference 4"
    assert op.choose(2) is None
    assert op.explain(2) == "reference (no kernel installed)"


def test_kernels_step_aside_for_higher_derivatives() -> None:
    with ops.derivatives(2):
        assert OP(4) == "fast 8"
        assert OP.explain(4) == "cpu (triton has derivatives to order 1, 2 were asked for)"
        with ops.derivatives(3):
            assert OP(4) == "reference 8"
        with ops.derivatives(1):  # an outer promise holds inside
            assert OP(4) == "fast 8"
        assert OP(4) == "fast 8"
    assert OP(4) == "faster 8"
    with pytest.raises(InputError, match="0 or more, got -1"), ops.derivatives(-1):
        pass


def test_a_backend_asked_for_by_name_never_falls_back() -> None:
    with ops.backend("reference"):
        assert OP(4) == "reference 8"
        assert OP.explain(4) == "reference (asked for by name)"
    with ops.backend("cpu"):
        assert OP(4) == "fast 8"
        assert OP.explain(4) == "cpu (asked for by name)"
        with pytest.raises(KernelRefused, match=r"^twice: the cpu kernel takes numbers below 10, got 11$"):
            OP(11)
        assert OP.explain(11) == "refused: twice: the cpu kernel takes numbers below 10, got 11"
        with ops.derivatives(3), pytest.raises(KernelRefused, match="has derivatives to order 2, 3 were asked for"):
            OP(4)
        with ops.backend("triton"):
            assert OP(4) == "faster 8"
        assert OP(4) == "fast 8"
    assert OP(4) == "faster 8"


def test_a_backend_an_op_lacks() -> None:
    sentence = "twice has no tinycudann kernel; it has: reference, triton, cpu"
    with ops.backend("tinycudann"):
        with pytest.raises(KernelRefused, match=f"^{sentence}$"):
            OP(4)
        assert OP.explain(4) == f"refused: {sentence}"
    with pytest.raises(InputError, match=re.escape("no backend 'cuda'; there are: " + ", ".join(ops.BACKENDS))):
        ops.backend("cuda").__enter__()


def test_two_kernels_of_one_backend_are_tried_in_order() -> None:
    op = Op(
        "twice",
        twice,
        (
            Kernel("cpu", f"{__name__}:faster", 1, even_only),
            Kernel("cpu", f"{__name__}:fast", 1, small_only),
        ),
    )
    with ops.backend("cpu"):
        assert op(4) == "faster 8"
        assert op(3) == "fast 6"
        with pytest.raises(KernelRefused, match="takes even numbers, got 11"):
            op(11)


def test_the_context_ends_with_an_error() -> None:
    def fail() -> None:
        with ops.backend("cpu"), ops.derivatives(3):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert OP(4) == "faster 8"


def test_used_tells_what_computed_what() -> None:
    with ops.used() as found:
        assert found == {}
        OP(4)
        assert found == {"twice": "triton"}
        OP(3)
        Op("other", twice)(1)
    OP(11)
    assert found == {"twice": "cpu", "other": "reference"}


def test_a_kernel_is_imported_on_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    op = Op("twice", twice, (Kernel("cpu", "no_such_module_at_all:kernel", 1, small_only),))
    assert op.explain(4) == "cpu (first choice)"
    assert op(11) == "reference 22"
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        op(4)


def test_the_library_s_ops_are_complete() -> None:
    public: list[Any] = [getattr(ops, name) for name in ops.__all__]
    assert {op.name for op in public if isinstance(op, Op)} == {op.name for op in ops.ALL}
    for op in ops.ALL:
        assert getattr(ops, op.name) is op
        assert all(kernel.backend in ops.BACKENDS for kernel in op.kernels)


def test_a_backend_can_be_asked_of_one_op_alone() -> None:
    fast = ops.Op("fast", lambda x: x, (ops.Kernel("cpu", "builtins:abs", 1, lambda x: None),))
    plain = ops.Op("plain", lambda x: x)
    with ops.backend("cpu", fast):
        assert fast(-2) == 2
        assert plain(-2) == -2
    with ops.backend("cpu"), pytest.raises(KernelRefused, match="plain has no cpu kernel"):
        plain(-2)


def test_a_contract_is_checked_before_any_kernel() -> None:
    layout = ops.GridLayout(2, 2, 6, 4, 8)
    x, table = torch.zeros(3, 2), torch.zeros(layout.entries, 2)
    for arguments, text in (
        ((x[:, :1], table, layout), r"coordinates \[n, 2\], got \[3, 1\]"),
        ((x, table[1:], layout), rf"a table \[{layout.entries}, features\]"),
        ((x.double(), table, layout), "of one dtype"),
        ((x, table, layout, "cubic"), "interpolation is one of linear, smoothstep, got 'cubic'"),
    ):
        with pytest.raises(InputError, match=text):
            ops.grid_encode(*arguments)
    assert ops.grid_encode(x, table, layout, interpolation="smoothstep").shape == (3, 4)


def test_the_contracts_of_networks() -> None:
    x, weights, biases = torch.zeros(3, 2), [torch.zeros(4, 2), torch.zeros(1, 4)], [torch.zeros(4), torch.zeros(1)]
    for arguments, text in (
        ((x[0], weights, biases, "relu"), r"points \[n, in\], got \[2\]"),
        ((x, [], None, "relu"), "one weight or more and as many biases, got 0 weights and no biases"),
        ((x, weights, biases[:1], "relu"), "got 2 weights and 1 biases"),
        ((x[:, :1], weights, biases, "relu"), r"weight 0 is \[out, 1\], got \[4, 2\]"),
        ((x, weights, biases[::-1], "relu"), r"bias 0 is \[4\], got \[1\]"),
        ((x, weights, biases, "sine"), "activation is one of relu, .*, got 'sine'"),
    ):
        with pytest.raises(InputError, match=text):
            ops.mlp(*arguments)
    with pytest.raises(InputError, match="1 omegas for 2 weights, got 2"):
        ops.sine_mlp(x, weights, biases, [1.0, 2.0])
