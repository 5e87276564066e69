"""Multiresolution grid of features, dense where it fits its table and hashed where it does not.

@article{mueller2022instant,
  title={Instant Neural Graphics Primitives with a Multiresolution Hash Encoding},
  author={M{\"u}ller, Thomas and Evans, Alex and Schied, Christoph and Keller, Alexander},
  journal={ACM Transactions on Graphics}, volume={41}, number={4}, year={2022}}
"""

import torch
from torch import Tensor, nn

from neuralfields import ops
from neuralfields.checks import between, one_of
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.ops.field_step import Grid
from neuralfields.ops.grid_encode import INTERPOLATIONS


class HashGrid(Field):
    """Interpolated features of ``levels`` grids whose resolutions grow from ``base`` to ``finest``.

    The table's layout is tiny-cuda-nn's (``tcnn-1``); see ``ops.grid_encode``. Mueller et al. 2022, section 3.

    Args:
        in_dim: number of coordinates, 1 to 7.
        levels: number of resolutions.
        features: values per vertex, 1 to 64; the result has ``levels * features`` values.
        log2_size: a level holds at most 2^log2_size vertices; larger ones are hashed.
        base: vertices per axis of the coarsest level.
        finest: vertices per axis of the finest level; about the signal's resolution.
        interpolation: "linear", or "smoothstep" when first derivatives must be continuous.
        layout: tag of the table's layout; there is one.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Müller et al., Instant Neural Graphics Primitives with a Multiresolution Hash Encoding, SIGGRAPH 2022"
    lr_scale = 10.0
    tables = ("table",)

    def __init__(
        self,
        in_dim: int,
        *,
        levels: int = 16,
        features: int = 2,
        log2_size: int = 19,
        base: int = 16,
        finest: float = 512,
        interpolation: str = "linear",
        layout: str = "tcnn-1",
    ):
        super().__init__()
        one_of(INTERPOLATIONS, interpolation=interpolation)
        if layout != "tcnn-1":
            raise InputError(f"the layout is tcnn-1, got {layout!r}")
        between(1, 64, features=features)
        self.layout = ops.GridLayout(in_dim, levels, log2_size, base, finest)
        self.interpolation = interpolation
        self.in_dim, self.out_dim = in_dim, levels * features
        self.table = nn.Parameter(torch.empty(self.layout.entries, features).uniform_(-1e-4, 1e-4))

    @property
    def bands(self) -> list[int]:
        """The level of each value, 0 for the coarsest."""
        features = self.table.shape[1]
        return [level for level in range(self.out_dim // features) for _ in range(features)]

    def stages(self) -> list[Grid]:
        return [Grid(self.table, self.layout, self.interpolation)]

    def forward(self, x: Tensor) -> Tensor:
        flat = ops.grid_encode(x.reshape(-1, self.in_dim), self.table, self.layout, self.interpolation)
        return flat.view(*x.shape[:-1], self.out_dim)
