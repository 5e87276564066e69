"""Training steps as users take them, through the public loop: ``neuralfields.steps`` on random points in memory.

The floor of a step: its matrices (forward and backward, 6 operations per weight and point), one gather and one scatter
per corner and level, and 24 bytes per parameter of the table for Adam (value and two moments, read and written),
which may be less where a batch touches few rows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neuralfields.bench.cases import K64, K256
from neuralfields.bench.ceilings import Work
from neuralfields.encodings import HashGrid
from neuralfields.field import Chain, FieldLike
from neuralfields.fitting import Adam, State, Step, steps
from neuralfields.geometry import Frame
from neuralfields.networks import MLP, Siren
from neuralfields.objectives import Eikonal, Regression
from neuralfields.protocols import Batch, Objective

_FOREVER = 1 << 40
_BATCHES = 4  # different ones, made before the clock runs


class Points:
    """A signal of random points and values: it costs nothing to draw from, so that only the step is measured."""

    kind = "points"
    headline = "psnr"

    def __init__(self, in_dim: int, out_dim: int, count: int, dtype: torch.dtype = torch.float32):
        self.in_dim, self.out_dim, self.size = in_dim, out_dim, count
        self.frame = Frame.of_box([-1.0] * in_dim, [1.0] * in_dim)
        generator = torch.Generator().manual_seed(1)
        self._batches = [
            Batch(
                # Axis after axis in memory, as signals draw their coordinates.
                (torch.rand(in_dim, count, generator=generator) * 2 - 1).to(dtype).t(),
                torch.rand(count, out_dim, generator=generator).to(dtype),
            )
            for _ in range(_BATCHES)
        ]

    def draw(self, n: int, *, seed: int, step: int) -> Batch:
        return self._batches[step % _BATCHES]

    def chunks(self, n: int) -> Iterator[Batch]:
        return iter(self._batches)

    def measure(self, field: FieldLike, *, thorough: bool = False) -> dict[str, float]:
        return {"psnr": 0.0}

    def describe(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": "random points", "shape": [self.size, self.in_dim], "sha256": ""}


class Radiance(nn.Module):
    """Density and colour: a grid, a network for the density and 15 features, one for the colour seen from a direction.

    The direction comes as 16 numbers, as its spherical harmonics would.
    """

    in_dim, out_dim = 19, 4

    def __init__(self, *, log2_size: int):
        super().__init__()
        self.grid = HashGrid(3, log2_size=log2_size, finest=2048)
        self.density = MLP(32, 16, depth=1, bias=False)
        self.colour = MLP(32, 3, depth=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.density(self.grid(x[:, :3]))
        colour = self.colour(torch.cat([h, x[:, 3:]], 1))
        return torch.cat([torch.sigmoid(colour), torch.exp(h[:, :1].clamp(max=10))], 1)


def grid_field(*, dim: int, out: int, log2_size: int, finest: int) -> nn.Module:
    grid = HashGrid(dim, log2_size=log2_size, finest=finest)
    return Chain(grid, MLP(grid.out_dim, out, depth=2, bias=False))


def siren(*, width: int) -> nn.Module:
    return Siren(2, 3, width=width, depth=4)


@dataclass(frozen=True)
class Workload:
    """A field, an objective and a number of points per step.

    Attributes:
        passes: how often each weight of a matrix is used per point: forward, and twice backward.
    """

    name: str
    make: Callable[..., nn.Module]
    points: int
    options: Mapping[str, Any]
    objective: Callable[[], Objective] = Regression
    passes: int = 3

    def field(self, *, quick: bool = False) -> nn.Module:
        """A fresh field, the same at each time."""
        torch.manual_seed(0)
        small = {"log2_size": 10, "width": 32} if quick else {}
        return self.make(**{name: small.get(name, value) for name, value in self.options.items()})

    def steps(self, field: nn.Module, points: int, *, dtype: torch.dtype = torch.float32) -> Iterator[Step]:
        """Steps of a fit without end."""
        in_dim, out_dim = (int(getattr(field, name)) for name in ("in_dim", "out_dim"))
        signal = Points(in_dim, out_dim, points, dtype)
        optimizer = Adam(lr=1e-3, table_lr=1e-2, epsilon=1e-15)
        return steps(
            field, signal, objective=self.objective(), steps=_FOREVER, batch=points, optimizer=optimizer, seed=0
        )

    def work(self, field: nn.Module, points: int) -> Work:
        """As in the module's first lines."""
        weights = sum(part.weight.numel() for part in field.modules() if isinstance(part, nn.Linear))
        flop = 2.0 * self.passes * points * weights
        grid = next((part for part in field.modules() if isinstance(part, HashGrid)), None)
        if grid is None:
            return Work(flop=flop)
        corners = points * len(grid.layout.table) * 2.0**grid.in_dim
        level = max(level.size for level in grid.layout.table)
        return Work(flop, corners, corners, 4 * grid.table.shape[1] * level, 24.0 * grid.table.numel())

    def gradients(self, points: int, dtype: torch.dtype, *, quick: bool) -> list[Tensor]:
        """Of the first step: Adam's first moment is then a known share of the gradient, whichever kernel took it."""
        field = self.field(quick=quick).to(dtype)
        return moments(next(self.steps(field, points, dtype=dtype)).state)


def moments(state: State) -> list[Tensor]:
    """Adam's first moment of each parameter, zeros where there is none yet."""
    found = state.optimizer.state
    parameters = [p for group in state.optimizer.param_groups for p in group["params"]]
    return [found[p]["mean"] if p in found else torch.zeros_like(p) for p in parameters]


_IMAGE = {"dim": 2, "out": 3, "log2_size": 16, "finest": 768}
_VOLUME = {"dim": 3, "out": 1, "log2_size": 19, "finest": 2048}
_SHAPE = {"dim": 3, "out": 1, "log2_size": 15, "finest": 512}

WORKLOADS = (
    Workload("step-A-64k", grid_field, K64, _IMAGE),
    Workload("step-A-256k", grid_field, K256, _IMAGE),
    Workload("step-B-64k", grid_field, K64, _VOLUME),
    Workload("step-B-256k", grid_field, K256, _VOLUME),
    Workload("step-C-64k", siren, K64, {"width": 256}),
    Workload("step-D-128k", Radiance, 1 << 17, {"log2_size": 19}),
    # Forward, the gradient's sweep, its derivative, and the weights' gradient: four passes; the corners once.
    Workload("step-eikonal-64k", grid_field, K64, _SHAPE, objective=Eikonal, passes=4),
)
