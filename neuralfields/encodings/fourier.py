"""Fourier features: random frequencies (Gaussian) and the axis-aligned powers of two of NeRF.

@inproceedings{tancik2020fourier,
  title={Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional Domains},
  author={Tancik, Matthew and Srinivasan, Pratul and Mildenhall, Ben and others},
  booktitle={NeurIPS}, year={2020}}
@inproceedings{mildenhall2020nerf,
  title={NeRF: Representing Scenes as Neural Radiance Fields for View Synthesis},
  author={Mildenhall, Ben and Srinivasan, Pratul and Tancik, Matthew and others},
  booktitle={ECCV}, year={2020}}
"""

import math

import torch
from torch import Tensor

from neuralfields.checks import between
from neuralfields.errors import InputError
from neuralfields.field import Field


class FourierFeatures(Field):
    """[sin 2 pi B u, cos 2 pi B u] with fixed random frequencies B ~ N(0, sigma^2) and u = (x + 1) / 2 in [0, 1].

    Tancik et al. 2020, section 6. Their coordinates are [0, 1), hence u: sigma has the paper's meaning.

    Args:
        in_dim: number of coordinates.
        features: number of values, even; half of them sines. The paper has 512.
        sigma: standard deviation of the frequencies, in periods per box side; 10 suits natural images of 512 pixels.
        seed: of the frequencies, which are saved with the field.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Tancik et al., Fourier Features Let Networks Learn High Frequency Functions, NeurIPS 2020"

    def __init__(self, in_dim: int, *, features: int = 512, sigma: float = 10.0, seed: int = 0):
        super().__init__()
        if not 1 <= in_dim <= 64 or not 2 <= features <= 1 << 16 or features % 2 or not 0 <= sigma < math.inf:
            raise InputError(
                "in_dim is between 1 and 64, features even and between 2 and 65536, sigma finite and not negative, "
                f"got {in_dim}, {features} and {sigma}"
            )
        self.in_dim, self.out_dim = in_dim, features
        generator = torch.Generator().manual_seed(seed)
        frequencies = torch.randn(in_dim, features // 2, generator=generator, device="cpu") * sigma
        self.frequencies: Tensor
        self.register_buffer("frequencies", frequencies.to(torch.get_default_device()))

    @property
    def bands(self) -> list[int]:
        """The band of each value, 0 for the lowest: up to eight groups of equal size, by length of the frequency.

        Groups of equal size, because octaves of random frequencies are nearly empty at the low end.
        """
        count = self.out_dim // 2
        rank = self.frequencies.norm(dim=0).argsort(stable=True).argsort()
        return (rank * min(8, count) // count).tolist() * 2

    def forward(self, x: Tensor) -> Tensor:
        phase = math.pi * (x + 1) @ self.frequencies
        return torch.cat([phase.sin(), phase.cos()], -1)


class PositionalEncoding(Field):
    """[x, sin(2^i pi x), cos(2^i pi x) for i < octaves] for each axis.

    Mildenhall et al. 2020, equation 4, with the raw coordinates in front as in their code.

    Args:
        in_dim: number of coordinates.
        octaves: number of frequencies L; floor(log2(n / 4)) is the Nyquist rule for n samples along an axis.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Mildenhall et al., NeRF: Representing Scenes as Neural Radiance Fields, ECCV 2020"

    def __init__(self, in_dim: int, *, octaves: int = 10):
        super().__init__()
        between(1, 64, in_dim=in_dim)
        between(1, 32, octaves=octaves)
        self.in_dim, self.out_dim = in_dim, in_dim * (1 + 2 * octaves)
        self.octaves = octaves

    @property
    def bands(self) -> list[int]:
        """The octave of each value; -1 for the coordinates themselves, which no mask hides."""
        octaves = [octave for octave in range(self.octaves) for _ in range(self.in_dim)]
        return [-1] * self.in_dim + octaves * 2

    def forward(self, x: Tensor) -> Tensor:
        frequency = math.pi * 2.0 ** torch.arange(self.octaves, dtype=x.dtype, device=x.device)
        phase = (x[..., None, :] * frequency[:, None]).flatten(-2)
        return torch.cat([x, phase.sin(), phase.cos()], -1)
