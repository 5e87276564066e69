"""Networks of real layers: what differs is the activation, or what is multiplied by what."""

import math
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.functional import softplus

from neuralfields import networks
from neuralfields.networks.xnet import LEAST
from neuralfields.viewer.describe.description import Description, describes
from neuralfields.viewer.describe.parts import activated, centred, filtered, layers, mapped, phases

_TINY = 1e-20  # moves sin(y) / y away from 0 / 0, and no value by a bit


@describes(networks.MLP)
def _(d: Description, field: networks.MLP, x: int) -> int:
    return layers(d, field.layers, x, lambda z, _: activated(d, z, field.activation))


@describes(networks.Siren)
def _(d: Description, field: networks.Siren, x: int) -> int:
    return layers(d, field.layers, x, lambda z, i: d.apply(d.affine(z, field.omegas[i]), "sine"))


@describes(networks.Finer)
def _(d: Description, field: networks.Finer, x: int) -> int:
    def activation(z: int, i: int) -> int:
        return d.apply(d.affine(stretched(d, z), field.omegas[i]), "sine")

    return layers(d, field.layers, x, activation)


@describes(networks.Gauss)
def _(d: Description, field: networks.Gauss, x: int) -> int:
    return layers(d, field.layers, x, lambda z, _: d.apply(d.affine(z, field.scale), "gauss"))


@describes(networks.SkipMLP)
def _(d: Description, field: networks.SkipMLP, x: int) -> int:
    def activation(z: int, i: int) -> int:
        if field.activation == "softplus":
            h = d.affine(d.apply(d.affine(z, field.beta), "softplus"), 1 / field.beta)
        else:
            h = activated(d, z, field.activation)
        if i + 1 in field.skips:
            h = d.concat(h, x)
            h = d.affine(h, 1 / math.sqrt(2)) if field.narrow else h
        return h

    return layers(d, field.layers, x, activation)


@describes(networks.HSiren)
def _(d: Description, field: networks.HSiren, x: int) -> int:
    def activation(z: int, i: int) -> int:
        if i:
            return d.apply(d.affine(z, field.hidden_omega), "sine")
        return d.apply(d.affine(d.apply(d.affine(z, 2.0), "sinh"), field.first_omega), "sine")

    return layers(d, field.layers, x, activation)


def stretched(d: Description, z: int) -> int:
    """(|z| + 1) z, as in ``networks.finer``."""
    return d.product(z, d.affine(d.apply(z, "abs"), 1.0, 1.0))


@describes(networks.FinerGauss)
def _(d: Description, field: networks.FinerGauss, x: int) -> int:
    def activation(z: int, _: int) -> int:
        sine = d.apply(d.affine(stretched(d, z), field.omega), "sine")
        return d.apply(d.affine(sine, field.scale), "gauss")

    return layers(d, field.layers, x, activation)


@describes(networks.Garf)
def _(d: Description, field: networks.Garf, x: int) -> int:
    *hidden, last = field.layers
    found = start = 0
    for i, layer in enumerate(hidden):
        z = mapped(d, layer, found if i else x)
        found = d.apply(d.affine(z if i else centred(d, z), field.scale), "gauss")
        start = found if i == 0 else start
        if i == field.skip + 1:
            found = d.concat(start, found)
    return mapped(d, last, found)


@describes(networks.Spder)
def _(d: Description, field: networks.Spder, x: int) -> int:
    def activation(z: int, _: int) -> int:
        z = d.affine(z, field.omega)
        match field.damping:
            case "sqrt":
                damping = d.apply(z, "sqrt")
            case "arctan":
                damping = d.apply(z, "arctan")
            case _:
                damping = d.apply(d.affine(d.apply(z, "abs"), 1.0, 1.0), "log")
        return d.product(d.apply(z, "sine"), damping)

    return layers(d, field.layers, x, activation)


@describes(networks.Hosc)
def _(d: Description, field: networks.Hosc, x: int) -> int:
    betas = field.betas

    def activation(z: int, i: int) -> int:
        sine = d.apply(d.affine(z, field.omegas[i]), "sine")
        if betas is None:
            return d.apply(d.affine(sine, field.beta), "tanh")
        size = d.size(sine)
        beta = d.learned(size, lambda: softplus(cast("Tensor", betas)[i]).expand(size))
        return d.apply(d.product(sine, beta), "tanh")

    return layers(d, field.layers, x, activation)


@describes(networks.Sinc)
def _(d: Description, field: networks.Sinc, x: int) -> int:
    def activation(z: int, _: int) -> int:
        size = d.affine(d.apply(d.affine(z, field.omega), "abs"), 1.0, _TINY)
        return d.product(d.apply(size, "sine"), d.apply(size, "reciprocal"))

    return layers(d, field.layers, x, activation)


@describes(networks.NonPeriodic)
def _(d: Description, field: networks.NonPeriodic, x: int) -> int:
    a, b = field.a, field.b

    def activation(z: int, _: int) -> int:
        if field.activation == "laplacian":
            return d.apply(d.affine(d.apply(z, "abs"), -1 / a), "exp")
        if field.activation == "super_gaussian":
            return d.apply(d.affine(z, math.sqrt(b / 2) / a), "gauss")
        above = d.affine(d.power(d.affine(z, a), 2), 1.0, 1.0)
        return d.apply(d.apply(above, "sqrt") if field.activation == "multi_quadratic" else above, "reciprocal")

    return layers(d, field.layers, x, activation)


@describes(networks.Snake)
def _(d: Description, field: networks.Snake, x: int) -> int:
    scales = field.scales

    def activation(z: int, i: int) -> int:
        if scales is None:
            sine = d.apply(d.affine(z, field.a), "sine")
            return d.sum(z, d.affine(d.power(sine, 2), 1 / field.a))
        a = d.learned(d.size(z), lambda: softplus(cast("Tensor", scales)[i]) + 1e-6)
        sine = d.apply(d.product(z, a), "sine")
        return d.sum(z, d.product(sine, sine, d.apply(a, "reciprocal")))

    return layers(d, field.layers, x, activation)


@describes(networks.Fan)
def _(d: Description, field: networks.Fan, x: int) -> int:
    h = mapped(d, field.first, x)
    for i, (periodic, others) in enumerate(zip(field.periodic, field.others, strict=True)):
        phase = d.affine(mapped(d, periodic, h), field.first_omega if i == 0 else 1.0)
        parts = [d.cos(phase), d.apply(phase, "sine"), activated(d, mapped(d, others, h), "gelu")]
        h = d.concat(*(_gated(d, field, i, parts) if field.gates is not None else parts))
    return mapped(d, field.last, h)


def _gated(d: Description, field: networks.Fan, i: int, parts: list[int]) -> list[int]:
    gates = cast("Tensor", field.gates)

    def share(size: int, sign: int) -> Tensor:
        return torch.sigmoid(sign * gates[i]).expand(size)

    return [
        d.product(part, d.learned(d.size(part), partial(share, d.size(part), sign)))
        for part, sign in zip(parts, (1, 1, -1), strict=True)
    ]


@describes(networks.Pau)
def _(d: Description, field: networks.Pau, x: int) -> int:
    def polynomial(x: int, coefficients: Tensor, *, sizes: bool = False) -> int:
        def values(j: int) -> Tensor:
            return (coefficients[j].abs() if sizes else coefficients[j]).expand(d.size(x))

        *others, last = (d.learned(d.size(x), partial(values, j)) for j in range(len(coefficients)))
        for other in reversed(others):
            last = d.sum(d.product(last, x), other)
        return last

    def activation(z: int, i: int) -> int:
        rational = cast("Any", field.activations[i])
        z = d.affine(z, field.omega)
        size = d.apply(z, "abs")
        below = d.affine(d.product(size, polynomial(size, rational.denominator, sizes=True)), 1.0, 1.0)
        return d.product(polynomial(z, rational.numerator), d.apply(below, "reciprocal"))

    return layers(d, field.layers, x, activation)


@describes(networks.XNet)
def _(d: Description, field: networks.XNet, x: int) -> int:
    def activation(z: int, i: int) -> int:
        cauchy, size = cast("Any", field.activations[i]), d.size(z)
        odd, even = d.learned(size, lambda: cauchy.odd), d.learned(size, lambda: cauchy.even)
        distance = d.learned(size, lambda: LEAST + softplus(cauchy.distance))
        below = d.sum(d.power(z, 2), d.power(distance, 2))
        return d.product(d.sum(d.product(odd, z), even), d.apply(below, "reciprocal"))

    return layers(d, field.layers, x, activation)


@describes(networks.MultiStage)
def _(d: Description, field: networks.MultiStage, x: int) -> int:
    def part(number: int) -> int:
        first, *others = cast("Any", field.networks[number])
        z = d.linear(x, d.constant(first.weight.shape, lambda: field.kappas[number] * first.weight), first.bias)
        z = d.apply(z, "sine" if number else "tanh")
        return d.affine(layers(d, others, z, lambda z, _: d.apply(z, "tanh")), field.scales[number])

    return d.sum(*map(part, range(len(field.scales))))


@describes(networks.NeuRBFDecoder)
def _(d: Description, field: networks.NeuRBFDecoder, x: int) -> int:
    first, *others = field.layers
    h = mapped(d, first, x)
    frequencies = d.learned(field.width, lambda: torch.logspace(*field.exponents, field.width, base=2))
    h = d.sum(h, d.apply(d.product(h, frequencies), "sine"))
    return layers(d, others, h, lambda z, _: d.apply(z, "relu"))


@describes(networks.FourierNet)
def _(d: Description, field: networks.FourierNet, x: int) -> int:
    *hidden, last = field.layers
    waves = [d.apply(mapped(d, sines, x), "sine") for sines in field.filters]
    return mapped(d, last, filtered(d, waves, hidden))


@describes(networks.GaborNet)
def _(d: Description, field: networks.GaborNet, x: int) -> int:
    def window(i: int) -> int:
        """exp(-gamma/2 |x - mu|^2)."""
        gammas, centres = field.gammas, field.centres
        squares = []
        for axis in range(field.in_dim):
            place = d.repeated(d.slice(x, axis, 1), gammas.shape[1])
            centre = d.learned(gammas.shape[1], lambda axis=axis: -centres[i, axis])
            squares.append(d.power(d.sum(place, centre), 2))
        return d.apply(d.product(d.sum(*squares), d.learned(gammas.shape[1], lambda: -gammas[i] / 2)), "exp")

    *hidden, last = field.layers
    waves = [d.product(d.apply(mapped(d, sines, x), "sine"), window(i)) for i, sines in enumerate(field.filters)]
    return mapped(d, last, filtered(d, waves, hidden))


@describes(networks.Bacon)
def _(d: Description, field: networks.Bacon, x: int) -> int:
    def wave(i: int) -> int:
        columns, rows = field.frequencies.shape[1:]
        weight = d.constant((rows, columns), lambda: field.frequencies[i].t() * field.scale)
        bias = d.constant((rows,), lambda: field.phases[i] / (2 * math.pi))
        return d.apply(d.linear(x, weight, bias), "cycle")

    waves = [wave(i) for i in range(len(field.phases))]
    return mapped(d, field.outputs[-1], filtered(d, waves, field.layers))


@describes(networks.Pins)
def _(d: Description, field: networks.Pins, x: int) -> int:
    waves = d.waves(phases(d, x, field.frequencies))
    hidden: list[int] = []
    found = []
    for k, (network, (start, end)) in enumerate(zip(field.stack, field.groups, strict=True)):
        *maps, last = cast("Any", network)
        h = d.concat(*hidden, *(d.slice(wave, start, end - start) for wave in waves))
        for layer in maps:
            h = d.apply(mapped(d, layer, h), "relu")
        hidden = [h]
        found.append(d.linear(h, *_joined(d, field, k, last)))
    return d.sum(*found)


def _joined(d: Description, field: networks.Pins, k: int, last: Any) -> list[str]:
    """The weight and bias of a level's last map, zeros until it has joined the fit."""
    joined = lambda: field.progress >= k / (2 * len(field.stack))  # noqa: E731
    return [d.constant(tensor.shape, lambda tensor=tensor: tensor * joined()) for tensor in (last.weight, last.bias)]
