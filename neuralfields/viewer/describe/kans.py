"""Networks with a basis of every input: B-splines, Chebyshev polynomials, harmonics, bumps."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from neuralfields import networks
from neuralfields.networks.kan_bsrbf import END
from neuralfields.viewer.describe.description import Description, describes
from neuralfields.viewer.describe.parts import activated, layer_norm, layers, mapped


@dataclass
class _Basis:
    """f(scale_j t + offset_j) of a value t, for each j."""

    scales: Sequence[float]
    offsets: Sequence[float]
    function: Callable[[int], int]


def _summed(d: Description, x: int, bases: Sequence[_Basis], out: int, weight: Callable[[slice], Tensor]) -> int:
    """sum_ij w_oij b_j(x_i), where b is the sum of all bases; ``weight`` gives w [out, some of the inputs, bases].

    Four inputs at a time: a map that makes all arguments at once would be mostly zeros, and a shader takes long to
    compile with many values.
    """
    spreads: dict[int, list[tuple[str, str]]] = {}
    found = []
    for start in range(0, d.size(x), 4):
        part = d.slice(x, start, min(4, d.size(x) - start))
        size = d.size(part)
        if size not in spreads:
            spreads[size] = [_spread(d, basis, size) for basis in bases]
        values = d.sum(*(b.function(d.linear(part, *arrays)) for b, arrays in zip(bases, spreads[size], strict=True)))
        inputs = slice(start, start + size)
        found.append(
            d.linear(values, d.constant((out, d.size(values)), lambda inputs=inputs: weight(inputs).flatten(1)))
        )
    return d.sum(*found)


def _spread(d: Description, basis: _Basis, size: int) -> tuple[str, str]:
    """Weight and bias that give the arguments of a basis for each of ``size`` values."""
    scales, offsets = torch.tensor(basis.scales)[:, None], torch.tensor(basis.offsets)
    rows = size * len(scales)
    weight = d.constant((rows, size), lambda: torch.kron(torch.eye(size), scales))
    return weight, d.constant((rows,), lambda: offsets.repeat(size))


def _splines(d: Description, grid: int, degree: int, end: float = 1.0) -> _Basis:
    """``networks.bases.splines``, as sums of powers of how far a value is inside of nested intervals."""

    def spline(t: int) -> int:
        far = d.apply(t, "abs")
        terms = []
        for k in range((degree + 2) // 2):
            inside = d.apply(d.affine(far, -1.0, (degree + 1) / 2 - k), "relu")
            factor = (-1) ** k * math.comb(degree + 1, k) / math.factorial(degree)
            terms.append(d.affine(d.power(inside, degree), factor))
        return d.sum(*terms)

    first = (grid + degree - 1) / 2  # in units of the intervals
    return _Basis([grid / (2 * end)] * (grid + degree), [first - j for j in range(grid + degree)], spline)


def _multiples(count: int, function: Callable[[int], int]) -> _Basis:
    return _Basis([float(k) for k in range(1, count + 1)], [0.0] * count, function)


def _chebyshev_sum(d: Description, x: int, coefficients: Tensor) -> int:
    """``networks.bases.chebyshev_sum``: T_k(tanh x) = cos(k (pi/2 - arctan(sinh x)))."""
    out, _, terms = coefficients.shape
    turns = d.affine(d.apply(d.apply(x, "sinh"), "arctan"), -0.5 / math.pi, 0.25)
    found = _summed(d, turns, [_multiples(terms - 1, d.cosines)], out, lambda part: coefficients[:, part, 1:])
    return d.sum(found, d.learned(out, lambda: coefficients[..., 0].sum(1)))


@describes(networks.Kan)
def _(d: Description, field: networks.Kan, x: int) -> int:
    for layer in cast("Any", field.layers):
        spline = _summed(
            d,
            x,
            [_splines(d, layer.grid, layer.degree)],
            len(layer.base),
            lambda part, layer=layer: layer.coefficients[:, part] * layer.scale[:, part, None],
        )
        x = d.sum(d.linear(activated(d, x, "silu"), layer.base), spline)
    return x


@describes(networks.BsrbfKan)
def _(d: Description, field: networks.BsrbfKan, x: int) -> int:
    for i, layer in enumerate(cast("Any", field.layers)):
        x = layer_norm(d, cast("Any", field.norms[i - 1]), x) if i else x
        count = layer.grid + layer.degree
        scale = (count - 1) / (2 * END)
        bumps = _Basis([scale] * count, [END * scale - j for j in range(count)], lambda t: d.apply(t, "gauss"))
        summed = _summed(
            d,
            x,
            [_splines(d, layer.grid, layer.degree, END), bumps],
            len(layer.base),
            lambda part, layer=layer, count=count: layer.coefficients.unflatten(1, (-1, count))[:, part],
        )
        x = d.sum(d.linear(activated(d, x, "silu"), layer.base), summed)
    return x


@describes(networks.ChebyKan)
def _(d: Description, field: networks.ChebyKan, x: int) -> int:
    *hidden, last = field.layers
    for coefficients, norm in zip(hidden, cast("Any", field.norms), strict=True):
        x = layer_norm(d, norm, _chebyshev_sum(d, x, coefficients))
    return _chebyshev_sum(d, x, last)


@describes(networks.SL2A)
def _(d: Description, field: networks.SL2A, x: int) -> int:
    s = h = layer_norm(d, field.norm, _chebyshev_sum(d, x, field.coefficients))
    for layer in cast("Any", field.layers):
        h = d.apply(d.linear(d.linear(d.product(s, h), layer.first), layer.second, layer.bias), "relu")
    return mapped(d, field.last, d.product(s, h))


@describes(networks.Fkan)
def _(d: Description, field: networks.Fkan, x: int) -> int:
    count, coefficients = field.frequencies, field.coefficients
    out, turns = len(coefficients), d.affine(x, 0.5 / math.pi)
    even = _summed(d, turns, [_multiples(count, d.cosines)], out, lambda part: coefficients[:, part, :count])
    odd = _multiples(count, lambda t: d.apply(t, "cycle"))
    found = d.sum(even, _summed(d, turns, [odd], out, lambda part: coefficients[:, part, count:]))
    found = d.sum(found, d.learned(out, lambda: field.bias))

    def activation(z: int, _: int) -> int:
        steep = d.apply(d.affine(z, field.omega), "tanh")
        return d.product(d.sum(z, steep), d.apply(z, "sigmoid")) if field.gated else steep

    return layers(d, field.layers, layer_norm(d, field.norm, found), activation)


@describes(networks.AfKan)
def _(d: Description, field: networks.AfKan, x: int) -> int:
    x = d.affine(x, 0.5, 0.5)
    for layer in cast("Any", field.layers):
        x = _pooled(d, layer, _bumps(d, layer, x), d.size(x))
        x = x if isinstance(layer.norm, torch.nn.Identity) else layer_norm(d, layer.norm, x)
        x = mapped(d, layer.map, activated(d, x, layer.activation))
    return x


def _bumps(d: Description, layer: Any, x: int) -> int:
    """The first bump of all inputs, then the second one, and so on."""
    size, count = d.size(x), len(layer.low)
    each = d.concat(*[x] * count)
    low = d.learned(size * count, lambda: -layer.low.repeat_interleave(size))
    high = d.learned(size * count, lambda: layer.high.repeat_interleave(size))
    sides = d.sum(each, low), d.difference(high, each)
    a, b = (d.affine(activated(d, side, layer.activation), layer.scale) for side in sides)
    match layer.combination:
        case "quad1":
            return d.power(d.product(a, b), 2)
        case "quad2":
            return d.sum(d.product(a, b), d.power(a, 2), d.power(b, 2))
        case "sum":
            return d.sum(a, b)
        case "prod":
            return d.product(a, b)
        case "sum_prod":
            return d.sum(a, b, d.product(a, b))
        case "cubic1":
            return d.product(d.sum(a, b), d.sum(d.power(a, 2), d.power(b, 2)))
        case _:
            return d.power(d.product(a, b), 3)


def _pooled(d: Description, layer: Any, bumps: int, size: int) -> int:
    count = d.size(bumps) // size
    if layer.pool == "spatial":
        score = _convolved(d, layer, bumps, size)
        far = d.difference(score, d.concat(*[_largest(d, score, size)] * count))
        shares = d.apply(far, "exp")
        return d.product(_total(d, d.product(bumps, shares), size), d.apply(_total(d, shares, size), "reciprocal"))
    weight = d.learned(count * size, lambda: _cooled(layer, layer.score.weight[0]).repeat_interleave(size))
    bias = d.learned(size, lambda: _cooled(layer, layer.score.bias).expand(size))
    score = d.sum(_total(d, d.product(bumps, weight), size), bias)
    if layer.pool == "linear":
        return score
    shares = d.apply(d.difference(score, d.repeated(_largest(d, score, 1), size)), "exp")
    inverse = d.affine(d.apply(d.mean(shares), "reciprocal"), 1 / size)
    return d.product(_total(d, bumps, size), shares, d.repeated(inverse, size))


def _cooled(layer: Any, tensor: Tensor) -> Tensor:
    return tensor if layer.pool == "linear" else tensor / layer.temperature.clamp(min=1)


def _convolved(d: Description, layer: Any, bumps: int, size: int) -> int:
    """The scores of "spatial", over neighbours within each row of ``size`` values."""
    count = d.size(bumps) // size
    end = count * size
    # At the ends of rows stands a value of another row, whose weight is 0.
    before = d.concat(d.slice(bumps, 0, 1), d.slice(bumps, 0, end - 1)) if end > 1 else bumps
    after = d.concat(d.slice(bumps, 1, end - 1), d.slice(bumps, 0, 1)) if end > 1 else bumps

    def weights(k: int) -> Tensor:
        found = _cooled(layer, layer.score.weight[:, 0, k, None]).repeat(1, size)
        if k != 1:
            found[:, 0 if k == 0 else -1] = 0
        return found

    parts = [d.product(part, d.learned(end, lambda k=k: weights(k))) for k, part in enumerate((before, bumps, after))]
    return d.sum(*parts, d.learned(end, lambda: _cooled(layer, layer.score.bias).repeat_interleave(size)))


def _total(d: Description, x: int, size: int) -> int:
    """The sum of rows of ``size`` values each."""
    return d.sum(*(d.slice(x, start, size) for start in range(0, d.size(x), size)))


def _largest(d: Description, x: int, size: int) -> int:
    """The largest of each column of rows of ``size`` values each, by halves that may overlap."""
    while (rows := d.size(x) // size) > 1:
        half = (rows + 1) // 2 * size
        first, second = d.slice(x, 0, half), d.slice(x, d.size(x) - half, half)
        x = d.sum(first, d.apply(d.difference(second, first), "relu"))
    return x
