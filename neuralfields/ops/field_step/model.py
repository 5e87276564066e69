"""What the fused ops know of a field: tensors and settings, no modules."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.ops.grid_encode import GridLayout
from neuralfields.ops.mlp.contract import check_network


@dataclass(frozen=True)
class Grid:
    """``grid_encode``'s arguments."""

    table: Tensor
    layout: GridLayout
    interpolation: str


@dataclass(frozen=True)
class Network:
    """``mlp``'s arguments, or ``sine_mlp``'s when there are omegas."""

    weights: Sequence[Tensor]
    biases: Sequence[Tensor] | None
    activation: str
    omegas: Sequence[float] = ()


@dataclass(frozen=True)
class Output:
    """A fixed map of the network's values: "affine" (scale * o + offset) or "sinh" (scale * sinh(o))."""

    kind: str
    scale: float
    offset: float = 0.0


Stage = Grid | Network | Output


@dataclass(frozen=True)
class Model:
    """A field as a grid (or none), a network and an output map (or none).

    Raises:
        InputError: the network's maps do not fit each other or the grid.
    """

    grid: Grid | None
    network: Network
    output: Output | None

    def __post_init__(self) -> None:
        net = self.network
        if self.grid is None:
            width = net.weights[0].shape[-1]
        else:
            width = self.grid.layout.levels * self.grid.table.shape[-1]
            if self.grid.table.dim() != 2 or len(self.grid.table) != self.grid.layout.entries:
                raise InputError(f"the grid's table is [{self.grid.layout.entries}, features]")
        check_network("the model's network", width, net.weights, net.biases)

    @classmethod
    def of(cls, stages: Sequence[Stage]) -> "Model | None":
        """The model that these stages make, one after the other; None if they are not one."""
        grid = stages[0] if stages and isinstance(stages[0], Grid) else None
        output = stages[-1] if stages and isinstance(stages[-1], Output) else None
        left = stages[grid is not None : len(stages) - (output is not None)]
        if len(left) != 1 or not isinstance(left[0], Network):
            return None
        return cls(grid, left[0], output)

    @property
    def parameters(self) -> list[Tensor]:
        """The table first, then the weights, then the biases."""
        table = [self.grid.table] if self.grid else []
        return [*table, *self.network.weights, *(self.network.biases or ())]

    def with_parameters(self, parameters: Sequence[Tensor]) -> "Model":
        """The same model with other tensors, in the order of ``parameters``."""
        left = list(parameters)
        grid = replace(self.grid, table=left.pop(0)) if self.grid else None
        maps = len(self.network.weights)
        biases = left[maps:] if self.network.biases is not None else None
        return Model(grid, replace(self.network, weights=left[:maps], biases=biases), self.output)

    @property
    def inputs(self) -> int:
        return self.grid.layout.dim if self.grid else self.network.weights[0].shape[1]

    @property
    def outputs(self) -> int:
        return self.network.weights[-1].shape[0]
