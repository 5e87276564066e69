"""Encodings, and fields made of fields."""

from typing import Any

import torch

from neuralfields import encodings
from neuralfields.field import Chain
from neuralfields.viewer.describe.description import Description, NotCovered, describes
from neuralfields.viewer.describe.parts import phases
from neuralfields.viewer.program import Grid, GridLevel, Harmonics


@describes(Chain)
def _(d: Description, field: Chain, x: int) -> int:
    for part in field:
        x = d.field(part, x)
    return x


@describes(encodings.Concat)
def _(d: Description, field: encodings.Concat, x: int) -> int:
    return d.concat(*(d.field(part, x) for part in field.parts))


@describes(encodings.HashGrid)
def _(d: Description, field: encodings.HashGrid, x: int) -> int:
    layout = field.layout.table
    table = d.array(field.table, parts=[level.start + level.size for level in layout])
    levels = tuple(GridLevel(v.scale, v.resolution, v.start, v.size, v.hashed) for v in layout)
    features, kind = field.table.shape[1], field.interpolation
    return d.add(Grid(x, table, features, levels, kind, field.out_dim))  # type: ignore[arg-type]


@describes(encodings.DenseGrid, encodings.TriPlane, encodings.CubicGrid)
def _(d: Description, field: Any, x: int) -> int:
    return d.sum(*d.planes(x, field.table, field.layout, field.interpolation))


@describes(encodings.KPlanes)
def _(d: Description, field: encodings.KPlanes, x: int) -> int:
    planes = d.planes(x, field.table, field.layout, field.interpolation)
    if field.combine == "concat":
        return d.concat(*planes)
    each, combine = len(planes) // field.scales, d.sum if field.combine == "sum" else d.product
    return d.concat(*(combine(*planes[i : i + each]) for i in range(0, len(planes), each)))


@describes(encodings.TensorVM)
def _(d: Description, field: encodings.TensorVM, x: int) -> int:
    *planes, line_xy, line_xz, line_yz = d.planes(x, field.table, field.layout)
    lines = line_xy, line_xz, line_yz
    return _products(d, d.concat(*(d.product(*pair) for pair in zip(planes, lines, strict=True))), field.combine)


@describes(encodings.TensorCP)
def _(d: Description, field: encodings.TensorCP, x: int) -> int:
    return _products(d, d.product(*d.planes(x, field.table, field.layout)), field.combine)


def _products(d: Description, products: int, combine: str) -> int:
    if combine == "concat":
        return products
    shape = 1, d.size(products)
    return d.linear(products, d.constant(shape, lambda: torch.ones(shape)))


@describes(encodings.FourierFeatures)
def _(d: Description, field: encodings.FourierFeatures, x: int) -> int:
    return d.concat(*d.waves(phases(d, x, field.frequencies)))


@describes(encodings.PositionalEncoding)
def _(d: Description, field: encodings.PositionalEncoding, x: int) -> int:
    octaves, axes = field.octaves, field.in_dim
    weight = d.constant(
        (octaves * axes, axes), lambda: torch.cat([torch.eye(axes) * 2.0 ** (i - 1) for i in range(octaves)])
    )
    return d.concat(x, *d.waves(d.linear(x, weight)))


@describes(encodings.Periodic)
def _(d: Description, field: encodings.Periodic, x: int) -> int:
    harmonics, axes = field.harmonics, field.axes
    size = harmonics * len(axes)
    # sin 2 pi k u with u = (x + 1) / 2, harmonic after harmonic; a whole number of turns is none.
    each = [k / 2 for k in range(1, harmonics + 1)]
    weight = d.constant((size, field.in_dim), lambda: torch.cat([torch.eye(field.in_dim)[axes] * k for k in each]))
    bias = d.constant((size,), lambda: torch.tensor(each).repeat_interleave(len(axes)) % 1)
    return d.concat(*(d.slice(x, axis, 1) for axis in field.others), *d.waves(d.linear(x, weight, bias)))


@describes(encodings.CoarseToFine)
def _(d: Description, field: encodings.CoarseToFine, x: int) -> int:
    values = d.field(field.encoding, x)
    mask = d.learned(field.out_dim, field.mask)  # moves during a fit
    return d.product(values, mask)


@describes(encodings.SphericalHarmonics)
def _(d: Description, field: encodings.SphericalHarmonics, x: int) -> int:
    return d.add(Harmonics(x, field.degree, field.out_dim))


@describes(encodings.RadialBasis, encodings.GaussianPoints)
def _(d: Description, field: Any, x: int) -> int:
    raise NotCovered(f"{type(field).__name__} looks for the points nearest to each pixel, which the page does not do")


@describes(encodings.Sape)
def _(d: Description, field: encodings.Sape, x: int) -> int:
    count = field.open.numel() * field.blocks
    raise NotCovered(f"Sape has a mask of {count} values, which changes during the fit: too many for the page")
