"""Coarse to fine: an encoding's higher frequencies are let in as a fit goes on.

@inproceedings{lin2021barf,
  title={{BARF}: Bundle-Adjusting Neural Radiance Fields},
  author={Lin, Chen-Hsuan and Ma, Wei-Chiu and Torralba, Antonio and Lucey, Simon},
  booktitle={ICCV}, year={2021}}
"""

import math

import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.field import Field


class CoarseToFine(Field):
    """Features times w_k, where k is their band: w_k = (1 - cos(pi clamp(alpha - k, 0, 1))) / 2.

    alpha grows from ``opened`` at the share ``start`` of a fit to the number of bands at ``end``, as ``advance`` tells.
    Outside of a fit all bands are open; a field whose fit was stopped early keeps the mask it had. The encoding says in
    ``bands`` which band each feature is in: the octave of ``PositionalEncoding``, the level of ``HashGrid``, the scale
    of ``KPlanes``, one of eight groups of ``FourierFeatures``, in ``Concat`` those of its parts. Band -1 is never
    masked, as BARF's raw coordinates; an encoding without such features keeps band 0 open. BARF's code also multiplies
    the network's first layer by sqrt(features / coordinates); that is the network's business and left out.

    Args:
        encoding: a field with ``bands``.
        start, end: shares of the fit, 0 <= start < end <= 1.
        opened: number of bands that are open from the start.

    Raises:
        InputError: the encoding has no bands, or a number is out of range.
    """

    paper = "Lin et al., BARF: Bundle-Adjusting Neural Radiance Fields, ICCV 2021"

    def __init__(self, encoding: Field, *, start: float = 0.1, end: float = 0.5, opened: int = 0):
        super().__init__()
        bands = getattr(encoding, "bands", None)
        if bands is None:
            raise InputError(f"{type(encoding).__name__} has no bands to open one after the other")
        if not 0 <= start < end <= 1:
            raise InputError(f"a mask opens from start to end, 0 <= start < end <= 1, got {start} and {end}")
        if not 0 <= opened <= max(bands) + 1:
            raise InputError(f"opened is between 0 and the {max(bands) + 1} bands, got {opened}")
        self.in_dim, self.out_dim = encoding.in_dim, encoding.out_dim
        self.encoding = encoding
        self.start, self.end, self.opened = start, end, max(opened, int(min(bands) >= 0))
        # A buffer, because the bands of random frequencies belong to those that are saved beside it.
        self.register_buffer("bands", torch.as_tensor(bands))
        self.register_buffer("progress", torch.ones(()))
        self.bands: Tensor
        self.progress: Tensor

    def advance(self, fraction: float) -> None:
        self.progress.fill_(fraction)

    def mask(self) -> Tensor:
        """The weight of each feature now, between 0 and 1."""
        share = ((self.progress - self.start) / (self.end - self.start)).clamp(0, 1)
        alpha = self.opened + (self.bands.max() + 1 - self.opened) * share
        window = (1 - (math.pi * (alpha - self.bands).clamp(0, 1)).cos()) / 2
        return torch.where(self.bands < 0, 1.0, window).to(self.progress.dtype)

    def forward(self, x: Tensor) -> Tensor:
        return self.encoding(x) * self.mask()
