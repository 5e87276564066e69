"""What the fused ops know of a radiance field and of a batch of its rays: tensors and settings, no modules."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from neuralfields.checks import between, positive
from neuralfields.errors import InputError
from neuralfields.ops.field_step.model import Grid, Network
from neuralfields.ops.march import check_terrain
from neuralfields.ops.mlp.contract import check_network


@dataclass(frozen=True)
class RadianceModel:
    """A grid, a network for the density, one for the colour, and how rays are marched through an occupancy grid.

    Attributes:
        grid: of three coordinates.
        trunk: from the grid's features to any number of outputs; the first, with ``shift`` added, is the logarithm of
            the density per box unit.
        colour: from all outputs of the trunk and the harmonics of the direction behind them to three values, which a
            sigmoid makes colours.
        occupied, step, cone, near, unbounded: as ``ops.march`` takes them.
        degree: number of bands of spherical harmonics, 1 to 8.
        stop: a ray ends where its transmittance is below this.

    Raises:
        InputError: these do not fit each other, or a value is out of range.
    """

    grid: Grid
    trunk: Network
    colour: Network
    occupied: Tensor
    step: float
    cone: float = 0.0
    near: float = 0.0
    unbounded: bool = False
    degree: int = 4
    shift: float = 0.0
    stop: float = 3e-3

    def __post_init__(self) -> None:
        table, layout = self.grid.table, self.grid.layout
        if layout.dim != 3 or table.dim() != 2 or len(table) != layout.entries:
            raise InputError(
                f"a radiance field's grid has 3 coordinates and a table [{layout.entries}, features], "
                f"got {layout.dim} and {list(table.shape)}"
            )
        between(1, 8, degree=self.degree)
        trunk, colour = self.trunk, self.colour
        check_network("the network for the density", layout.levels * table.shape[1], trunk.weights, trunk.biases)
        width = len(trunk.weights[-1]) + self.degree**2
        check_network("the network for the colour", width, colour.weights, colour.biases)
        if len(colour.weights[-1]) != 3:
            raise InputError(f"the network for the colour has 3 outputs, got {len(colour.weights[-1])}")
        check_terrain(self.occupied, self.step, self.cone, self.near, self.unbounded)
        if not 0 <= self.stop < 1:
            raise InputError(f"a ray stops at a transmittance from 0 to below 1, got {self.stop}")

    @property
    def parameters(self) -> list[Tensor]:
        """The table, then each network's weights and its biases, the trunk's first."""
        networks = (self.trunk, self.colour)
        return [self.grid.table, *(p for net in networks for p in (*net.weights, *(net.biases or ())))]

    def stretched(self, factor: float) -> "RadianceModel":
        """The same model with steps along rays this many times as long."""
        return self if factor == 1 else replace(self, step=self.step * factor, cone=self.cone * factor)

    def with_parameters(self, parameters: Sequence[Tensor]) -> "RadianceModel":
        """The same model with other tensors, in the order of ``parameters``."""
        left = list(parameters)
        grid = replace(self.grid, table=left.pop(0))
        trunk, colour = (_taking(net, left) for net in (self.trunk, self.colour))
        return replace(self, grid=grid, trunk=trunk, colour=colour)


def _taking(net: Network, left: list[Tensor]) -> Network:
    """The network with the first of these tensors, which are taken away."""
    maps = len(net.weights)
    weights = [left.pop(0) for _ in range(maps)]
    return replace(net, weights=weights, biases=None if net.biases is None else [left.pop(0) for _ in range(maps)])


@dataclass(frozen=True)
class RaySamples:
    """Rays and what is seen along them.

    Attributes:
        x: [n, 6], origin and direction of length one, in box coordinates.
        y: [n, 4], colour, not multiplied by alpha, and alpha.
        background: [n, 3], the colour behind each ray.
        jitter: [n], as ``ops.march`` takes it, or None.
        stretch: of the steps along rays: what the model's ``step`` and ``cone`` are multiplied with.

    Raises:
        InputError: the stretch is not positive and finite.
    """

    x: Tensor
    y: Tensor
    background: Tensor
    jitter: Tensor | None = None
    stretch: float = 1.0

    def __post_init__(self) -> None:
        positive(stretch=self.stretch)
