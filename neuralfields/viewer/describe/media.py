"""Fields of scenes and of values: densities and colours, and what stands around them."""

from typing import Any

from neuralfields import fields
from neuralfields.fields.medium import Medium
from neuralfields.ops.radiance.reference import STEEPEST
from neuralfields.viewer.describe.description import Description, NotCovered, describes
from neuralfields.viewer.program import Contract


@describes(fields.Affine)
def _(d: Description, field: fields.Affine, x: int) -> int:
    return d.affine(x, field.scale, field.offset)


@describes(fields.Sinh)
def _(d: Description, field: fields.Sinh, x: int) -> int:
    return d.affine(d.apply(x, "sinh"), field.scale)


@describes(fields.Density)
def _(d: Description, field: fields.Density, x: int) -> int:
    return _density(d, d.field(field.trunk, _in_box(d, x, field.medium.unbounded)), field.medium)


@describes(fields.Radiance)
def _(d: Description, field: fields.Radiance, x: int) -> int:
    place = d.size(x) - 3
    values = d.field(field.trunk, _in_box(d, d.slice(x, 0, place), field.medium.unbounded))
    density = d.density = _density(d, d.slice(values, 0, 1), field.medium)
    seen = [d.slice(values, field.first, d.size(values) - field.first)] if d.size(values) > field.first else []
    if field.directions is not None:
        seen.append(d.field(field.directions, d.slice(x, place, 3)))
    return d.concat(density, d.apply(d.field(field.colour, d.concat(*seen)), "sigmoid"))


@describes(fields.Marched)
def _(d: Description, field: fields.Marched, x: int) -> int:
    if len(d.nodes) > 1:
        raise NotCovered("a field that is marched through is the whole field, here it is a part")
    d.made("occupied", field.occupied.shape, lambda: field.occupied)
    return d.field(field.radiance, x)


@describes(fields.Hierarchical, fields.InvertedSphere)
def _(d: Description, field: Any, x: int) -> int:
    raise NotCovered(f"{type(field).__name__} is rendered in passes, which the page does not do")


def _in_box(d: Description, x: int, unbounded: bool) -> int:
    return d.add(Contract(x, d.size(x))) if unbounded else x


def _density(d: Description, raw: int, medium: Medium) -> int:
    """``medium.activated`` of raw values."""
    raw = d.affine(raw, 1.0, medium.shift)
    if medium.activation != "exp":
        return d.apply(raw, medium.activation)  # type: ignore[arg-type]
    # bounded_exp: exp(min(r, s)) (1 + max(r - s, 0)).
    above = d.apply(d.affine(raw, 1.0, -STEEPEST), "relu")
    return d.product(d.apply(d.sum(raw, d.affine(above, -1.0)), "exp"), d.affine(above, 1.0, 1.0))
