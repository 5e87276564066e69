"""The definition of ``pixel_rays`` in NumPy and PyTorch."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neuralfields.ops.sampling.reference import take_values


@dataclass(frozen=True, eq=False)
class PosedPixels:
    """Pixels of several pictures, and the pinhole cameras that took them.

    Attributes:
        stored: [pixels of all, 3 or 4] uint8, row by row, picture by picture; straight alpha last.
        chosen: [m] int32, places in ``stored`` (as if unsigned) of the pixels that have a number; None for ``first``
            ones.
        first: how many pixels have a number where none are chosen.
        starts: [v + 1] int64, where each picture begins, and the end.
        widths: [v] int64.
        planes, turns: [v, 2, 2] and [v, 3, 3] float64, as ``geometry.cameras.through_pinholes`` takes them.
        eyes: [v, 3] float64, where the cameras are.
    """

    stored: Tensor
    chosen: Tensor | None
    first: int
    starts: Tensor
    widths: Tensor
    planes: Tensor
    turns: Tensor
    eyes: Tensor

    @property
    def size(self) -> int:
        """How many pixels have a number."""
        return self.first if self.chosen is None else len(self.chosen)

    def find(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of the pixels with these numbers [n]: place in ``stored`` [n], view [n], pixel coordinates [n, 2] float64."""
        numbers = index.numpy()
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < self.size):
            raise IndexError(f"index out of range: there are {self.size} pixels")
        place = numbers if self.chosen is None else self.chosen.numpy()[numbers].view(np.uint32).astype(np.int64)
        # torch.bucketize wakes OpenMP's threads, which then wait busily where the core's threads want to work.
        view = np.searchsorted(self.starts.numpy()[1:], place, side="right")
        row, column = np.divmod(place - self.starts.numpy()[view], self.widths.numpy()[view])
        pixels = np.stack([column, row], -1) + 0.5
        return torch.from_numpy(place), torch.from_numpy(view), torch.from_numpy(pixels)

    def values(self, place: Tensor) -> Tensor:
        """Colour and alpha [n, 4] float32 of pixels at places [n] in ``stored``."""
        values = take_values(self.stored, place)
        return values if values.shape[1] == 4 else torch.cat([values, torch.ones(len(values), 1)], -1)


def pixel_rays(photos: PosedPixels, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    from neuralfields.geometry.cameras import through_pinholes

    place, view, pixels = photos.find(index)
    direction = through_pinholes(pixels, photos.planes[view].double(), photos.turns[view].double())
    rays = torch.cat([photos.eyes[view].double(), direction], -1).float()
    return rays, photos.values(place), view
