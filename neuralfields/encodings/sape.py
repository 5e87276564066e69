"""SAPE: higher frequencies are let in over time, cell by cell, and only where the error asks for them.

@inproceedings{hertz2021sape,
  title={{SAPE}: Spatially-Adaptive Progressive Encoding for Neural Optimization},
  author={Hertz, Amir and Perel, Or and Giryes, Raja and Sorkine-Hornung, Olga and Cohen-Or, Daniel},
  booktitle={NeurIPS}, year={2021}}
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from neuralfields.errors import InputError
from neuralfields.field import Field


class Sape(Field):
    """[x, sin 2 pi b_1 u, cos 2 pi b_1 u, sin 2 pi b_2 u, ...] times a mask m(x), with u = (x + 1) / 2 in [0, 1].

    The frequencies b are sorted by length: N(0, sigma^2) long, in a direction that is uniform on the sphere. Entries
    open in blocks, the first from the start, the others one by one until half of a fit is over; a cell whose blurred
    mean error fell to ``epsilon`` opens no more. The mask of the cells is blurred by a box (5 cells wide, or 3 where
    there are 100 cells or fewer) and interpolated linearly between their centres. Its slope is part of the derivatives
    in x, unlike in the paper's code; fits of values are the same. Outside of a fit all is open; a fit leaves its mask.
    The paper's code has coordinates in [-1, 1], hence its std 20 is sigma 40.

    Args:
        in_dim: number of coordinates, 1 to 3.
        features: number of values besides the coordinates, even; half of them sines.
        sigma: standard deviation of the frequencies' lengths, in periods per box side.
        cells: of the mask, per axis, at most 2^22 in all; the paper has 12 in one dimension, 128 in two, 64 in three.
        blocks: number of blocks; None for blocks of ``in_dim`` entries, as in the paper.
        epsilon: squared error below which a cell opens no more; 1e-3 suits values in [0, 1].
        seed: of the frequencies, which are saved with the field.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Hertz et al., SAPE: Spatially-Adaptive Progressive Encoding for Neural Optimization, NeurIPS 2021"

    def __init__(
        self,
        in_dim: int,
        *,
        features: int = 512,
        sigma: float = 40.0,
        cells: int = 128,
        blocks: int | None = None,
        epsilon: float = 1e-3,
        seed: int = 0,
    ):
        super().__init__()
        if not 1 <= in_dim <= 3 or not 1 <= cells <= 1024 or not 2 <= features <= 1 << 16 or features % 2:
            raise InputError(
                "in_dim is between 1 and 3, cells between 1 and 1024, features even and between 2 and 65536, "
                f"got {in_dim}, {cells} and {features}"
            )
        if cells**in_dim > 1 << 22:
            raise InputError(f"cells are at most 4194304 in all, got {cells} along each of {in_dim} axes")
        if not 0 <= sigma < math.inf or not 0 <= epsilon < math.inf:
            raise InputError(f"sigma and epsilon are not negative and finite, got {sigma} and {epsilon}")
        self.in_dim, self.out_dim = in_dim, in_dim + features
        self.blocks = self.out_dim // in_dim if blocks is None else blocks
        if not 1 <= self.blocks <= self.out_dim:
            raise InputError(f"blocks is between 1 and the number of entries {self.out_dim}, got {blocks}")
        self.cells, self.epsilon, self.box = cells, float(epsilon), 5 if cells**in_dim > 100 else 3
        generator, device = torch.Generator().manual_seed(seed), torch.get_default_device()
        lengths = torch.randn(features // 2, generator=generator, device="cpu") * sigma
        directions = torch.randn(in_dim, features // 2, generator=generator, device="cpu")
        frequencies = directions / directions.norm(dim=0) * lengths[lengths.abs().argsort()]
        self.register_buffer("frequencies", frequencies.to(device))
        # The last block that is open in each cell, which is far less memory than a mask of all entries.
        self.register_buffer("open", torch.full((cells**in_dim,), self.blocks - 1, dtype=torch.int32))
        self.register_buffer("active", torch.ones(cells**in_dim, dtype=torch.bool))
        self.register_buffer("losses", torch.zeros(cells**in_dim))
        self.register_buffer("visits", torch.zeros(cells**in_dim))
        self.register_buffer("openings", torch.tensor(-1))  # so far in this fit; -1 before any
        self.frequencies: Tensor
        self.open: Tensor
        self.active: Tensor
        self.losses: Tensor
        self.visits: Tensor
        self.openings: Tensor

    def advance(self, fraction: float) -> None:
        due, done = min(self.blocks - 1, int(2 * (self.blocks - 1) * fraction)), int(self.openings)
        if done < 0 or due < done:  # a fit begins
            self.open.zero_()
            self.active.fill_(True)
        if due != done:
            if due > done >= 0:
                self.active &= self._mean_losses() > self.epsilon
                self.open += (due - done) * self.active
            self.losses.zero_()
            self.visits.zero_()
            self.openings.fill_(due)

    @torch.no_grad()
    def feedback(self, x: Tensor, loss: Tensor) -> None:
        index, weight = self._around(x, 1)
        self.visits.index_add_(0, index.flatten(), weight.flatten())
        self.losses.index_add_(0, index.flatten(), (weight * loss[:, None]).flatten())

    def _mean_losses(self) -> Tensor:
        """Of each cell, blurred; a cell that no sample came near has the mean of those around it, or else of all."""
        seen = (self.visits > 0).to(self.losses)
        if not seen.any():
            return torch.full_like(self.losses, math.inf)  # nothing is known, so all go on
        means = self.losses / self.visits.where(seen > 0, 1)
        near = self._blur(seen)
        around = self._blur(means) / near.where(near > 0, 1)
        around = around.where(near > 0, means.sum() / seen.sum())
        return self._blur(means.where(seen > 0, around))

    def _blur(self, values: Tensor) -> Tensor:
        grid = values.view(1, 1, *[self.cells] * self.in_dim)
        grid = F.pad(grid, [self.box // 2] * 2 * self.in_dim, "replicate")
        return getattr(F, f"avg_pool{self.in_dim}d")(grid, self.box, 1).flatten()

    def _around(self, x: Tensor, box: int) -> tuple[Tensor, Tensor]:
        """Cells around points and their weights, of linear interpolation after a blur by a box: [*batch, taps]."""
        position = ((x + 1) / 2 * self.cells - 0.5).clamp(0, self.cells - 1)
        first = position.detach().nan_to_num().floor()
        share = (position - first)[..., None]
        taps = torch.arange(box + 1, device=x.device) - box // 2
        axes = (first.long()[..., None] + taps).clamp(0, self.cells - 1)
        weights = torch.cat([1 - share, torch.ones_like(share).expand(*share.shape[:-1], box - 1), share], -1) / box
        index, weight = axes[..., 0, :], weights[..., 0, :]
        for i in range(1, self.in_dim):
            index = (index[..., None] * self.cells + axes[..., i, None, :]).flatten(-2)
            weight = (weight[..., None] * weights[..., i, None, :]).flatten(-2)
        return index, weight

    def mask(self, x: Tensor) -> Tensor:
        """m at coordinates, from 0 to 1 for each entry: [*batch, out_dim]."""
        index, weight = self._around(x, self.box)
        # The weight of the cells whose last open block is each one; of those below a block, it is what the block lacks.
        lacking = weight.new_zeros(*weight.shape[:-1], self.blocks).scatter_add(-1, self.open[index].long(), weight)
        closed = F.pad(lacking.cumsum(-1)[..., :-1], (1, 0))
        blocks = (1 - closed).clamp(0, 1)
        size = self.out_dim // self.blocks
        entries = blocks[..., None].expand(*blocks.shape, size).flatten(-2)
        rest = blocks[..., -1:].expand(*blocks.shape[:-1], self.out_dim - self.blocks * size)
        return torch.cat([entries, rest], -1)

    def forward(self, x: Tensor) -> Tensor:
        phase = math.pi * (x + 1) @ self.frequencies
        waves = torch.stack([phase.sin(), phase.cos()], -1).flatten(-2)
        return torch.cat([x, waves], -1) * self.mask(x)
