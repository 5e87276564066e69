"""What the floors above agree on: a Signal is sampled in Batches, an Objective compares a field with a Batch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from neuralfields.field import FieldLike
from neuralfields.geometry import Frame


@dataclass(frozen=True)
class Batch:
    """Samples of a signal.

    Attributes:
        x: coordinates [n, in_dim] in the box [-1, 1].
        y: values [n, out_dim] in the signal's units.
        weight: [n] or None, how much each sample counts in the mean.
        index: [n] or None, which sample of the signal each one is.
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None = None
    index: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device | str) -> "Batch":
        """The same samples on ``device``; itself when already there."""
        if self.x.device == torch.device(device):
            return self
        held = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return replace(self, **{name: t.to(device) for name, t in held.items() if isinstance(t, Tensor)})


@runtime_checkable
class Signal(Protocol):
    """What is fitted: it can be sampled, at random and throughout.

    Attributes:
        kind: "image", "audio", …: what the command calls it.
    """

    in_dim: int
    out_dim: int
    kind: str
    frame: Frame

    @property
    def size(self) -> int:
        """Number of samples it holds."""
        ...

    def draw(self, n: int, *, seed: int, step: int) -> Batch:
        """Batch number ``step`` of at most ``n`` samples. The same arguments give the same batch: there is no state."""
        ...

    def chunks(self, n: int) -> Iterator[Batch]:
        """All samples in order, ``n`` at a time."""
        ...

    @property
    def headline(self) -> str:
        """Name of the metric that matters most for it: "psnr" for values in [0, 1]."""
        ...

    def measure(self, field: FieldLike, *, thorough: bool = False) -> dict[str, float]:
        """Quality of a field over the whole signal by name; ``thorough`` adds what takes longer."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the signal is, as JSON values, without its path: at least kind, name, shape, sha256."""
        ...


class Objective(Protocol):
    """Named, weighted terms whose sum is minimised; an nn.Module when it owns state."""

    def __call__(self, field: FieldLike, batch: Batch, step: int) -> Mapping[str, Tensor]: ...
