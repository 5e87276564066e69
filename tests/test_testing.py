"""The checks themselves: fields and kernels that break one promise each are found out, with a sentence."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neuralfields import Field, ops
from neuralfields.ops import Kernel, Op
from neuralfields.testing import FIELD_CHECKS, check_field, check_op


class Good(Field):
    """A user's field, with parameters, a buffer, and a weight that starts tiny."""

    def __init__(self, in_dim: int, out_dim: int, *, scales: tuple[float, ...] = (1.0, 2.0)):
        super().__init__()
        self.in_dim, self.out_dim = in_dim, out_dim
        self.weight = nn.Parameter(torch.full((len(scales) * in_dim, out_dim), 1e-4))
        self.scales: Tensor
        self.register_buffer("scales", torch.tensor(scales))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([(x * scale).sin() for scale in self.scales], -1) @ self.weight


class Bare(Field):
    """A user's field without a constructor."""

    in_dim = 2
    out_dim = 1

    def forward(self, x: Tensor) -> Tensor:
        return x.square().sum(-1, keepdim=True)


class Free(Field):
    """A user's field whose constructor takes anything."""

    def __init__(self, in_dim: int, *powers: int, **factors: float):
        super().__init__()
        self.in_dim, self.out_dim, self.powers, self.factors = in_dim, len(powers), powers, factors

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.sum(-1, keepdim=True) ** p for p in self.powers], -1) * sum(self.factors.values())


class Detailed(Field):
    """A user's field with two levels of detail; one parameter is the coarse one's alone."""

    def __init__(self) -> None:
        super().__init__()
        self.in_dim = self.out_dim = 1
        self.coarse, self.fine = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(()))

    def levels(self, x: Tensor) -> list[Tensor]:
        return [self.coarse * x, self(x)]

    def forward(self, x: Tensor) -> Tensor:
        return (self.fine * x).sin()


@pytest.mark.parametrize(
    "field", [Good(2, 3), Good(1, 1, scales=(3.0,)), Bare(), Free(2, 1, 3, a=2.0, b=1.0), Detailed()], ids=repr
)
def test_a_users_field_passes(field: Field) -> None:
    before = {name: value.clone() for name, value in field.state_dict().items()}
    check_field(field, order=3)
    check_field(lambda: field)
    assert all(torch.equal(value, before[name]) for name, value in field.state_dict().items())


class _Detached(torch.autograd.Function):
    """tanh whose first derivative is right and whose second is missing."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.tanh()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(output.detach())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient * (1 - ctx.saved_tensors[0].square())


class _Forward(torch.autograd.Function):
    """x whose forward-mode derivative is wrong."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:  # type: ignore[override]
        return 2 * tangent


class Broken(Field):
    """A field with a fault of its choice."""

    def __init__(self, fault: str):
        super().__init__()
        self.in_dim, self.out_dim, self.fault = 2, 2, fault
        self.weight = nn.Parameter(torch.eye(2))
        self.offset = torch.rand(()).item() if fault == "not saved" else 0.0
        self.hook = (lambda: None) if fault == "no pickle" else None

    def forward(self, x: Tensor) -> Tensor:  # noqa: PLR0912
        y = x @ self.weight
        match self.fault:
            case "flat":
                return y.reshape(-1, 2)
            case "one axis":
                return y[:, [0, 1]]
            case "in place":
                x += 1
            case "float32":
                return y.float()
            case "half":
                return y.float().to(x.dtype)
            case "batch":
                return y - y.mean(0) if y.dim() > 1 else y
            case "order":
                return y + torch.arange(len(y)).to(y)[:, None] if y.dim() == 2 else y
            case "detached":
                return y + (x.detach().square() if y.dim() == 2 else 0)
            case "second":
                return _Detached.apply(y)  # type: ignore[no-any-return]
            case "infinite":
                return y / 0
            case "strided":
                return y if x.is_contiguous() else -y
            case "ends":
                return y + (x[:1, :1] < x[-1:, :1]) if y.dim() == 2 else y
            case "single":
                return y + (x - x.detach() if x.dim() == 1 else 0)
            case "forward":
                return _Forward.apply(y)  # type: ignore[no-any-return]
            case "one number":
                return torch.cat([y[..., :1], y[..., 1:].nan_to_num(0.0)], -1)
            case "spreads on":
                return y + 0 * y.cumsum(0)
            case "numbers":
                return y.nan_to_num(0.0)
            case "spreads":
                return y + 0 * y.sum()
            case "item":
                return y * y.detach().flatten()[0].item()
            case "no gradient":
                return x @ self.weight.detach()
            case "not saved":
                return y + self.offset
        return y

    def levels(self, x: Tensor) -> list[Tensor]:
        y = self(x)
        match self.fault:
            case "no level":
                return []
            case "narrow level":
                return [y[..., :1], y]
            case "fine to coarse":
                return [y, y / 2]
            case "coarse in float32":
                return [y.float(), y]
        return [y]


BROKEN = {
    "one axis": ("shapes", r"fails for coordinates \[2\]"),
    "flat": ("shapes", r"gives \[1, 2\] for \[2\]"),
    "in place": ("shapes", "changes the coordinates"),
    "float32": ("dtypes", r"in torch.float64 gives torch.float32"),
    "no gradient": ("dtypes", "no gradient reaches the parameter"),
    "coarse in float32": ("dtypes", "in torch.float64 gives torch.float32"),
    "no level": ("levels", "no level of detail"),
    "narrow level": ("levels", r"level 0 is \[1\], the field's \[2\]"),
    "fine to coarse": ("levels", "the finest level of detail is not what the field gives"),
    "half": ("gradients", "derivatives of order 1"),
    "detached": ("gradients", "derivatives of order 1"),
    "second": ("gradients", "derivatives of order 1 or 2 are wrong"),
    "infinite": ("dtypes", "not finite inside the box"),
    "strided": ("shapes", "not contiguous in memory"),
    "ends": ("independence", "the order of the points changes"),
    "single": ("transforms", r"vmap\(jacrev\) disagrees"),
    "forward": ("transforms", "forward mode gives a wrong value"),
    "one number": ("nan", "some numbers for a point whose coordinates are all NaN"),
    "spreads on": ("nan", "values of others"),
    "batch": ("independence", "alone has other values"),
    "order": ("independence", "Broken"),
    "item": ("transforms", "does not work under torch.func.vmap"),
    "numbers": ("nan", "gives numbers only"),
    "spreads": ("nan", "values of others"),
    "not saved": ("spec", "is another field"),
    "no pickle": ("copies", "cannot be pickled"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_promise_is_found(fault: str) -> None:
    check, sentence = BROKEN[fault]
    with pytest.raises(AssertionError, match=sentence):
        FIELD_CHECKS[check](Broken(fault), 2)
    with pytest.raises(AssertionError):
        check_field(Broken(fault))


def test_a_value_that_is_not_saved_is_found_in_the_file_too() -> None:
    with pytest.raises(AssertionError, match="other values after save and load"):
        FIELD_CHECKS["file"](Broken("not saved"), 1)


class Lenient(Field):
    """A field that takes coordinates of any number."""

    in_dim = 2
    out_dim = 1

    def __call__(self, x: Tensor) -> Tensor:
        return self.forward(x)

    def forward(self, x: Tensor) -> Tensor:
        return x.sum(-1, keepdim=True)


class Sharing(Field):
    """A field whose deepcopy shares its parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.in_dim = self.out_dim = 2
        self.weight = nn.Parameter(torch.eye(2))

    def __deepcopy__(self, memo: object) -> "Sharing":
        copied = Sharing()
        copied.weight = self.weight
        return copied

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight


def test_coordinates_of_any_number_are_found() -> None:
    with pytest.raises(AssertionError, match=r"raises no InputError for \[5, 3\]"):
        FIELD_CHECKS["last axis"](Lenient(), 1)


def test_shared_memory_is_found() -> None:
    with pytest.raises(AssertionError, match="a deepcopy of Sharing shares memory"):
        FIELD_CHECKS["copies"](Sharing(), 1)


class Unrecorded(Field):
    """A field with an argument that is not recorded."""

    def __init__(self, dtype: torch.dtype):
        super().__init__()
        self.in_dim = self.out_dim = 1

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_arguments_that_cannot_be_recorded_are_found() -> None:
    with pytest.raises(AssertionError, match="dtype"):
        FIELD_CHECKS["file"](Unrecorded(torch.float32), 1)


def test_a_local_class_is_found() -> None:
    class Local(Field):
        in_dim = out_dim = 1

        def forward(self, x: Tensor) -> Tensor:
            return x

    with pytest.raises(AssertionError, match="cannot be pickled"):
        FIELD_CHECKS["copies"](Local(), 1)
    with pytest.raises(AssertionError, match="cannot be built"):
        FIELD_CHECKS["spec"](Local(), 1)


def test_only_fields_are_checked() -> None:
    with pytest.raises(AssertionError, match="a Field or a function"):
        check_field(lambda: nn.Linear(2, 3))  # type: ignore[arg-type, return-value]


# Ops: a reference and kernels that lie. -------------------------------------------------------------------------------


def plain(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sin()


def good_kernel(x: Tensor, y: Tensor) -> Tensor:
    return (y * x).sin()


def wrong_value(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sin() * (1 + 1e-5)


def wrong_derivative(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sin() + (x - x.detach()) * 1e-5


def wrong_second(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sin() + (x - x.detach()).square() * 1e-4


def wrong_shape(x: Tensor, y: Tensor) -> Tensor:
    return plain(x, y)[None]


def wrong_dtype(x: Tensor, y: Tensor) -> Tensor:
    return plain(x.double(), y.double())


def wrong_nan(x: Tensor, y: Tensor) -> Tensor:
    return plain(x, y).where(x > -0.5, torch.nan)


def writes(x: Tensor, y: Tensor) -> Tensor:
    result = plain(x, y)
    with torch.no_grad():
        y.add_(1)
    return result


def op_with(name: str, order: int = 2, refuse: Any = lambda *_: None) -> Op:
    return Op("product", plain, (Kernel("cpu", f"{__name__}:{name}", order, refuse),))


def arguments() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(9, 2, generator=generator) * 2 - 1, torch.rand(9, 2, generator=generator)


def test_a_good_kernel_passes() -> None:
    check_op(op_with("good_kernel"), *arguments(), order=2)
    check_op(op_with("good_kernel", order=1), *arguments(), order=2)


@pytest.mark.parametrize(
    ("kernel", "sentence"),
    [
        ("wrong_value", "the cpu kernel's result 0 is off by"),
        ("wrong_derivative", "the cpu kernel's derivative of order 1 in tensor 0 is off by"),
        ("wrong_second", "the cpu kernel's derivative of order 2 in tensor 0 is off by"),
        ("wrong_shape", "the cpu kernel's result 0 is off by inf"),
        ("wrong_dtype", "the cpu kernel's result 0 is torch.float64, the reference's torch.float32"),
        ("wrong_nan", "the cpu kernel's result 0 is off by inf"),
        ("writes", "argument tensor 1 after the call is off by 1"),
    ],
)
def test_a_wrong_kernel_is_found(kernel: str, sentence: str) -> None:
    order = 0 if kernel == "writes" else 2
    with pytest.raises(AssertionError, match=re.escape(sentence)):
        check_op(op_with(kernel), *arguments(), order=order)


class _Once(torch.autograd.Function):
    """The product's sine with a backward that is silently constant when it is differentiated itself."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return plain(x, y)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, y = (tensor.detach() for tensor in ctx.saved_tensors)
        slope = gradients[0].detach() * (x * y).cos()
        return slope * y, slope * x


def silent_at_second(x: Tensor, y: Tensor) -> Tensor:
    return _Once.apply(x, y)  # type: ignore[no-any-return]


def test_a_derivative_beyond_the_order_is_an_error_or_right() -> None:
    assert check_op(op_with("good_kernel", order=1), *arguments(), order=2) == {"cpu"}
    for wrong in ("silent_at_second", "wrong_second"):
        with pytest.raises(AssertionError, match="differentiated 2 times and not raising"):
            check_op(op_with(wrong, order=1), *arguments(), order=2)


def test_a_refusal_needs_a_reason() -> None:
    assert check_op(op_with("wrong_value", refuse=lambda *_: "is out for lunch"), *arguments()) == set()
    with pytest.raises(AssertionError, match="without a reason"):
        check_op(op_with("wrong_value", refuse=lambda *_: " "), *arguments())
    with pytest.raises(AssertionError, match="and not with a reason"):
        check_op(op_with("wrong_value", refuse=lambda *_: False), *arguments())


def test_a_reference_that_loses_half_its_digits_is_found() -> None:
    op = Op("cancels", lambda x: (x + 1e4) - 1e4)
    with pytest.raises(AssertionError, match=r"the reference's result 0 in torch.float32 is off by"):
        check_op(op, arguments()[0])


def test_a_kernel_that_is_never_chosen_is_found() -> None:
    with pytest.raises(AssertionError, match="never chosen"):
        check_op(op_with("good_kernel", order=0), *arguments())


def test_integer_and_changed_arguments_are_compared() -> None:
    def count(counts: Tensor, by: Tensor) -> None:
        counts.add_(by.long())

    check_op(Op("count", count), torch.zeros(3, dtype=torch.int64), torch.ones(3), order=0)
    kernel = Kernel("cpu", f"{__name__}:miscount", 1, lambda *_: None)
    with pytest.raises(AssertionError, match="argument tensor 0 after the call is off by 1"):
        check_op(Op("count", count, (kernel,)), torch.zeros(3, dtype=torch.int64), torch.ones(3), order=0)


def miscount(counts: Tensor, by: Tensor) -> None:
    counts.add_(by.long() + 1)


def test_check_op_leaves_the_dispatch_as_it_was() -> None:
    check_op(op_with("good_kernel"), *arguments())
    with ops.used() as found:
        op_with("good_kernel")(*arguments())
    assert found == {"product": "cpu"}
