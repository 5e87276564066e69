"""The ops with arguments as they occur in fits: one line per case, and what each computation cannot do without."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.bench.ceilings import Work
from neuralfields.ops import Op
from neuralfields.ops.field_step import Grid, Network, Task, Update
from neuralfields.ops.radiance import RadianceModel, RaySamples

_SMALL = {"log2_size": 10}  # of a quick run
_ADAM = 1e-3, 0.9, 0.999, 1e-15


@dataclass(frozen=True)
class Call:
    """An op with arguments.

    Attributes:
        wrt: the tensors whose gradients are part of the computation.
        changed: for an op that works in place, the tensors it changes.
    """

    op: Op[..., Any]
    arguments: tuple[Any, ...]
    work: Work
    wrt: tuple[Tensor, ...] = ()
    changed: tuple[Tensor, ...] = ()

    def run(self, function: Callable[..., Any]) -> list[Tensor]:
        """The results of ``function`` on these arguments, and the gradients of their sum with fixed weights."""
        with torch.set_grad_enabled(bool(self.wrt)):
            value = function(*self.arguments)
            if self.changed:
                return list(self.changed)
            values = list(value) if isinstance(value, tuple) else [value]
            weights = [_weights(value.shape, value.dtype) for value in values]
            gradients = torch.autograd.grad(values, self.wrt, weights) if self.wrt else ()
        return [*(value.detach() for value in values), *gradients]

    def to(self, dtype: torch.dtype) -> "Call":
        """The same call on copies of the tensors in another precision."""
        copies: dict[int, Tensor] = {}

        def copy(thing: Any) -> Any:
            if isinstance(thing, list):
                return [copy(part) for part in thing]
            if is_dataclass(thing) and not isinstance(thing, type):
                return replace(thing, **{part.name: copy(getattr(thing, part.name)) for part in fields(thing)})
            if not isinstance(thing, Tensor):
                return thing
            if id(thing) not in copies:
                kept = dtype if thing.is_floating_point() else thing.dtype
                copies[id(thing)] = thing.detach().to(kept, copy=True).requires_grad_(thing.requires_grad)
            return copies[id(thing)]

        arguments = tuple(copy(thing) for thing in self.arguments)
        wrt, changed = (tuple(copies[id(tensor)] for tensor in group) for group in (self.wrt, self.changed))
        return Call(self.op, arguments, self.work, wrt, changed)


@dataclass(frozen=True)
class Case:
    """A call that can be made in any size.

    Attributes:
        make: called with the number of points and ``options``.
        compiled: whether torch.compile is tried too: not where it is slower than eager or takes minutes, nor
            at a second size.
    """

    name: str
    make: Callable[..., Call]
    points: int
    options: Mapping[str, Any] = field(default_factory=dict)
    compiled: bool = True

    def call(self, points: int | None = None, *, quick: bool = False) -> Call:
        """The call with ``points`` points, by default its own number, the same at each time."""
        torch.manual_seed(0)
        small = {name: value for name, value in _SMALL.items() if quick and name in self.options}
        return self.make(points or self.points, **{**self.options, **small})


def grid(points: int, *, dim: int, log2_size: int, finest: int, gradient: str = "", levels: int = 16) -> Call:
    """``grid_encode`` with two features.

    Values take one gather per corner and level, the table's gradient one scatter, the input's gradient a gather once
    more. In memory: coordinates and features once, with their gradients; the table's gradient written once.
    """
    layout = ops.GridLayout(dim, levels, log2_size, 16, finest)
    x = (torch.rand(points, dim) * 2 - 1).requires_grad_(gradient == "input")
    table = torch.randn(layout.entries, 2).requires_grad_(gradient == "table")
    corners = points * levels * 2.0**dim
    passes = 2 if gradient else 1
    work = Work(
        gathers=corners * (2 if gradient == "input" else 1),
        scatters=corners * (gradient == "table"),
        table=8 << log2_size,
        memory=passes * 4.0 * points * (dim + 2 * levels) + 8.0 * layout.entries * (gradient == "table"),
    )
    wrt = {"": (), "table": (table,), "input": (x,)}[gradient]
    return Call(ops.grid_encode, (x, table, layout, "linear"), work, wrt)


def planes(points: int, *, resolution: int, features: int) -> Call:
    """``plane_encode`` of three planes as a tri-plane field has them, with the table's gradient.

    Of a row, which lies in one piece, one access counts.
    """
    layout = ops.PlaneLayout(3, ((0, 1), (0, 2), (1, 2)), (resolution,) * 3)
    x = torch.rand(points, 3) * 2 - 1
    table = torch.randn(layout.entries, features).requires_grad_()
    corners = points * 3 * 4.0
    memory = 8.0 * points * (3 + 3 * features) + 4.0 * features * layout.entries
    work = Work(gathers=corners, scatters=corners, table=4 * features * resolution**2, memory=memory)
    return Call(ops.plane_encode, (x, table, layout), work, (table,))


def cubic(points: int, *, dim: int, resolution: int, features: int) -> Call:
    """``plane_encode`` of one dense grid by cubic interpolation, with the table's gradient, as a fit of it has."""
    layout = ops.PlaneLayout(dim, (tuple(range(dim)),), (resolution,) * dim)
    x = torch.rand(points, dim) * 2 - 1
    table = torch.randn(layout.entries, features).requires_grad_()
    corners = points * 4.0**dim
    memory = 8.0 * points * (dim + features) + 4.0 * features * layout.entries
    work = Work(gathers=corners, scatters=corners, table=4 * features * layout.entries, memory=memory)
    return Call(ops.plane_encode, (x, table, layout, "catmull_rom"), work, (table,))


def order(points: int) -> Call:
    """``shuffled`` as a fit of an eight times larger signal has it; the numbers are written once."""
    return Call(ops.shuffled, (0, points, ((8 * points, (0, 0)),)), Work(memory=8.0 * points))


def centres(points: int, *, shape: tuple[int, int]) -> Call:
    """``cell_centres`` of random places of an image."""
    index = torch.randint(math.prod(shape), (points,))
    return Call(ops.cell_centres, (index, shape), Work(memory=(8.0 + 4 * len(shape)) * points))


def values(points: int, *, shape: tuple[int, int]) -> Call:
    """``take_values`` of random places of an RGB image of 8 bits."""
    stored = torch.randint(256, (math.prod(shape), 3), dtype=torch.uint8)
    index = torch.randint(len(stored), (points,))
    return Call(ops.take_values, (stored, index), Work(gathers=points, table=stored.numel(), memory=20.0 * points))


def sums(points: int) -> Call:
    """``error_sums`` of an RGB image's values, which are read once."""
    return Call(ops.error_sums, (torch.rand(points, 3), torch.rand(points, 3)), Work(memory=24.0 * points))


def rays(points: int, *, longest: int) -> Call:
    """``composite`` of rays with up to so many intervals, with the gradients of thickness and colours.

    Thickness, colours and weights are read and written once, and their gradients.
    """
    count = torch.randint(longest + 1, (2 * points // longest + 1,)).cumsum(0).clamp(max=points)
    count = torch.cat([count, torch.tensor([points])]).diff(prepend=torch.zeros(1, dtype=torch.int64))
    thickness, colours = (torch.rand(points) * 4 / longest).requires_grad_(), torch.rand(points, 3).requires_grad_()
    return Call(ops.composite, (thickness, colours, count), Work(memory=2 * 4.0 * 5 * points), (thickness, colours))


def view(rays: int, *, log2_size: int) -> Call:
    """``radiance_values`` of a ball in the middle of the box; of each sample the features are gathered."""
    model = _ball(log2_size)
    _, _, count = ops.march(given := _rays(rays), model.occupied, model.step)
    return Call(ops.radiance_values, (model, given), _radiance_work(model, int(count.sum()), passes=1))


def radiance(rays: int, *, log2_size: int) -> Call:
    """``radiance_step`` of a ball in the middle of the box."""
    model = _ball(log2_size)
    samples = RaySamples(_rays(rays), torch.rand(rays, 4), torch.rand(rays, 3), torch.rand(rays))
    updates = [
        Update(
            *(p, torch.zeros_like(p), torch.zeros_like(p)),
            torch.zeros(p.shape[:1] if i == 0 else (), dtype=torch.int32),
            *(i == 0, 1e-2, 0.9, 0.99, 1e-15),
        )
        for i, p in enumerate(model.parameters)
    ]
    _, _, count = ops.march(samples.x, model.occupied, model.step, jitter=samples.jitter)
    work = _radiance_work(model, int(count.sum()), passes=3)
    # The first moments, which are a known share of the gradients, and not what Adam makes of the smallest of these.
    changed = tuple(update.mean for update in updates)
    return Call(ops.radiance_step, (model, samples, Task("l2"), updates), work, changed=changed)


def _rays(count: int) -> Tensor:
    """From a sphere around the box to places in a ball in its middle."""
    origin, goal = (torch.nn.functional.normalize(torch.randn(count, 3), dim=1) for _ in range(2))
    return torch.cat([3 * origin, torch.nn.functional.normalize(0.7 * goal - 3 * origin, dim=1)], 1)


def _ball(log2_size: int) -> RadianceModel:
    """As large as fields of photos of an object are, and so thin that few rays end within it."""
    layout = ops.GridLayout(3, 8, log2_size, 16, 1024)
    trunk, colour = (Network(_weight_matrices(sizes, False), None, "relu") for sizes in ((16, 64, 16), (32, 64, 3)))
    centres = (torch.arange(64) + 0.5) / 32 - 1
    occupied = torch.cartesian_prod(*[centres] * 3).norm(dim=1).view(64, 64, 64) < 0.6
    table = torch.randn(layout.entries, 2) * 0.1
    return RadianceModel(Grid(table, layout, "linear"), trunk, colour, occupied, step=0.02)


def _radiance_work(model: RadianceModel, samples: int, *, passes: int) -> Work:
    weights = sum(w.numel() for w in (*model.trunk.weights, *model.colour.weights))
    corners = 8.0 * samples * model.grid.layout.levels
    level = max(level.size for level in model.grid.layout.table)
    training = passes > 1
    memory = 24.0 * model.grid.table.numel() if training else 0.0
    return Work(2.0 * passes * samples * weights, corners, corners * training, 8 * level, memory)


def network(points: int, *, sizes: Sequence[int], backward: bool = False) -> Call:
    """``mlp`` with ReLUs and without biases; backward gives the gradients of the weights and of the input."""
    x = torch.randn(points, sizes[0]).requires_grad_(backward)
    weights = _weight_matrices(sizes, backward)
    wrt = (x, *weights) if backward else ()
    return Call(ops.mlp, (x, weights, None, "relu"), _matrix_work(points, sizes, backward), wrt)


def sines(points: int, *, sizes: Sequence[int], backward: bool = False) -> Call:
    """``sine_mlp`` as a SIREN has it; backward gives the gradients of weights and biases."""
    x = torch.rand(points, sizes[0]) * 2 - 1
    weights = _weight_matrices(sizes, backward, gain=1 / 30)
    biases = [torch.zeros(size).requires_grad_(backward) for size in sizes[1:]]
    omegas = [30.0] * (len(sizes) - 2)
    wrt = (*weights, *biases) if backward else ()
    return Call(ops.sine_mlp, (x, weights, biases, omegas), _matrix_work(points, sizes, backward), wrt)


def update(rows: int, *, lazy: bool) -> Call:
    """One step of Adam on a table of pairs; of the lazy one an eighth of the rows has a gradient.

    In memory: the gradient is read; parameter and both moments are read and written where there is one.
    """
    parameter, gradient = torch.randn(rows, 2), torch.randn(rows, 2)
    moments = torch.zeros(rows, 2), torch.zeros(rows, 2)
    if not lazy:
        call = (parameter, gradient, *moments, 1, *_ADAM)
        return Call(ops.adam, call, Work(memory=56.0 * rows), changed=(parameter, *moments))
    touched = torch.rand(rows) < 1 / 8
    gradient[~touched] = 0
    counts = torch.zeros(rows, dtype=torch.int32)
    work = Work(memory=8.0 * rows + 56.0 * int(touched.sum()))
    return Call(
        ops.lazy_adam, (parameter, gradient, *moments, counts, *_ADAM), work, changed=(parameter, *moments, counts)
    )


def _matrix_work(points: int, sizes: Sequence[int], backward: bool) -> Work:
    """Two operations per weight, point and pass: forward is one pass, backward two more."""
    flop = 2.0 * points * sum(a * b for a, b in pairwise(sizes))
    memory = 4.0 * points * (sizes[0] + sizes[-1])
    return Work(flop=flop * (3 if backward else 1), memory=memory * (2 if backward else 1))


def _weight_matrices(sizes: Sequence[int], backward: bool, gain: float = 1.0) -> list[Tensor]:
    return [
        (torch.randn(b, a) * (gain * math.sqrt(2 / a))).requires_grad_(backward) for a, b in pairwise(sizes)
    ]  # the variance stays the same from layer to layer


@lru_cache(maxsize=3)  # made in the round that does not count, kept for those that do
def _weights(shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """Fixed numbers in [0.5, 1.5) of which no two neighbours are equal."""
    steps = torch.arange(shape.numel(), dtype=torch.float64) * 0.6180339887498949
    return (steps.frac() + 0.5).to(dtype).view(shape)


_2D = {"dim": 2, "log2_size": 16, "finest": 768}
_3D = {"dim": 3, "log2_size": 19, "finest": 2048}
_TABLE, _INPUT = {"gradient": "table"}, {"gradient": "input"}
_GRID_MLP = {"sizes": (32, 64, 64, 3)}
_SMALL_MLP = {"sizes": (16, 64, 3)}
_SIREN = {"sizes": (2, 256, 256, 256, 256, 3)}
_BACKWARD = {"backward": True}
K64, K256 = 1 << 16, 1 << 18

CASES = (
    Case("grid_encode-2d-values-64k", grid, K64, _2D),
    Case("grid_encode-2d-values-256k", grid, K256, _2D, compiled=False),
    Case("grid_encode-2d-table-64k", grid, K64, _2D | _TABLE),
    Case("grid_encode-2d-table-256k", grid, K256, _2D | _TABLE, compiled=False),
    Case("grid_encode-2d-input-64k", grid, K64, _2D | _INPUT, compiled=False),
    Case("grid_encode-2d-input-256k", grid, K256, _2D | _INPUT, compiled=False),
    Case("grid_encode-3d-values-64k", grid, K64, _3D),
    Case("grid_encode-3d-values-256k", grid, K256, _3D, compiled=False),
    Case("grid_encode-3d-table-64k", grid, K64, _3D | _TABLE),
    Case("grid_encode-3d-table-256k", grid, K256, _3D | _TABLE, compiled=False),
    Case("grid_encode-3d-input-64k", grid, K64, _3D | _INPUT, compiled=False),
    Case("grid_encode-3d-input-256k", grid, K256, _3D | _INPUT, compiled=False),
    Case("plane_encode-3d-table-64k", planes, K64, {"resolution": 128, "features": 16}, compiled=False),
    Case("plane_encode-cubic-2d-table-64k", cubic, K64, {"dim": 2, "resolution": 256, "features": 3}, compiled=False),
    Case("mlp-32-64-64-3-forward", network, K256, _GRID_MLP),
    Case("mlp-32-64-64-3-backward", network, K256, _GRID_MLP | _BACKWARD),
    Case("mlp-16-64-3-forward", network, K256, _SMALL_MLP),
    Case("mlp-16-64-3-backward", network, K256, _SMALL_MLP | _BACKWARD),
    Case("sine_mlp-256x4-forward", sines, K64, _SIREN),
    Case("sine_mlp-256x4-backward", sines, K64, _SIREN | _BACKWARD),
    Case("adam-4m-rows", update, 1 << 22, {"lazy": False}),
    Case("lazy_adam-4m-rows", update, 1 << 22, {"lazy": True}, compiled=False),
    Case("shuffled-256k", order, K256, compiled=False),
    Case("cell_centres-256k", centres, K256, {"shape": (1024, 1024)}, compiled=False),
    Case("take_values-256k", values, K256, {"shape": (1024, 1024)}, compiled=False),
    Case("error_sums-256k", sums, K256, compiled=False),
    Case("composite-256k", rays, K256, {"longest": 64}, compiled=False),
    Case("radiance_values-16k-rays", view, 1 << 14, {"log2_size": 19}, compiled=False),
    Case("radiance_step-4k-rays", radiance, 1 << 12, {"log2_size": 19}, compiled=False),
)
