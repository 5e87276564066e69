"""A radiance field for the unit ball and another one for all that is outside, up to infinity.

@article{zhang2020nerfpp,
  title={NeRF++: Analyzing and Improving Neural Radiance Fields},
  author={Zhang, Kai and Riegler, Gernot and Snavely, Noah and Koltun, Vladlen},
  journal={arXiv:2010.07492}, year={2020}}
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from neuralfields.checks import positive
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.fields.passes import check_samples, values_of
from neuralfields.geometry import Rays, inverted_sphere, sphere_exit
from neuralfields.volume import Intervals, Rendered, Span, refined, render, stratified

_FAINT = 1e-6


class InvertedSphere(Field):
    """Inside a sphere one radiance field, outside of it one of (x / r, 1 / r), both seen by each ray.

    Lengths and densities of both are in radii of the sphere, which is the unit sphere for them. Rays start inside it.
    Each is sampled evenly up to where it leaves it, and from there evenly in the inverse radius, of which outer
    densities are. Then both parts are sampled again where something was seen, as in NeRF. Each pass has fields of its
    own.

    As a function of position and direction it is the last pass's fields; outer densities are per box unit along the
    radius.

    Args:
        inside: each pass's field of the inside: ``Radiance``, six coordinates to four values.
        outside: each pass's field of the outside: ``Radiance`` with a trunk of four coordinates, seven to four values.
        samples: of each pass, inside and as many outside.
        near: distance from the eye where rays begin, in radii.
        radius: of the sphere around the box's centre, in box units.
        opaque: whether a ray ends in something, infinitely far: for scenes without masks.

    Raises:
        InputError: the fields do not fit, or an argument is out of range.
    """

    paper = "Zhang et al., NeRF++: Analyzing and Improving Neural Radiance Fields, arXiv 2020"

    def __init__(
        self,
        inside: Sequence[Field],
        outside: Sequence[Field],
        *,
        samples: Sequence[int] = (64, 128),
        near: float = 0.0,
        radius: float = 1.0,
        opaque: bool = True,
    ):
        super().__init__()
        _check(inside, outside, samples)
        positive(radius=radius)
        if not 0 <= near < 1:
            raise InputError(f"near is in [0, 1), got {near}")
        self.in_dim, self.out_dim = 6, 4
        self.inside, self.outside = nn.ModuleList(inside), nn.ModuleList(outside)
        self.samples, self.near, self.radius, self.opaque = tuple(samples), near, radius, opaque

    def forward(self, x: Tensor) -> Tensor:
        return self._level(-1, x)

    def levels(self, x: Tensor) -> list[Tensor]:
        """Of each pass in its order."""
        return [self._level(number, x) for number in range(len(self.samples))]

    def _level(self, number: int, x: Tensor) -> Tensor:
        position, direction = x[..., :3] / self.radius, x[..., 3:]
        point, inverse = _outer(position)
        near = self.inside[number](torch.cat([position, direction], -1))
        far = self.outside[number](torch.cat([point, inverse, direction], -1))
        # Per unit of the inverse radius; along a radius, du = dr / r^2.
        far = torch.cat([far[..., :1] * inverse**2, far[..., 1:]], -1)
        values = torch.where(_within(position), near, far)
        return torch.cat([values[..., :1] / self.radius, values[..., 1:]], -1)

    def density(self, x: Tensor) -> Tensor:
        """At positions [*batch, 3]: [*batch], from 0 on, per box unit."""
        position = x / self.radius
        point, inverse = _outer(position)
        near = self.inside[-1].density(position)  # type: ignore[operator]
        far = self.outside[-1].density(torch.cat([point, inverse], -1)) * inverse[..., 0] ** 2  # type: ignore[operator]
        return torch.where(_within(position)[..., 0], near, far) / self.radius

    def render(self, rays: Rays, *, seed: int | None = None) -> Rendered:
        """What is seen along rays [n], in box coordinates; the earlier passes with it.

        Args:
            seed: of the samples' places along the rays, which are regular without one.

        Raises:
            InputError: a ray starts outside the sphere.
        """
        rays = Rays(rays.origin / self.radius, rays.direction)
        generator = None if seed is None else torch.Generator(rays.origin.device).manual_seed(seed)
        leaving = sphere_exit(rays.detach())  # where rays are sampled is a constant
        spans = Span(torch.full_like(leaving, self.near), leaving), _whole(leaving)
        parts = [stratified(span, self.samples[0], generator=generator) for span in spans]
        seen: list[Rendered] = []
        for inside, outside, n in zip(self.inside, self.outside, (*self.samples[1:], 0), strict=True):
            found = _inner_pass(inside, rays, parts[0]), _outer_pass(outside, rays, parts[1], self.opaque)
            seen.append(_joined(*found, self.radius, tuple(seen)))
            if n:
                seen_by = zip(spans, found, strict=True)
                parts = [refined(span, p.intervals, p.weights, n, generator=generator) for span, p in seen_by]
        return seen[-1]


def _inner_pass(field: nn.Module, rays: Rays, intervals: Intervals) -> Rendered:
    values = values_of(field, intervals.samples(rays))
    return render(intervals, values[:, 0], values[:, 1:])


def _outer_pass(field: nn.Module, rays: Rays, intervals: Intervals, opaque: bool) -> Rendered:
    """Of intervals in 1 - 1 / r; the result's are those of distances."""
    own = rays[intervals.ray]
    points, _ = inverted_sphere(own, 1 - intervals.middle)
    values = values_of(field, torch.cat([points, own.direction], -1))
    # The last may have no width and begin where it ends; what begins infinitely far has no depth.
    fixed = own.detach()
    start, end = (inverted_sphere(fixed, u)[1] for u in ((1 - intervals.start).clamp(min=_FAINT), 1 - intervals.end))
    distances = replace(intervals, start=start, end=end)
    return render(distances, values[:, 0], values[:, 1:], widths=intervals.width, opaque=opaque)


def _joined(near: Rendered, far: Rendered, radius: float, earlier: tuple[Rendered, ...]) -> Rendered:
    """One part of each ray seen through the other; radii become box units."""
    through = 1 - near.opacity
    opacity = near.opacity + through * far.opacity
    depth = near.opacity * near.depth + through * far.opacity * far.depth
    first, second = near.intervals, far.intervals
    order = torch.cat([first.ray, second.ray]).argsort(stable=True)
    intervals = Intervals(
        torch.cat([first.start, second.start])[order] * radius,
        torch.cat([first.end, second.end])[order] * radius,
        torch.cat([first.ray, second.ray])[order],
        first.count + second.count,
        # Each part is half of the scale.
        torch.cat([_scale(first) / 2, _scale(second) / 2 + 0.5])[order],
    )
    weights = torch.cat([near.weights, through.index_select(0, second.ray) * far.weights])[order]
    colour = near.colour + through[:, None] * far.colour
    return Rendered(colour, opacity, depth * radius / opacity.clamp(min=_FAINT), intervals, weights, earlier)


def _scale(intervals: Intervals) -> Tensor:
    assert intervals.s is not None  # a Span made them
    return intervals.s


def _whole(like: Tensor) -> Span:
    """From the sphere to infinity, in 1 - 1 / r."""
    return Span(torch.zeros_like(like), torch.ones_like(like))


def _outer(position: Tensor) -> tuple[Tensor, Tensor]:
    """(x / r, 1 / r) of positions outside the unit sphere; those inside it are taken as on it."""
    inverse = position.square().sum(-1, keepdim=True).clamp(min=1).rsqrt()
    return position * inverse, inverse


def _within(position: Tensor) -> Tensor:
    return position.square().sum(-1, keepdim=True) <= 1


def _check(inside: Sequence[Field], outside: Sequence[Field], samples: Sequence[int]) -> None:
    if not 1 <= len(inside) == len(outside):
        raise InputError(f"each pass has a field inside and one outside, got {len(inside)} and {len(outside)}")
    check_samples(samples, len(inside))
    for name, fields, wanted in (("inside", inside, 6), ("outside", outside, 7)):
        for field in fields:
            if (field.in_dim, field.out_dim) != (wanted, 4) or not hasattr(field, "density"):
                raise InputError(
                    f"a field {name} takes {wanted} values, gives 4 and has a density, {type(field).__name__} takes "
                    f"{field.in_dim} and gives {field.out_dim}"
                )
