"""Photographs: the colours that a radiance field shows along rays against those of pixels."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neuralfields.checks import one_of
from neuralfields.errors import InputError
from neuralfields.field import FieldLike
from neuralfields.geometry import Rays
from neuralfields.ops.field_step import Task
from neuralfields.ops.losses import LOSSES, mean_loss
from neuralfields.protocols import Batch
from neuralfields.volume import Seen, losses

BACKGROUNDS = {"white": 1.0, "black": 0.0}
_SMOOTHING = 0.7  # share of the old mean number of samples per ray
_FIRST_GUESS = 100.0  # samples per ray, before any was seen
_FEWEST = 64  # rays
_APART = 1 << 40  # between the seeds of backgrounds and those of samples along rays


@dataclass(eq=False)
class Photometric(nn.Module):
    """A loss between pixels and what is seen along their rays, for a field that can be rendered.

    What lets light through shows a background: of the pixel where its alpha is below 1, of the field where its opacity
    is. With "random" ones, other at each ray and step, a field cannot paint the background: it must be empty where
    alpha is 0 and opaque where it is 1 (instant-ngp).

    Fields with coarser passes (``Rendered.earlier``) have the terms of these too: the same loss for those with colours
    (NeRF), the interlevel loss for proposals (mip-NeRF 360).

    Args:
        loss: one of ``ops.losses.LOSSES``.
        background: "random", "white" or "black".
        samples: of all rays of a step together; rays are as many as this gives, up to the fit's ``batch``. None for
            ``batch`` rays.
        distortion: weight of mip-NeRF 360's loss against floating parts (0.01 there).
        interlevel: weight of the proposals' loss.

    Raises:
        InputError: a name is unknown or a value out of range; on a call, there is no ray, or the field cannot
            be rendered.
    """

    loss: str = "l2"
    background: str = "random"
    samples: int | None = None
    distortion: float = 0.0
    interlevel: float = 1.0

    def __post_init__(self) -> None:
        super().__init__()
        one_of(LOSSES, loss=self.loss)
        one_of(("random", *BACKGROUNDS), background=self.background)
        if not all(0 <= weight < math.inf for weight in (self.distortion, self.interlevel)):
            raise InputError(f"weights are finite and from 0 on, got {self.distortion} and {self.interlevel}")
        if self.samples is not None and self.samples < 1:
            raise InputError(f"samples are 1 or more, or None, got {self.samples}")
        self.register_buffer("per_ray", torch.tensor(_FIRST_GUESS))

    def wanted(self, batch: int) -> int:
        """Rays for the next step, at most ``batch``."""
        if self.samples is None:
            return batch
        return min(batch, max(_FEWEST, int(self.samples / float(self.get_buffer("per_ray")))))

    def took(self, per_ray: float) -> None:
        """Remember how many samples the rays of a step had on average."""
        self.get_buffer("per_ray").mul_(_SMOOTHING).add_((1 - _SMOOTHING) * max(per_ray, 1.0))

    def backgrounds(self, rays: int, step: int) -> Tensor:
        """Colours [rays, 3] for a step."""
        if self.background == "random":
            return torch.rand(rays, 3, generator=torch.Generator().manual_seed(_APART + step))
        return torch.full((rays, 3), BACKGROUNDS[self.background])

    def forward(self, field: FieldLike, batch: Batch, step: int) -> Mapping[str, Tensor]:
        if not hasattr(field, "render"):
            raise InputError(f"photos are compared with a field that can be rendered, {type(field).__name__} cannot")
        if not len(batch):
            raise InputError("a step needs one ray or more, got none")
        rendered = field.render(Rays(batch.x[:, :3], batch.x[:, 3:]), seed=step)  # type: ignore[attr-defined]
        background = self.backgrounds(len(batch), step).to(batch.y)
        target = composed(batch.y, background)
        last, *coarser = (
            mean_loss(self.loss, self.shown(one, background, batch), target, batch.weight)
            for one in losses.passes(rendered)
        )
        terms = {self.loss: last}
        if coarser:
            terms["coarse"] = torch.stack(coarser).sum()
        if self.interlevel and len(rendered.earlier) > len(coarser):
            terms["interlevel"] = self.interlevel * losses.proposals(rendered)
        if self.distortion:
            terms["distortion"] = self.distortion * losses.distortion(rendered.intervals, rendered.weights).mean()
        self.took(len(rendered.intervals) / len(batch))
        # Without a sample nothing is learned, and weights shall not move by momentum alone.
        return terms if len(rendered.intervals) else {name: term.detach() for name, term in terms.items()}

    def shown(self, seen: Seen, background: Tensor, batch: Batch) -> Tensor:
        """The colours [n, 3] that a batch's pixels have where this is seen before backgrounds [n, 3]."""
        return seen.over(background)

    def task(self) -> Task | None:
        """The same for ``ops.radiance_step``, of a field that is rendered in one pass; None with the distortion."""
        return None if self.distortion else Task(self.loss)

    def psnr(self, terms: Mapping[str, float]) -> float | None:
        """PSNR of the batch (peak 1, not clamped, over its backgrounds) where the loss tells it: for l2 only."""
        return -10 * math.log10(max(terms["l2"], 1e-20)) if self.loss == "l2" else None


def composed(pixels: Tensor, background: Tensor) -> Tensor:
    """Straight colours and alpha [n, 4] over backgrounds [n, 3]."""
    colour, alpha = pixels[:, :3], pixels[:, 3:]
    return colour * alpha + background * (1 - alpha)
