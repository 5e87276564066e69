"""The affine map between the unit box [-1, 1]^n, where fields live, and the signal's own units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neuralfields.errors import InputError

HALF_SIDE = 0.9  # of the longest side of a shape in its box


@dataclass(frozen=True)
class Frame:
    """world = matrix @ box + offset, kept in float64.

    Attributes:
        matrix: n rows of n numbers.
        offset: n numbers, where the centre of the box lies in the world.
        unit: what one step in the world is: "px", "s", "m", or "" when unknown.
    """

    matrix: tuple[tuple[float, ...], ...]
    offset: tuple[float, ...]
    unit: str = ""

    def __post_init__(self) -> None:
        n = len(self.offset)
        if n == 0 or len(self.matrix) != n or any(len(row) != n for row in self.matrix):
            raise InputError(f"a frame needs an n x n matrix and n offsets, got {self.matrix} and {self.offset}")
        determinant = float(torch.linalg.det(torch.tensor(self.matrix, dtype=torch.float64)))
        if not 0 < abs(determinant) < float("inf"):
            raise InputError(f"a frame's matrix must be finite and invertible, got {self.matrix}")
        if not all(abs(value) < float("inf") for value in self.offset):
            raise InputError(f"a frame's offset must be finite, got {self.offset}")

    @classmethod
    def of_box(cls, low: Sequence[float], high: Sequence[float], unit: str = "") -> "Frame":
        """The frame that fills each axis of the world box from ``low`` to ``high``."""
        n = len(low)
        half = [(b - a) / 2 for a, b in zip(low, high, strict=True)]
        matrix = tuple(tuple(half[i] if i == j else 0.0 for j in range(n)) for i in range(n))
        return cls(matrix, tuple((a + b) / 2 for a, b in zip(low, high, strict=True)), unit)

    @classmethod
    def around(cls, low: Sequence[float], high: Sequence[float], unit: str = "") -> "Frame":
        """The frame in which the longest side of a world box spans [-0.9, 0.9], with one scale for all axes.

        Raises:
            InputError: the box has no extent.
        """
        scale = max(b - a for a, b in zip(low, high, strict=True)) / (2 * HALF_SIDE)
        if not 0 < scale < float("inf"):
            raise InputError(f"a shape has an extent, all of this is at {[float(value) for value in low]}")
        centre = [(float(a) + float(b)) / 2 for a, b in zip(low, high, strict=True)]
        return cls(
            tuple(tuple(float(scale) * (i == j) for j in range(len(low))) for i in range(len(low))), tuple(centre), unit
        )

    @property
    def dim(self) -> int:
        return len(self.offset)

    @property
    def scale(self) -> float:
        """World units per box unit: that of all axes where they share one, else the geometric mean."""
        return float(torch.linalg.det(torch.tensor(self.matrix, dtype=torch.float64)).abs() ** (1 / self.dim))

    def to_world(self, x: Tensor) -> Tensor:
        """Box coordinates [*batch, n] to world coordinates of the same shape and dtype."""
        matrix, offset = self._tensors(x)
        return _as_given(x.double() @ matrix.T + offset, x)

    def to_box(self, p: Tensor) -> Tensor:
        """World coordinates [*batch, n] to box coordinates of the same shape and dtype."""
        matrix, offset = self._tensors(p)
        return _as_given((p.double() - offset) @ torch.linalg.inv(matrix).T, p)

    def gradient_to_world(self, gradient: Tensor) -> Tensor:
        """Gradients per box unit [*batch, n] to gradients per world unit (multiplied by the inverse matrix)."""
        matrix, _ = self._tensors(gradient)
        return _as_given(gradient.double() @ torch.linalg.inv(matrix), gradient)

    def to_json(self) -> dict[str, object]:
        return {"matrix": [list(row) for row in self.matrix], "offset": list(self.offset), "unit": self.unit}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> "Frame":
        """Read what ``to_json`` wrote.

        Raises:
            InputError: the entries are missing or are not numbers of the right count.
        """
        try:
            matrix = tuple(tuple(float(v) for v in row) for row in data["matrix"])  # type: ignore[union-attr]
            offset = tuple(float(v) for v in data["offset"])  # type: ignore[union-attr]
            unit = str(data.get("unit", ""))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"not a frame: {data!r}") from error
        return cls(matrix, offset, unit)

    def _tensors(self, like: Tensor) -> tuple[Tensor, Tensor]:
        matrix = torch.tensor(self.matrix, dtype=torch.float64, device=like.device)
        return matrix, torch.tensor(self.offset, dtype=torch.float64, device=like.device)


def _as_given(result: Tensor, like: Tensor) -> Tensor:
    """In the dtype of floating-point coordinates; whole numbers become float32."""
    return result.to(like.dtype if like.is_floating_point() else torch.float32)
