"""Scattered samples in memory: values at any points, of a function or of measurements."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from neuralfields import metrics
from neuralfields.errors import InputError
from neuralfields.field import FieldLike
from neuralfields.geometry import Frame
from neuralfields.protocols import Batch
from neuralfields.signals.lattice import Lattice, LatticeSignal, compared

_CHUNK = 1 << 16
_MAX_SAMPLES = 1 << 28

Bounds = tuple[Sequence[float], Sequence[float]]  # (low, high), one number per axis


class Samples(LatticeSignal):
    """Values ``y`` at points ``x``, which may lie anywhere: the frame maps their bounds to the box [-1, 1]^n.

    Both become float64 if one of them is, else float32. A field is fitted in its own dtype, so float64 samples are
    for float64 fields (``field.double()``).

    >>> import torch, neuralfields as nf
    >>> t = torch.linspace(0, 10, 500)
    >>> signal = nf.signals.Samples(t, torch.sin(t) / (1 + t))
    >>> print(signal.in_dim, signal.out_dim, signal.size, signal.bounds)
    1 1 500 ((0.0,), (10.0,))

    Args:
        x: [n, in_dim], or [n] for one coordinate.
        y: [n, out_dim], or [n] for one value.
        name: what the samples are called in reports.
        holdout: share of the samples that training never sees, 0 to below 1.
        bounds: (low, high), one number per axis; by default those of the samples.

    Raises:
        InputError: they are no numbers, shapes do not fit, a number is complex or not finite, or the bounds are empty
            or do not hold all ``x``.

    Attributes:
        dtype: of coordinates and values, torch.float32 or torch.float64.
    """

    kind = "samples"

    def __init__(self, x: Any, y: Any, *, name: str = "samples", holdout: float = 0.0, bounds: Bounds | None = None):
        try:
            given = [torch.as_tensor(part).detach().cpu() for part in (x, y)]
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"samples are arrays of numbers x [n, in_dim] and y [n, out_dim]: {error}") from error
        if any(part.is_complex() for part in given):
            raise InputError(f"{name} holds complex numbers: give real and imaginary parts, as torch.view_as_real does")
        self.dtype = torch.float64 if any(part.dtype == torch.float64 for part in given) else torch.float32
        points, values = (part.to(self.dtype)[:, None] if part.dim() == 1 else part.to(self.dtype) for part in given)
        if points.dim() != 2 or values.dim() != 2 or len(points) != len(values) or 0 in (*points.shape, *values.shape):
            shapes = " and ".join(str(list(part.shape)) for part in given)
            raise InputError(f"samples are x [n, in_dim] and y [n, out_dim], got {shapes}")
        if not (points.isfinite().all() and values.isfinite().all()):
            raise InputError(f"{name} holds NaN or Inf")
        self.name, self.values = name, values
        self.in_dim, self.out_dim = points.shape[1], values.shape[1]
        self.bounds = _numbers((points.amin(0).tolist(), points.amax(0).tolist()) if bounds is None else bounds)
        self._check_bounds(points)
        self.frame = Frame.of_box(*self.bounds)
        self.points = self.frame.to_box(points).clamp(-1, 1)  # the bounds themselves may come out a rounding beyond
        self.lattice = Lattice((len(points),), holdout)

    @classmethod
    def of_function(
        cls,
        function: Callable[[Tensor], Tensor],
        n: int,
        bounds: Bounds,
        *,
        name: str = "function",
        holdout: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> "Samples":
        """A function on the regular grid of ``n`` points per axis, both ends included.

        It is evaluated in float64, at all points [n^axes, axes] at once.

        Raises:
            InputError: ``n`` is below 2, the grid has more than 2^28 points, or as for ``Samples``.
        """
        low, high = _numbers(bounds)
        if not low or len(low) != len(high):
            raise InputError(f"bounds are (low, high) with one number per axis each, got {bounds}")
        if n < 2 or n ** len(low) > _MAX_SAMPLES:
            got = f"{n} along {len(low)} axes, {n ** len(low):,} in all"
            raise InputError(f"a grid has 2 points or more per axis and at most {_MAX_SAMPLES:,} in all, got {got}")
        axes = [torch.linspace(a, b, n, dtype=torch.float64) for a, b in zip(low, high, strict=True)]
        x = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))
        with torch.no_grad():
            y = function(x)
        return cls(x.to(dtype), y.to(dtype), name=name, holdout=holdout, bounds=bounds)

    def at(self, index: Tensor) -> Batch:
        """The samples with these numbers [n]."""
        return Batch(self.points[index], self.values[index], index=index)

    @property
    def headline(self) -> str:
        """The relative error: the values have no range of their own."""
        return "relative_l2"

    def measure(self, field: FieldLike, *, thorough: bool = False) -> dict[str, float]:
        """relative_l2 and relative_mse of all samples, psnr where all lie in [0, 1]; ``thorough`` adds the held-out."""
        found = self._errors(field, self.chunks(_CHUNK))
        if thorough and self.lattice.holdout:
            held = self._errors(field, self.held_out(_CHUNK))
            found |= {f"{name}_holdout": value for name, value in held.items()}
        return found

    def describe(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "shape": [self.size, self.in_dim, self.out_dim],
            "dtype": str(self.dtype).removeprefix("torch."),
            "holdout": self.lattice.holdout,
            "sha256": self._sha256,
        }

    def _check_bounds(self, points: Tensor) -> None:
        low, high = (torch.tensor(side, dtype=torch.float64) for side in self.bounds)
        if not (len(low) == len(high) == self.in_dim and (low < high).all()):
            raise InputError(f"bounds are (low, high) with low < high along {self.in_dim} axes, got {self.bounds}")
        # A bound that is not a float32 number may lie a rounding inside the samples that were made from it.
        slack = 1e-6 * (high - low) if self.dtype == torch.float32 else 0.0
        outside = ((points < low - slack) | (points > high + slack)).any(-1)
        if outside.any():
            first = points[outside][0].tolist()
            raise InputError(f"{int(outside.sum())} samples lie outside the bounds {self.bounds}, as {first}")

    def _errors(self, field: FieldLike, batches: Iterator[Batch]) -> dict[str, float]:
        found = metrics.errors(compared(field, batches))
        if not self._unit:
            del found["psnr"]
        return found

    @cached_property
    def _unit(self) -> bool:
        low, high = self.values.aminmax()
        return bool(low >= 0 and high <= 1)

    @cached_property
    def _sha256(self) -> str:
        digest = hashlib.sha256(f"{self.dtype} {self.in_dim} {self.out_dim} {self.bounds}".encode())
        digest.update(self.points.numpy().data)
        digest.update(self.values.contiguous().numpy().data)
        return digest.hexdigest()


def _numbers(bounds: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(low, high) as plain numbers."""
    try:
        low, high = bounds
        return tuple(map(float, low)), tuple(map(float, high))
    except (TypeError, ValueError) as error:
        raise InputError(f"bounds are (low, high) with one number per axis each, got {bounds}") from error
