"""The plain multi-layer perceptron, which reads values from an encoding."""

from itertools import pairwise

from torch import Tensor, nn

from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.ops.field_step import Network
from neuralfields.ops.mlp import ACTIVATIONS


class MLP(Field):
    """``depth`` hidden layers of ``width``, then a linear map.

    Weights are Xavier-uniform and biases zero, as in the networks behind instant-ngp's encodings.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of activated layers, 0 for a linear map.
        activation: one of ``ops.mlp.ACTIVATIONS``.
        bias: whether the maps have biases; small networks behind a grid do without.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Rumelhart, Hinton, Williams, Learning representations by back-propagating errors, Nature 1986"

    def __init__(
        self, in_dim: int, out_dim: int, *, width: int = 64, depth: int = 2, activation: str = "relu", bias: bool = True
    ):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise InputError(f"activation is one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        self.in_dim, self.out_dim = in_dim, out_dim
        self.activation, self.bias = activation, bias
        sizes = layer_sizes(in_dim, out_dim, width, depth)
        layers = [nn.Linear(a, b, bias) for a, b in sizes]
        for layer in layers:
            nn.init.xavier_uniform_(layer.weight)
            if bias:
                nn.init.zeros_(layer.bias)
        self.layers = nn.ModuleList(layers)

    def stages(self) -> list[Network]:
        biases = list_of(self.layers, "bias") if self.bias else None
        return [Network(list_of(self.layers, "weight"), biases, self.activation)]

    def forward(self, x: Tensor) -> Tensor:
        weights = list_of(self.layers, "weight")
        biases = list_of(self.layers, "bias") if self.bias else None
        flat = ops.mlp(x.reshape(-1, self.in_dim), weights, biases, self.activation)
        return flat.view(*x.shape[:-1], self.out_dim)


def list_of(layers: nn.ModuleList, name: str) -> list[Tensor]:
    """The parameters of this name, layer by layer."""
    return [getattr(layer, name) for layer in layers]


def layer_sizes(in_dim: int, out_dim: int, width: int, depth: int) -> list[tuple[int, int]]:
    """(in, out) of each linear map of a network with ``depth`` hidden layers."""
    if min(in_dim, out_dim, width) < 1 or max(in_dim, out_dim, width) > 1 << 16 or not 0 <= depth <= 256:
        raise InputError(
            "a network has sizes between 1 and 65536 and at most 256 layers, "
            f"got in_dim {in_dim}, out_dim {out_dim}, width {width}, depth {depth}"
        )
    sizes = [in_dim] + [width] * depth + [out_dim]
    return list(pairwise(sizes))
