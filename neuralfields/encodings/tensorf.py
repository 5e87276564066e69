"""TensoRF: a grid of features as sums of products of planes and lines (VM), or of lines alone (CP).

@inproceedings{chen2022tensorf,
  title={{TensoRF}: Tensorial Radiance Fields},
  author={Chen, Anpei and Xu, Zexiang and Geiger, Andreas and Yu, Jingyi and Su, Hao},
  booktitle={ECCV}, year={2022}}
"""

from collections.abc import Sequence
from functools import reduce
from operator import mul
from typing import Any

import torch
from torch import Tensor, nn

from neuralfields.checks import between, one_of
from neuralfields.encodings.tables import encoded, per_axis, resampled
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.ops import PlaneLayout

COMBINATIONS = ("concat", "sum")
_PAPER = "Chen et al., TensoRF: Tensorial Radiance Fields, ECCV 2022"


class TensorVM(Field):
    """f_mr = M_mr(plane m) v_mr(line m) for the planes xy, xz, yz and the lines z, y, x, and components r.

    "concat" gives all products; the paper's basis matrix B is a linear map behind it (``MLP(3 * R, 27, depth=0,
    bias=False)``). "sum" gives their sum, one value, as the paper's density. Starts as 0.1 N(0, 1).

    Args:
        in_dim: number of coordinates: 3.
        resolution: vertices per axis, one number or a list; the paper ends at 300.
        components: R, per pair of plane and line, 1 to 1024; the paper has 48 for colours and 16 for density.
        combine: "concat", ``3 * components`` values, or "sum".

    Raises:
        InputError: an argument is out of range.
    """

    paper = _PAPER
    lr_scale = 20.0
    tables = ("table",)

    def __init__(
        self,
        in_dim: int = 3,
        *,
        resolution: int | Sequence[int] = 300,
        components: int = 48,
        combine: str = "concat",
    ):
        super().__init__()
        if in_dim != 3:
            raise InputError(f"the VM decomposition has 3 coordinates, got {in_dim}; CP has 1 to 7")
        _check(components, combine)
        axes = (0, 1), (0, 2), (1, 2), (2,), (1,), (0,)
        self.layout = PlaneLayout(3, axes, per_axis(resolution, 3))
        self.in_dim, self.out_dim = 3, 3 * components if combine == "concat" else 1
        self.combine = combine
        self.table = nn.Parameter(0.1 * torch.randn(self.layout.entries, components))

    def resampled(self, resolution: int | Sequence[int]) -> "TensorVM":
        """A new field with another resolution and the same functions on planes and lines, linear between vertices."""
        return _resampled(self, resolution)

    def forward(self, x: Tensor) -> Tensor:
        planes, lines = encoded(x, self.table, self.layout).unflatten(-2, (2, 3)).unbind(-3)
        products = (planes * lines).flatten(-2)
        return products if self.combine == "concat" else products.sum(-1, keepdim=True)


class TensorCP(Field):
    """f_r = v_r(x) v_r(y) v_r(z), products of lines, for components r.

    Starts as s N(0, 1) with s = 0.1 in three dimensions as in the paper; in others s = 0.1^(3 / n), so that the
    products are as large.

    Args:
        in_dim: number of coordinates, 1 to 7.
        resolution: vertices per axis, one number or a list; the paper ends at 500.
        components: number of products, 1 to 1024; the paper has 288 for colours and 96 for density.
        combine: "concat", ``components`` values, or "sum", one.

    Raises:
        InputError: an argument is out of range.
    """

    paper = _PAPER
    lr_scale = 20.0
    tables = ("table",)

    def __init__(
        self, in_dim: int, *, resolution: int | Sequence[int] = 500, components: int = 288, combine: str = "concat"
    ):
        super().__init__()
        between(1, 7, in_dim=in_dim)
        _check(components, combine)
        self.layout = PlaneLayout(in_dim, [(axis,) for axis in range(in_dim)], per_axis(resolution, in_dim))
        self.in_dim, self.out_dim = in_dim, components if combine == "concat" else 1
        self.combine = combine
        self.table = nn.Parameter(0.1 ** (3 / in_dim) * torch.randn(self.layout.entries, components))

    def resampled(self, resolution: int | Sequence[int]) -> "TensorCP":
        """A new field with another resolution and the same functions on lines, linear between vertices."""
        return _resampled(self, resolution)

    def forward(self, x: Tensor) -> Tensor:
        products = reduce(mul, encoded(x, self.table, self.layout).unbind(-2))
        return products if self.combine == "concat" else products.sum(-1, keepdim=True)


def _check(components: int, combine: str) -> None:
    between(1, 1024, components=components)
    one_of(COMBINATIONS, combine=combine)


def _resampled(field: Any, resolution: int | Sequence[int]) -> Any:
    other = type(field)(**{**field.spec["arguments"], "resolution": resolution})
    other.table = nn.Parameter(resampled(field.table, field.layout, other.layout))
    other.frame = field.frame
    return other
