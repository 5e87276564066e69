"""Radiance fields that are rendered in passes: the earlier ones tell the later ones where to sample.

@inproceedings{mildenhall2020nerf,
  title={NeRF: Representing Scenes as Neural Radiance Fields for View Synthesis},
  author={Mildenhall, Ben and Srinivasan, Pratul and Tancik, Matthew and others},
  booktitle={ECCV}, year={2020}}
@inproceedings{barron2022mipnerf360,
  title={Mip-NeRF 360: Unbounded Anti-Aliased Neural Radiance Fields},
  author={Barron, Jonathan and Mildenhall, Ben and Verbin, Dor and others},
  booktitle={CVPR}, year={2022}}
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.fields.passes import check_samples, values_of
from neuralfields.geometry import Rays, box_interval
from neuralfields.volume import Intervals, Rendered, Span, refined, render, resampled, stratified
from neuralfields.volume.sampling import SPACINGS

_DILATION = 0.0025  # of mip-NeRF 360, the part that does not shrink with the number of samples


class Hierarchical(Field):
    """A radiance field, and the coarser fields that look for what is to be seen before it does.

    NeRF: the earlier pass is a ``Radiance`` too, whose colours are trained; the last one samples where it did and,
    ``merged``, where it saw something. 64 and 128 samples are 64 and 192.

    Mip-NeRF 360: the earlier passes are densities alone (``Density``), trained to be upper bounds of the last one's
    weights; each pass has all its samples where the one before saw something, ``merged`` is False. What was seen is
    widened (dilated), and flattened at the beginning of a fit (annealed).

    As a function of position and direction it is the last pass's field.

    Args:
        radiance: position and direction, six coordinates, to four values: ``Radiance``.
        proposals: the earlier passes' fields in order, each a ``Radiance`` or a ``Density``.
        samples: of each pass, the last one's at the end.
        near: distance from the eye, in box units, where rays begin.
        far: where they end; None for rays clipped to the box.
        spacing: in what the first pass's samples are even, as ``volume.Span`` has it.
        merged: whether a pass has the samples of the one before besides its own.
        opaque: whether the end of a ray hides what is behind it: for scenes without masks that have a ``far``.
        dilation: reach of the widening, in lengths of a part of the ray of which each sample so far stands for one.
        slope: of the annealing; 0 for none.

    Raises:
        InputError: the fields do not fit, or an argument is out of range.
    """

    paper = "Mildenhall et al., NeRF: Representing Scenes as Neural Radiance Fields, ECCV 2020"
    fraction: Tensor

    def __init__(
        self,
        radiance: Field,
        proposals: Sequence[Field],
        *,
        samples: Sequence[int] = (64, 128),
        near: float = 0.0,
        far: float | None = None,
        spacing: str = "distance",
        merged: bool = True,
        opaque: bool = False,
        dilation: float = 0.5,
        slope: float = 10.0,
    ):
        super().__init__()
        _check_passes(radiance, proposals, samples)
        _check_reach(near, far, spacing)
        if not (0 <= dilation < math.inf and 0 <= slope < math.inf):
            raise InputError(f"dilation and slope are finite and from 0 on, got {dilation} and {slope}")
        self.in_dim, self.out_dim = 6, 4
        self.radiance, self.proposals = radiance, nn.ModuleList(proposals)
        self.samples, self.near, self.far, self.spacing = tuple(samples), near, far, spacing
        self.merged, self.opaque, self.dilation, self.slope = merged, opaque, dilation, slope
        self.register_buffer("fraction", torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.radiance(x)

    def density(self, x: Tensor) -> Tensor:
        """At positions [*batch, 3]: [*batch], from 0 on, per box unit."""
        return self.radiance.density(x)  # type: ignore[operator]

    def levels(self, x: Tensor) -> list[Tensor]:
        """Of each pass in its order; one that is a density alone has the last one's colours."""
        last = self(x)
        coarser = [
            field(x) if field.out_dim == 4 else torch.cat([field(x[..., :3]), last[..., 1:]], -1)
            for field in self.proposals
        ]
        return [*coarser, last]

    def advance(self, fraction: float) -> None:
        self.fraction.fill_(fraction)

    def render(self, rays: Rays, *, seed: int | None = None) -> Rendered:
        """What is seen along rays [n], in box coordinates; the earlier passes with it.

        Args:
            seed: of the samples' places along the rays, which are regular without one.
        """
        generator = None if seed is None else torch.Generator(rays.origin.device).manual_seed(seed)
        span = self._span(rays.detach())  # where rays are sampled is a constant
        intervals = stratified(span, self.samples[0], generator=generator)
        seen: list[Rendered] = []
        for number, field in enumerate(self.proposals, 1):
            seen.append(_seen(field, rays, intervals, self.opaque))  # type: ignore[arg-type]
            intervals = self._next(span, seen[-1], number, generator)
        return _seen(self.radiance, rays, intervals, self.opaque, tuple(seen))

    def _span(self, rays: Rays) -> Span:
        if self.far is None:
            near, far = box_interval(rays)
            return Span(near.clamp(min=self.near), far, self.spacing)
        near = torch.full_like(rays.origin[:, 0], self.near)
        return Span(near, torch.full_like(near, self.far), self.spacing)

    def _next(self, span: Span, before: Rendered, number: int, generator: torch.Generator | None) -> Intervals:
        n, found = self.samples[number], (before.intervals, before.weights.detach())
        if self.merged:
            return refined(span, *found, n, generator=generator)
        reach = _DILATION + self.dilation / math.prod(self.samples[:number]) if self.dilation else 0.0
        # What is rendered regularly, as pictures are, is not flattened, wherever in its course a fit has stopped.
        fraction = 1.0 if generator is None else float(self.fraction)
        how = {"dilation": reach, "fraction": fraction, "slope": self.slope}
        return resampled(span, *found, n, **how, generator=generator)


def _seen(field: Field, rays: Rays, intervals: Intervals, opaque: bool, earlier: tuple[Rendered, ...] = ()) -> Rendered:
    """A pass; of one that is a density alone no colours."""
    if field.out_dim == 1:
        density = values_of(field, intervals.points(rays))[:, 0]
        return render(intervals, density, opaque=opaque, earlier=earlier)
    values = values_of(field, intervals.samples(rays))
    return render(intervals, values[:, 0], values[:, 1:], opaque=opaque, earlier=earlier)


def _check_passes(radiance: Field, proposals: Sequence[Field], samples: Sequence[int]) -> None:
    if (radiance.in_dim, radiance.out_dim) != (6, 4) or not hasattr(radiance, "density"):
        raise InputError(
            f"radiance takes 6 values, gives 4 and has a density, {type(radiance).__name__} takes {radiance.in_dim} "
            f"and gives {radiance.out_dim}"
        )
    for field in proposals:
        if (field.in_dim, field.out_dim) not in ((6, 4), (3, 1)):
            raise InputError(
                f"an earlier pass is a radiance (6 to 4) or a density (3 to 1), {type(field).__name__} takes "
                f"{field.in_dim} and gives {field.out_dim}"
            )
    check_samples(samples, len(proposals) + 1)


def _check_reach(near: float, far: float | None, spacing: str) -> None:
    if not 0 <= near < math.inf or (far is not None and not near < far < math.inf):
        raise InputError(f"rays reach from near, 0 or more, to a finite far behind it, got {near} and {far}")
    if spacing not in SPACINGS or (spacing == "disparity" and near == 0):
        raise InputError(
            f"spacing is distance, contracted, or disparity with a positive near, got {spacing!r} and {near}"
        )
