"""The plain multi-layer perceptron, which reads values from an encoding."""

from torch import Tensor, nn

from neuralfields import ops
from neuralfields.checks import one_of
from neuralfields.field import Field
from neuralfields.networks.layers import layer_sizes, list_of
from neuralfields.ops.field_step import Network
from neuralfields.ops.mlp import ACTIVATIONS


class MLP(Field):
    """``depth`` hidden layers of ``width``, then a linear map.

    Weights are Xavier-uniform as behind instant-ngp's encodings (which have no biases), biases zero.

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
        one_of(ACTIVATIONS, activation=activation)
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
