"""What the floors above agree on: a Signal is sampled in Batches, an Objective compares a field with a Batch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from neuralfields.field import Field, FieldLike
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

    def to(self, device: torch.device | str) -> Self:
        """The same samples on ``device``; itself when already there."""
        if self.x.device == torch.device(device):
            return self
        held = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return replace(self, **{name: t.to(device) for name, t in held.items() if isinstance(t, Tensor)})


@dataclass(frozen=True)
class SurfaceBatch(Batch):
    """Samples on a surface and beside it.

    Attributes:
        normal: [n, in_dim] or None, unit normals that point outwards; of no meaning where ``on_surface`` is False.
        on_surface: [n] bool or None, which samples lie on the surface.
    """

    normal: Tensor | None = None
    on_surface: Tensor | None = None


@dataclass(frozen=True)
class RayBatch(Batch):
    """Rays of posed images and the colours that they have there.

    Attributes:
        x: [n, 6], each ray's origin and its direction of length one, in box coordinates.
        y: [n, 4], colour as the picture shows it, not multiplied by alpha, and alpha (1 without masks), in [0, 1].
        camera: [n] int64 or None, number of the view that each ray belongs to.
    """

    camera: Tensor | None = None


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


@runtime_checkable
class Prepared(Protocol):
    """A signal that has work to do before its first batch, which is not part of the time of a fit."""

    def prepare(self) -> None:
        """Do it; a second call does nothing."""
        ...


@runtime_checkable
class Source(Signal, Prepared, Protocol):
    """A signal that comes from a file: what a fit in a folder of its own needs besides.

    Attributes:
        options: names of those arguments of ``read`` that ``describe`` repeats, enough to read the signal again.
        name: of the file.
        extent: how large it is, for people.
        notes: what a user should know of it, one sentence each.
    """

    options: ClassVar[tuple[str, ...]]
    name: str

    @property
    def extent(self) -> str: ...

    @property
    def notes(self) -> list[str]: ...

    @property
    def awaited(self) -> str:
        """What ``prepare`` does, for people, if it takes long; else empty."""
        ...

    def cost(self, size_in_bytes: int) -> dict[str, float]:
        """What a file of this size means for such a signal, by name, as bits per pixel; may be empty."""
        ...

    def preview(self, field: Field) -> np.ndarray:
        """A small picture [height, width, channels] of a field fitted to it, as a screen shows it, in [0, 1]."""
        ...


@runtime_checkable
class Reserved(Protocol):
    """A signal that ``measure`` judges by samples that a fit must not look at: nothing may be chosen by them."""

    def watch(self, field: FieldLike) -> dict[str, float]:
        """As ``measure`` quickly, by what is trained on."""
        ...


@runtime_checkable
class Numbered(Protocol):
    """A signal whose samples have numbers, which ``Batch.index`` tells."""

    def at(self, index: Tensor) -> Batch:
        """The samples with these numbers [n]."""
        ...


@runtime_checkable
class Detailed(Protocol):
    """A signal that knows where it varies most."""

    def detail(self, n: int, *, seed: int) -> Tensor:
        """Coordinates [n, in_dim] drawn at random, with a density in proportion to how much the signal varies."""
        ...


class Sampler(Protocol):
    """Which samples a step trains on, where that depends on the fit. It is kept in checkpoints by its tensors.

    Attributes:
        unbiased: whether a batch's weighted loss is that of the whole signal on average, so that it tells the quality.
    """

    unbiased: bool

    def draw(self, field: FieldLike, signal: Signal, n: int, *, seed: int, step: int, fraction: float) -> Batch:
        """At most ``n`` samples for this step, after this fraction of the budget; the same ones for the same state."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """What must be kept to go on, by name."""
        ...

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what ``tensors`` gave."""
        ...


@runtime_checkable
class Listener(Protocol):
    """A sampler, or a field, that wants to know how well its samples are fitted."""

    def feedback(self, x: Tensor, loss: Tensor) -> None:
        """Called after every fourth step with a batch's coordinates [n, in_dim] and each sample's squared error [n]."""
        ...


class Objective(Protocol):
    """Named, weighted terms whose sum is minimised; an nn.Module when it owns state.

    Its parameters are fitted too, at the optimizer's rate times its ``lr_scale``, if it has one. Where no term has a
    gradient the step changes nothing.
    """

    def __call__(self, field: FieldLike, batch: Batch, step: int) -> Mapping[str, Tensor]: ...


@runtime_checkable
class Sparing(Protocol):
    """An objective whose samples cost more or less as a fit goes on, so that it wants fewer or more of them."""

    def wanted(self, batch: int) -> int:
        """How many samples the next step takes, 1 to ``batch``."""
        ...
