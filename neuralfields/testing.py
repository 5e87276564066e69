"""The contracts of fields and of ops as functions, for this package's tests and for yours.

>>> from neuralfields.testing import check_field
>>> check_field(MyField(2, 3), order=2)

A check that fails raises AssertionError with a sentence that says what is wrong.
"""

import copy
import io
import json
import pickle
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, jacrev, jvp, vmap

from neuralfields import ops
from neuralfields.errors import InputError, KernelRefused
from neuralfields.field import Field, from_spec
from neuralfields.ops import Kernel, Op

__all__ = ["FIELD_CHECKS", "check_field", "check_op"]

_SAMPLES = 8  # random projections of which the reference's own error is the largest


def check_field(field: Field | Callable[[], Field], *, order: int = 2) -> None:
    """Check that a field keeps every promise of the class ``Field``: runs all of ``FIELD_CHECKS``.

    Args:
        field: a field, which stays as it is, or a function that makes one. Its class is at the top of a module.
        order: highest derivative it promises; 2 for losses on gradients, 3 for losses on second derivatives.

    Raises:
        AssertionError: a promise is broken; the text says which.
    """
    made = field if isinstance(field, Field) else field()
    assert isinstance(made, Field), f"check_field is given a Field or a function that makes one, got {type(made)}"
    for check in FIELD_CHECKS.values():
        check(made, order)


def check_op(
    op: Op[..., Any],
    *arguments: Any,
    order: int = 1,
    dtypes: Sequence[torch.dtype] = (torch.float32,),
    few: Sequence[int] = (),
) -> set[str]:
    """Check an op's kernels against its reference in float64, in values, changed arguments and derivatives.

    The reference itself keeps half of a dtype's digits. A kernel either refuses with a reason, or its largest error is
    at most twice the reference's own in the same dtype (and one rounding of the largest value, where the reference
    happens to be exact). A kernel is held to its declared order; beyond it, it must refuse, and differentiating its
    result further must raise: a derivative that is silently missing is the worst of errors.

    The reference's own error is the largest of several random projections of the derivatives, because a derivative
    that is one number may be right by luck. Few values may be so too: an op whose first argument is points [n, …], each
    by itself, is therefore checked for many of them, and ``few`` says for how many it is called besides. Their values
    must then be the same bits as among the others, and their derivatives keep to the error that all of them have.

    Args:
        op: the op.
        arguments: of one call; floating-point tensors, also in lists and dataclasses, are converted to each dtype.
        order: highest derivative to look at; 0 for an op that is not differentiable, as one working in place.
        dtypes: of the kernels' arguments.
        few: numbers of points, no more than there are.

    Returns:
        The backends that took the call; a test says which it expects.

    Raises:
        AssertionError: the reference or a kernel is wrong; the text says which, where, and by how much.
    """
    took: set[str] = set()
    for dtype in dtypes:
        given = _converted(arguments, dtype)
        allowed = _allowed(op, given, order)
        took |= {kernel.backend for kernel in op.kernels if _takes(op, kernel, given, order, allowed, few)}
    return took


@dataclass(frozen=True)
class _Wanted:
    """What a result should be, and by how much a kernel's may be off."""

    exact: Tensor
    dtype: torch.dtype
    own: float  # the reference's error
    scale: float  # the largest value

    @property
    def limit(self) -> float:
        return 2 * self.own + torch.finfo(self.dtype).eps * self.scale if self.dtype.is_floating_point else 0.0


def _allowed(op: Op[..., Any], arguments: Any, order: int) -> dict[str, _Wanted]:
    """By name; raises where the reference itself is wrong."""
    precise = _converted(arguments, torch.float64)
    found: dict[str, _Wanted] = {}
    for sample in range(_SAMPLES if order else 1):
        exact = _outcome(op.reference, precise, order, sample)
        for name, value in _outcome(op.reference, arguments, order, sample).items():
            error, scale = _error(value, exact[name])
            if value.is_floating_point():
                limit = torch.finfo(value.dtype).eps ** 0.5 * scale
                assert error <= limit, (
                    f"{op.name}: the reference's {name} in {value.dtype} is off by {error:.3g} from its own in "
                    f"float64, {limit:.3g} is half of the digits"
                )
            if before := found.get(name):
                found[name] = replace(before, own=max(error, before.own), scale=max(scale, before.scale))
            else:
                found[name] = _Wanted(exact[name], value.dtype, error, scale)
    return found


def _takes(
    op: Op[..., Any], kernel: Kernel, arguments: Any, order: int, allowed: dict[str, _Wanted], few: Sequence[int]
) -> bool:
    """Whether the kernel took the call, which it then did right."""
    title = f"{op.name}: the {kernel.backend} kernel"
    if op.differentiable:
        assert kernel.order > 0 or not order, (
            f"{title} has order {kernel.order}, so it is never chosen: 1 is the least that is asked for"
        )
        with ops.derivatives(kernel.order + 1):
            refusal = op.refusal(kernel, *arguments)
            assert refusal, f"{title} has order {kernel.order} and does not refuse {kernel.order + 1}"
    reachable = min(order, kernel.order)
    with ops.derivatives(reachable):
        reason = op.refusal(kernel, *arguments)
        if reason is not None:
            _check_refusal(op, kernel, arguments, title, reason)
            return False
        with ops.backend(kernel.backend, op):
            fast = _outcome(op, arguments, reachable)
            _compare(title, fast, allowed)
            for count in few:
                _check_few(title, op, arguments, reachable, count, fast, allowed)
    if op.differentiable:
        beyond = kernel.order + 1
        with ops.derivatives(kernel.order), ops.backend(kernel.backend, op):
            try:
                further = _outcome(op, arguments, beyond)
            except RuntimeError:
                return True  # differentiating too often is an error: nobody gets a wrong derivative
        _compare(f"{title}, differentiated {beyond} times and not raising,", further, _allowed(op, arguments, beyond))
    return True


def _check_refusal(op: Op[..., Any], kernel: Kernel, arguments: Any, title: str, reason: Any) -> None:
    """A refusal has a reason, and asking for the kernel by name is refused too."""
    assert isinstance(reason, str), f"{title} refuses with {reason!r} and not with a reason"
    assert reason.strip(), f"{title} refuses without a reason"
    with ops.backend(kernel.backend):
        try:
            found = op.choose(*arguments)
        except KernelRefused:
            return
    assert found is not None, f"{title} refuses ({reason}), yet asking for it by name falls back"


def _check_few(
    title: str,
    op: Op[..., Any],
    arguments: Any,
    order: int,
    count: int,
    many: dict[str, Tensor],
    allowed: dict[str, _Wanted],
) -> None:
    """The first ``count`` points alone: the same bits as among all, derivatives as right as those of all."""
    title = f"{title} of {count} points of {len(arguments[0])}"
    alone = arguments[0][:count], *arguments[1:]
    found = _outcome(op, alone, order)
    exact = _outcome(op.reference, _converted(alone, torch.float64), order)
    for name, value in found.items():
        if name.startswith("result"):
            _, scale = _error(value, many[name][:count])
            same = torch.equal(value.nan_to_num(scale + 1), many[name][:count].nan_to_num(scale + 1))
            assert same, f"{title}: {name} is not the same to the last bit as among the others"
    # Nothing tells how exact the derivatives of one point ought to be, but those of all of them.
    _compare(
        title, found, {name: replace(wanted, exact=exact[name]) for name, wanted in allowed.items() if name in exact}
    )


def _compare(title: str, found: dict[str, Tensor], allowed: dict[str, _Wanted]) -> None:
    """The rule: an error of at most twice the reference's own, and one rounding of the largest value."""
    for name, value in found.items():
        wanted = allowed[name]
        error, _ = _error(value, wanted.exact)
        assert error <= wanted.limit, (
            f"{title}'s {name} is off by {error:.3g}, the reference by {wanted.own:.3g} "
            f"(largest value {wanted.scale:.3g}); twice that is allowed"
        )
        assert value.dtype == wanted.dtype, f"{title}'s {name} is {value.dtype}, the reference's {wanted.dtype}"


def _outcome(function: Callable[..., Any], arguments: Any, order: int, sample: int = 0) -> dict[str, Tensor]:
    """By name: results, arguments after the call, and derivatives of a random projection, order after order."""
    arguments = _converted(arguments, None)
    inputs = [t for t in _tensors(arguments) if t.is_floating_point()]
    if order:
        for tensor in inputs:
            tensor.requires_grad_()
    results = list(_tensors([function(*arguments)]))
    found = {f"result {i}": t.detach() for i, t in enumerate(results)}
    found |= {f"argument tensor {i} after the call": t.detach() for i, t in enumerate(_tensors(arguments))}
    values = results
    for k in range(1, order + 1):
        seeds = (sample * 10_000 + k * 100 + i for i in range(len(values)))
        projected = ((v * _direction(v, seed)).sum() for v, seed in zip(values, seeds, strict=True))
        total = sum(projected, torch.tensor(0.0))
        if total.requires_grad:
            values = torch.autograd.grad(total, inputs, create_graph=True, allow_unused=True, materialize_grads=True)
        else:
            values = [torch.zeros_like(t) for t in inputs]
        found |= {f"derivative of order {k} in tensor {i}": v.detach() for i, v in enumerate(values)}
    return found


def _error(value: Tensor, exact: Tensor) -> tuple[float, float]:
    """Largest difference, infinite where only one of two is NaN or the shapes differ, and largest finite value."""
    if value.shape != exact.shape:
        return float("inf"), 0.0
    value, exact = value.double(), exact.double()
    scale = float(exact.nan_to_num(0, 0, 0).abs().max()) if exact.numel() else 0.0
    different = ~((value == exact) | (value.isnan() & exact.isnan()))
    difference = (value - exact)[different].abs().nan_to_num(float("inf"))
    return float(difference.max()) if difference.numel() else 0.0, scale


def _tensors(things: Any) -> Iterator[Tensor]:
    """Each once."""
    yield from {id(tensor): tensor for tensor in _all_tensors(things)}.values()


def _all_tensors(things: Any) -> Iterator[Tensor]:
    if isinstance(things, Tensor):
        yield things
    elif isinstance(things, list | tuple):
        for thing in things:
            yield from _all_tensors(thing)
    elif is_dataclass(things):
        yield from _all_tensors([getattr(things, field.name) for field in fields(things)])


def _converted(things: Any, dtype: torch.dtype | None, done: dict[int, Any] | None = None) -> Any:
    """A copy whose floating-point tensors have the dtype; None keeps it. What was one tensor stays one."""
    done = {} if done is None else done
    if isinstance(things, Tensor):
        if id(things) not in done:
            done[id(things)] = things.detach().clone().to(dtype if things.is_floating_point() else None)
        return done[id(things)]
    if isinstance(things, list | tuple):
        return type(things)(_converted(thing, dtype, done) for thing in things)
    if is_dataclass(things) and not isinstance(things, type) and next(_all_tensors(things), None) is not None:
        parts = {field.name: _converted(getattr(things, field.name), dtype, done) for field in fields(things)}
        return replace(things, **parts)
    return things


def _direction(like: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    # Made in float32 for every dtype, so that it is the same number in each.
    return torch.randn(like.shape, generator=generator).to(like)


# Fields ---------------------------------------------------------------------------------------------------------------


def _points(field: Field, *batch: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    """Coordinates inside the box; a network behind an encoding takes them as well as any."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*batch, field.in_dim, generator=generator, dtype=dtype) * 1.8 - 0.9


def _lively(field: Field, dtype: torch.dtype = torch.float64) -> Field:
    """A copy whose tiny parameters (tables, biases) are not: their errors would hide below any tolerance."""
    field = copy.deepcopy(field).to(dtype)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in field.parameters():
            if parameter.numel() and parameter.abs().max() < 0.01:
                parameter.copy_(torch.rand(parameter.shape, generator=generator, dtype=dtype) - 0.5)
    return field


def _agree(found: Tensor, wanted: Tensor, sentence: str) -> None:
    try:
        torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-7, equal_nan=True)
    except AssertionError as error:
        raise AssertionError(f"{sentence}: {error}") from error


def _equal(found: Tensor, wanted: Tensor, sentence: str) -> None:
    assert torch.equal(found, wanted), f"{sentence}: the values differ by up to {(found - wanted).abs().max():.3g}"


def check_shapes(field: Field, order: int = 2) -> None:
    """[*batch, in_dim] -> [*batch, out_dim] for any leading axes, without touching the coordinates."""
    del order
    title, n, m = type(field).__name__, field.in_dim, field.out_dim
    field = _lively(field)
    for batch in ((), (0,), (1,), (5,), (2, 3), (2, 0), (2, 1, 4)):
        x = _points(field, *batch)
        kept = x.clone()
        try:
            y = field(x)
        except Exception as error:
            raise AssertionError(f"{title} fails for coordinates {list(x.shape)}: {error}") from error
        assert y.shape == (*batch, m), f"{title} gives {list(y.shape)} for {list(x.shape)}, not {[*batch, m]}"
        assert torch.equal(x, kept), f"{title} changes the coordinates it is given"
        flat = field(x.reshape(-1, n)).reshape(y.shape)
        _agree(y, flat, f"{title} gives other values for the same points in the shape {list(x.shape)}")
    x = _points(field, 4)
    strided = x.T.contiguous().T
    _agree(field(strided), field(x), f"{title} gives other values when the coordinates are not contiguous in memory")


def check_last_axis(field: Field, order: int = 2) -> None:
    """Coordinates of another number are refused with an InputError."""
    del order
    title, dtype = type(field).__name__, _dtype(field)
    for shape in ((5, field.in_dim + 1), (5, field.in_dim - 1), (field.in_dim + 1,), ()):
        try:
            field(torch.zeros(shape, dtype=dtype))
        except InputError:
            continue
        raise AssertionError(f"{title} takes {field.in_dim} coordinates, yet raises no InputError for {list(shape)}")


def check_dtypes(field: Field, order: int = 2) -> None:
    """float32 in a float32 field gives float32, and the same for float64; gradients have the parameters' dtype.

    Every parameter gets a gradient, from the values or from those of a coarser level of detail.
    """
    del order
    title = type(field).__name__
    for dtype in (torch.float32, torch.float64):
        made = _lively(field, dtype)
        x = _points(made, 5, dtype=dtype).requires_grad_()
        values = [made(x), *made.levels(x)]
        for y in values:
            assert y.dtype == dtype, f"{title} in {dtype} gives {y.dtype}"
            assert y.isfinite().all(), f"{title} in {dtype} gives values that are not finite inside the box"
        torch.cat(values, -1).sum().backward()
        for name, parameter in made.named_parameters():
            found = parameter.grad
            assert found is not None, f"{title}: no gradient reaches the parameter {name}"
            assert found.dtype == dtype, f"{title} in {dtype}: the gradient of {name} is {found.dtype}"


def check_levels(field: Field, order: int = 2) -> None:
    """``levels`` gives values [*batch, out_dim] from coarse to fine; the last are those of a call."""
    del order
    title = type(field).__name__
    field = _lively(field)
    for batch in ((), (0,), (5,), (2, 3)):
        x = _points(field, *batch)
        y, levels = field(x), field.levels(x)
        assert levels, f"{title} has no level of detail, not even the finest"
        for i, level in enumerate(levels):
            assert level.shape == y.shape, f"{title}: level {i} is {list(level.shape)}, the field's {list(y.shape)}"
        _agree(levels[-1], y, f"{title}: the finest level of detail is not what the field gives")


def check_independence(field: Field, order: int = 2) -> None:
    """A point's values do not depend on the other points of the batch, nor on their order."""
    del order
    title = type(field).__name__
    field = _lively(field)
    x = _points(field, 7)
    y = field(x)
    for i in range(len(x)):
        _agree(field(x[i : i + 1])[0], y[i], f"{title}: a point alone has other values than among others")
    _agree(field(x.flip(0)).flip(0), y, f"{title}: the order of the points changes their values")


def check_gradients(field: Field, order: int = 2) -> None:
    """Derivatives in coordinates and parameters agree with finite differences in float64, up to ``order``."""
    title = type(field).__name__
    field = _lively(field)
    names = [name for name, _ in field.named_parameters()]
    x = _points(field, 3).requires_grad_()
    parameters = [p.detach().clone().requires_grad_() for p in field.parameters()]

    def values(x: Tensor, *parameters: Tensor) -> Tensor:
        return functional_call(field, dict(zip(names, parameters, strict=True)), (x,))

    # The differences are differentiated here, not by calculus: the kernels have to be told.
    with ops.derivatives(order + 1):
        function: Callable[..., Tensor] = values
        for k in range(1, order + 1):
            try:
                # One by one in the coordinates; along one random direction in the parameters, which may be many.
                gradcheck(lambda x, f=function: f(x, *parameters), (x,), atol=1e-6, rtol=1e-4)
                gradcheck(function, (x, *parameters), atol=1e-7, rtol=1e-4, fast_mode=True)
                if k < order:
                    gradgradcheck(function, (x, *parameters), atol=1e-7, rtol=1e-4, fast_mode=True)
            except RuntimeError as error:
                raise AssertionError(f"{title}: derivatives of order {k} or {k + 1} are wrong: {error}") from error
            function = _slope(function, k)


def _slope(function: Callable[..., Tensor], seed: int) -> Callable[..., Tensor]:
    """The gradient in the coordinates of a random projection of a function's values."""

    def slope(x: Tensor, *parameters: Tensor) -> Tensor:
        with torch.enable_grad():
            y = function(x, *parameters)
            total = (y * _direction(y, seed)).sum()
            (found,) = torch.autograd.grad(total, x, create_graph=True, allow_unused=True, materialize_grads=True)
            # Where a derivative vanishes it depends on nothing any more, which the next one must not trip over.
            return found + sum(0 * p.sum() for p in (x, *parameters))

    return slope


def check_transforms(field: Field, order: int = 2) -> None:
    """``torch.func`` agrees with autograd: vmap, jacrev, vmap of jacrev; forward mode agrees or raises."""
    del order
    title = type(field).__name__
    field = _lively(field)
    x = _points(field, 4)
    with torch.no_grad():
        y = field(x)
        try:
            mapped, second = vmap(field)(x), vmap(field, in_dims=1)(x.expand(2, 4, -1))
        except RuntimeError as error:
            raise AssertionError(f"{title} does not work under torch.func.vmap: {error}") from error
        _agree(mapped, y, f"{title} under vmap gives other values")
        _agree(second, y[:, None].expand(-1, 2, -1), f"{title} under vmap over the second axis gives other values")
    points = x.clone().requires_grad_()
    rows = []
    for column in field(points).unbind(-1):
        rows.append(torch.autograd.grad(column.sum(), points, retain_graph=True)[0])
    wanted = torch.stack(rows, -2)
    _agree(vmap(jacrev(field))(x), wanted, f"{title}: vmap(jacrev) disagrees with autograd")
    _agree(jacrev(field)(x[0]), wanted[0], f"{title}: jacrev disagrees with autograd")
    direction = _direction(x, seed=5)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, at its first use of forward mode
            pushed = jvp(field, (x,), (direction,))[1]
    except (NotImplementedError, RuntimeError, KernelRefused):
        return
    _agree(pushed, (wanted @ direction[..., None])[..., 0], f"{title}: forward mode gives a wrong value and no error")


def check_copies(field: Field, order: int = 2) -> None:
    """``copy.deepcopy`` and ``pickle`` give a field with equal values, spec and provenance, and no shared memory."""
    del order
    title = type(field).__name__
    x = _points(field, 5, dtype=_dtype(field))
    y = field(x)
    copied = copy.deepcopy(field)
    try:
        unpickled = pickle.load(io.BytesIO(pickle.dumps(field)))
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        raise AssertionError(f"{title} cannot be pickled: {error}") from error
    for how, other in (("a deepcopy", copied), ("an unpickled copy", unpickled)):
        _equal(other(x), y, f"{how} of {title} is another field")
        assert other.spec == field.spec, f"{how} of {title} has another spec"
        shared = {p.data_ptr() for p in other.parameters()} & {p.data_ptr() for p in field.parameters()}
        assert not shared, f"{how} of {title} shares memory with it"


def check_spec(field: Field, order: int = 2) -> None:
    """The recorded spec, through JSON, builds the same field again."""
    del order
    title = type(field).__name__
    try:
        spec = json.loads(json.dumps(field.spec, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise AssertionError(f"the spec of {title} is not JSON: {error}") from error
    assert spec == field.spec, f"the spec of {title} does not survive JSON: {field.spec}"
    try:
        rebuilt = from_spec(spec, trust=_packages(spec))
    except InputError as error:
        raise AssertionError(f"{title} cannot be built from its spec: {error}") from error
    assert rebuilt.spec == field.spec, f"{title} rebuilt from its spec has another one: {rebuilt.spec}"
    try:
        rebuilt.load_state_dict(field.state_dict())
    except RuntimeError as error:
        raise AssertionError(f"{title} rebuilt from its spec has other parameters: {error}") from error
    dtype = _dtype(field)
    x = _points(field, 5, dtype=dtype)
    _equal(rebuilt.to(dtype)(x), field(x), f"{title} rebuilt from its spec, with the same parameters, is another field")


def check_file(field: Field, order: int = 2) -> None:
    """Saving and loading gives a field with equal values."""
    del order
    from neuralfields import storage

    title = type(field).__name__
    field = _lively(field, torch.float32)
    x = _points(field, 5, dtype=torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "field.nf"
        try:
            storage.save(field, path)
            loaded = storage.load(path, trust=_packages(field.spec))
        except InputError as error:
            raise AssertionError(f"{title} does not survive save and load: {error}") from error
    assert type(loaded) is type(field), f"{title} is loaded as a {type(loaded).__name__}"
    _equal(loaded(x), field(x), f"{title} has other values after save and load")


def check_nan(field: Field, order: int = 2) -> None:
    """A point with NaN coordinates has NaN values; the other points' values stay as they are."""
    del order
    title, n = type(field).__name__, field.in_dim
    field = _lively(field)
    x = _points(field, 4)
    y = field(x)
    for axes in [[axis] for axis in range(n)] + [list(range(n))]:
        broken = x.clone()
        broken[1, axes] = torch.nan
        found = field(broken)
        nan = found[1].isnan()
        assert nan.any(), f"{title} gives numbers only for a point whose coordinate {axes[0]} is NaN"
        assert nan.all() or len(axes) < n, f"{title} gives some numbers for a point whose coordinates are all NaN"
        _agree(found[[0, 2, 3]], y[[0, 2, 3]], f"{title}: a NaN among the points changes the values of others")


def _dtype(field: Field) -> torch.dtype:
    return next((p.dtype for p in field.parameters()), torch.float32)


def _packages(spec: Any) -> tuple[str, ...]:
    """The packages of all classes in a spec."""
    if isinstance(spec, dict):
        own = (spec["class"].partition(":")[0].partition(".")[0],) if "class" in spec else ()
        return own + tuple(package for value in spec.values() for package in _packages(value))
    if isinstance(spec, list):
        return tuple(package for value in spec for package in _packages(value))
    return ()


FIELD_CHECKS: dict[str, Callable[[Field, int], None]] = {
    "shapes": check_shapes,
    "last axis": check_last_axis,
    "dtypes": check_dtypes,
    "levels": check_levels,
    "independence": check_independence,
    "gradients": check_gradients,
    "transforms": check_transforms,
    "copies": check_copies,
    "spec": check_spec,
    "file": check_file,
    "nan": check_nan,
}
