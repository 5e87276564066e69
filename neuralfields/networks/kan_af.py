"""AF-KAN: bumps made of an activation from both sides, pooled by attention; as small as an MLP.

@article{ta2025afkan,
  title={AF-KAN: Activation Function-Based Kolmogorov-Arnold Networks for Efficient Representation Learning},
  author={Ta, Hoang-Thang and Tran, Anh},
  journal={arXiv:2503.06112}, year={2025}}
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from neuralfields.checks import one_of
from neuralfields.field import Field
from neuralfields.networks.bases import check_splines
from neuralfields.networks.layers import LayerNorm, layer_sizes
from neuralfields.ops.mlp.reference import ACTIVATIONS

_COMBINATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "quad1": lambda a, b: (a * b).square(),
    "quad2": lambda a, b: a * b + a.square() + b.square(),
    "sum": lambda a, b: a + b,
    "prod": lambda a, b: a * b,
    "sum_prod": lambda a, b: a + b + a * b,
    "cubic1": lambda a, b: (a + b) * (a.square() + b.square()),
    "cubic2": lambda a, b: (a * b) ** 3,
}
_POOLS = ("global", "spatial", "linear")


class AfKan(Field):
    """h' = W act(LayerNorm(pool_j f(a_j, b_j))) with a_j = m act(h - low_j) and b_j = m act(high_j - h).

    m = 2 grid/(degree + 1); low_j = j/grid from j = -degree on and high_j = low_j + (degree + 1)/grid, both trained.
    The pool takes the ``grid + degree`` values of each input to one: "linear" is v f + c; "global" is sum_j f_j
    softmax_i((v f_i + c)/max(T, 1)) over the inputs i; "spatial" is sum_j f_j softmax_j(g_j/max(T, 1)) with g a
    convolution over neighbouring inputs. The temperature T is trained, from sqrt(inputs) on.

    Made a field: the code scales f by the norm, minimum and maximum over the whole batch, so that a point's value
    depends on the others. Here ReLU-KAN's constant r = m^2 stands in for that, m in each factor. Ours too: coordinates
    go from [-1, 1] to the bumps' [0, 1] first, and the first layer has no LayerNorm, which would destroy two of them.
    Left out: batch norm, and local, self and multi-head attention, which the code calls slow. The first layer pools
    every coordinate to one number, so fine signals need an encoding in front.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of hidden layers; there is one linear map more.
        grid: number of intervals.
        degree: a bump is degree + 1 intervals wide.
        activation: one of ``ops.mlp.ACTIVATIONS``; relu has bumps that end.
        combination: f: "quad1" (ab)^2, "quad2" ab + a^2 + b^2, "sum", "prod", "sum_prod", "cubic1" (a + b)(a^2 + b^2),
            "cubic2" (ab)^3.
        pool: "global", "spatial" or "linear" (the code's global_attn, spatial_attn, multistep).

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Ta and Tran, AF-KAN: Activation Function-Based Kolmogorov-Arnold Networks, arXiv 2025"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 64,
        depth: int = 2,
        grid: int = 5,
        degree: int = 3,
        activation: str = "silu",
        combination: str = "quad1",
        pool: str = "global",
    ):
        super().__init__()
        check_splines(grid, degree)
        one_of(ACTIVATIONS, activation=activation)
        one_of(_COMBINATIONS, combination=combination)
        one_of(_POOLS, pool=pool)
        self.in_dim, self.out_dim = in_dim, out_dim
        sizes = layer_sizes(in_dim, out_dim, width, depth)
        words = activation, combination, pool
        self.layers = nn.ModuleList(_Layer(*size, grid, degree, *words, norm=i > 0) for i, size in enumerate(sizes))

    def forward(self, x: Tensor) -> Tensor:
        flat = (x.reshape(-1, self.in_dim) + 1) / 2
        for layer in self.layers:
            flat = layer(flat)
        return flat.view(*x.shape[:-1], self.out_dim)


class _Layer(nn.Module):
    """Bumps of every input, pooled, then a linear map."""

    def __init__(
        self, inputs: int, out: int, grid: int, degree: int, activation: str, combination: str, pool: str, *, norm: bool
    ):
        super().__init__()
        self.activation, self.combination, self.pool = activation, combination, pool
        count = grid + degree
        low = torch.arange(-degree, grid) / grid
        self.low, self.high = nn.Parameter(low), nn.Parameter(low + (degree + 1) / grid)
        self.scale = 2 * grid / (degree + 1)
        self.score = nn.Conv1d(count, count, 3, padding=1, groups=count) if pool == "spatial" else nn.Linear(count, 1)
        if pool != "linear":
            self.temperature = nn.Parameter(torch.tensor(math.sqrt(inputs)))
        self.norm = LayerNorm(inputs) if norm else nn.Identity()
        self.map = nn.Linear(inputs, out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        act = ACTIVATIONS[self.activation]
        a, b = (self.scale * act(side) for side in (x[..., None] - self.low, self.high - x[..., None]))
        bumps = _COMBINATIONS[self.combination](a, b)  # [n, inputs, grid + degree]
        return self.map(act(self.norm(self._pooled(bumps))))

    def _pooled(self, bumps: Tensor) -> Tensor:
        if self.pool == "linear":
            return self.score(bumps)[..., 0]
        temperature = self.temperature.clamp(min=1)
        if self.pool == "global":  # one weight per input
            return bumps.sum(-1) * torch.softmax(self.score(bumps)[..., 0] / temperature, -1)
        return (bumps * torch.softmax(self.score(bumps.mT).mT / temperature, -1)).sum(-1)
