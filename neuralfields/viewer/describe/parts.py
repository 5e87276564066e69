"""What several classes are made of: layers, activations, norms, phases."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from neuralfields.networks.layers import LayerNorm
from neuralfields.viewer.describe.description import Description, NotCovered

# erfc(x) = t p(t) exp(-x^2) to 1.5e-7 with t = 1 / (1 + SLOPE x) for x >= 0: Abramowitz and Stegun 7.1.26.
_ERFC_SLOPE = 0.3275911
_ERFC = 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429


def activated(d: Description, z: int, activation: str) -> int:
    """One of ``ops.mlp.ACTIVATIONS``."""
    match activation:
        case "relu" | "sigmoid" | "tanh" | "softplus":
            return d.apply(z, activation)
        case "silu":
            return d.product(z, d.apply(z, "sigmoid"))
        case "leaky_relu":
            return d.sum(d.apply(z, "relu"), d.affine(d.apply(d.affine(z, -1.0), "relu"), -0.01))
        case "gelu":
            return _gelu(d, z)
        case _:
            raise NotCovered(f"no shader is known for the activation {activation}")


def _gelu(d: Description, z: int) -> int:
    """max(z, 0) - |z| erfc(|z| / sqrt 2) / 2."""
    size = d.affine(d.apply(z, "abs"), 0.5**0.5)
    t = d.apply(d.affine(size, _ERFC_SLOPE, 1.0), "reciprocal")
    below = d.product(size, t, d.polynomial(t, _ERFC), d.apply(size, "gauss"))
    return d.sum(d.apply(z, "relu"), d.affine(below, -(0.5**0.5)))


def layers(d: Description, maps: Any, x: int, activation: Callable[[int, int], int]) -> int:
    """Linear maps, and after each but the last ``activation(its values, its number)``."""
    *hidden, last = maps
    for i, layer in enumerate(hidden):
        x = activation(mapped(d, layer, x), i)
    return mapped(d, last, x)


def mapped(d: Description, layer: Any, x: int) -> int:
    """A linear map, real or of pairs as ``networks.pairs`` has them."""
    weight = layer.weight
    if weight.dim() == 2:
        return d.linear(x, weight, layer.bias)
    _, rows, columns = weight.shape
    matrix = lambda: torch.cat([torch.cat([weight[0], -weight[1]], 1), torch.cat([weight[1], weight[0]], 1)])  # noqa: E731
    return d.linear(x, d.made(d.names[id(weight)], (2 * rows, 2 * columns), matrix), layer.bias)


def in_parts(d: Description, z: int, count: int) -> list[int]:
    size = d.size(z) // count
    return [d.slice(z, i * size, size) for i in range(count)]


def phases(d: Description, x: int, frequencies: Tensor) -> int:
    """Of frequencies [coordinates, n] in periods per box side: b u with u = (x + 1) / 2, up to whole turns."""
    shape = tuple(frequencies.shape[::-1])
    weight = d.constant(shape, lambda: frequencies.t() / 2)
    # Whole turns are left out: the fewer digits before the point, the more behind it.
    bias = d.constant(shape[:1], lambda: (frequencies.double().sum(0) / 2).remainder(1))
    return d.linear(x, weight, bias)


def filtered(d: Description, waves: Sequence[int], maps: Any) -> int:
    """The last of ``networks.layers.products``."""
    found, *others = waves
    for wave, layer in zip(others, maps, strict=True):
        found = d.product(wave, mapped(d, layer, found))
    return found


def centred(d: Description, x: int) -> int:
    """The values less their mean."""
    return d.difference(x, d.repeated(d.mean(x), d.size(x)))


def layer_norm(d: Description, norm: LayerNorm, x: int) -> int:
    x = centred(d, x)
    size = d.size(x)
    inverse = d.apply(d.apply(d.mean(d.power(x, 2), 1e-5), "sqrt"), "reciprocal")
    weight = d.linear(inverse, d.constant((size, 1), lambda: norm.weight[:, None]))
    return d.sum(d.product(x, weight), d.learned(size, lambda: norm.bias))
