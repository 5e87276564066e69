"""A multi-layer perceptron that sees its input again half way, and may start as the distance to a sphere.

@inproceedings{mildenhall2020nerf,
  title={NeRF: Representing Scenes as Neural Radiance Fields for View Synthesis},
  author={Mildenhall, Ben and Srinivasan, Pratul and Tancik, Matthew and others},
  booktitle={ECCV}, year={2020}}
@inproceedings{atzmon2020sal,
  title={SAL: Sign Agnostic Learning of Shapes from Raw Data},
  author={Atzmon, Matan and Lipman, Yaron},
  booktitle={CVPR}, year={2020}}
@inproceedings{gropp2020igr,
  title={Implicit Geometric Regularization for Learning Shapes},
  author={Gropp, Amos and Yariv, Lior and Haim, Niv and Atzmon, Matan and Lipman, Yaron},
  booktitle={ICML}, year={2020}}
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.checks import one_of, positive
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.networks.layers import layer_sizes
from neuralfields.ops.mlp import ACTIVATIONS
from neuralfields.ops.mlp.reference import ACTIVATIONS as FUNCTIONS


class SkipMLP(Field):
    """``depth`` hidden layers; after the layers in ``skips`` the input is concatenated to their result.

    The defaults are NeRF's trunk, with the skip after the fifth layer (number 4 in its code, which counts from 0) and
    Xavier-uniform weights. DeepSDF and IGR have it after the fourth; IGR is ``SkipMLP(3, 1, width=512, skips=[4],
    narrow=True, activation="softplus", geometric=1.0)``.

    With ``geometric=r`` the field starts near |x| - r (SAL, theorem 1): hidden weights N(0, 2/fan_out), biases 0, last
    weights near sqrt(pi/fan_in). The last bias is -r there; here it makes the mean over the sphere 0, because softplus,
    which is above relu near 0, would draw the zero set inwards (of radius 0.5 to 0.26 in IGR's network). It is for
    coordinates, not for encodings of them, and the nearer to a sphere the wider the network.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of activated layers.
        skips: numbers of layers, from 1 to depth - 1.
        activation: one of ``ops.mlp.ACTIVATIONS``.
        beta: sharpness of softplus, which is log(1 + exp(beta z)) / beta; others do not have it.
        narrow: the layer before a skip gives ``in_dim`` values fewer, so that all inputs are ``width`` wide, and what
            was concatenated is divided by sqrt 2, as in IGR.
        geometric: radius of the sphere the field starts as, for relu and softplus; None for Xavier-uniform.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Mildenhall et al., NeRF: Representing Scenes as Neural Radiance Fields, ECCV 2020"
    lr_scale = 0.5

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 8,
        skips: Sequence[int] = (5,),
        activation: str = "relu",
        beta: float = 100.0,
        narrow: bool = False,
        geometric: float | None = None,
    ):
        super().__init__()
        positive(beta=beta)
        one_of(ACTIVATIONS, activation=activation)
        if not all(skip in range(1, depth) for skip in skips):
            raise InputError(f"skips are numbers of layers from 1 to depth - 1 = {depth - 1}, got {list(skips)}")
        if narrow and width <= in_dim:
            raise InputError(f"a narrow layer gives width - in_dim values, got width {width} and in_dim {in_dim}")
        self.in_dim, self.out_dim = in_dim, out_dim
        self.activation, self.beta, self.narrow, self.skips = activation, float(beta), narrow, frozenset(skips)
        more, less = (0, in_dim) if narrow else (in_dim, 0)
        sizes = enumerate(layer_sizes(in_dim, out_dim, width, depth))
        layers = [nn.Linear(a + more * (i in skips), b - less * (i + 1 in skips)) for i, (a, b) in sizes]
        self.layers = nn.ModuleList(layers)
        for layer in layers:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        if geometric is not None:
            self._start_as_sphere(layers, geometric)

    @torch.no_grad()
    def _start_as_sphere(self, layers: Sequence[nn.Linear], radius: float) -> None:
        positive(geometric=radius)
        *hidden, last = layers
        if self.activation not in ("relu", "softplus") or not hidden:
            raise InputError(
                "a geometric start is for relu and softplus in one hidden layer or more, "
                f"got {self.activation!r} in {len(hidden)}"
            )
        for i, layer in enumerate(hidden):
            # The length of the input is in a concatenation twice: half its variance, unless it is divided already.
            twice = i in self.skips and not self.narrow
            layer.weight.normal_(0, math.sqrt((1 if twice else 2) / layer.out_features))
        last.weight.normal_(math.sqrt(math.pi / last.in_features), 1e-5)
        sphere = F.normalize(torch.randn(1024, self.in_dim), dim=-1) * radius
        last.bias.sub_(self.forward(sphere).mean(0))

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for i, layer in enumerate(self.layers[:-1]):
            if i in self.skips:
                h = torch.cat([h, x], -1)
                h = h / math.sqrt(2) if self.narrow else h
            z = layer(h)
            h = F.softplus(z, self.beta) if self.activation == "softplus" else FUNCTIONS[self.activation](z)
        return self.layers[-1](h)
