"""Networks of wavelets, most of them of complex values: pairs as ``networks.pairs`` has them."""

from collections.abc import Sequence

from neuralfields import networks
from neuralfields.viewer.describe.description import Description, describes
from neuralfields.viewer.describe.networks import stretched
from neuralfields.viewer.describe.parts import in_parts, layers, mapped


def _gabor(d: Description, z: Sequence[int], omega: float, scale: float, across: Sequence[int] = ()) -> list[int]:
    """exp(i omega z - scale^2 (|z|^2 + |across|^2)), of a real z or of a pair: real and imaginary part."""
    squares = [d.affine(d.power(part, 2), -(scale**2)) for part in (*z, *across)]
    size = d.apply(d.sum(*squares, *(d.affine(part, -omega) for part in z[1:])), "exp")
    angle = d.affine(z[0], omega)
    return [d.product(size, d.cos(angle)), d.product(size, d.apply(angle, "sine"))]


@describes(networks.RealWire)
def _(d: Description, field: networks.RealWire, x: int) -> int:
    def activation(z: int, _: int) -> int:
        wave, window = in_parts(d, z, 2)
        return d.product(d.cos(d.affine(wave, field.omega)), d.apply(d.affine(window, field.scale), "gauss"))

    return layers(d, field.layers, x, activation)


@describes(networks.Wire)
def _(d: Description, field: networks.Wire, x: int) -> int:
    def activation(z: int, i: int) -> int:
        return d.concat(*_gabor(d, in_parts(d, z, 2 if i else 1), field.omega, field.scale))

    return layers(d, field.layers, x, activation)


@describes(networks.Wire2D)
def _(d: Description, field: networks.Wire2D, x: int) -> int:
    def activation(z: int, i: int) -> int:
        parts = in_parts(d, z, 4 if i else 2)  # of both maps the real parts, then the imaginary ones
        return d.concat(*_gabor(d, parts[::2], field.omega, field.scale, parts[1::2]))

    return layers(d, field.layers, x, activation)


@describes(networks.FinerWavelet)
def _(d: Description, field: networks.FinerWavelet, x: int) -> int:
    def activation(z: int, i: int) -> int:
        phase = d.affine(stretched(d, z), field.omega)
        sine = _complex_sine(d, *in_parts(d, phase, 2)) if i else [d.apply(phase, "sine")]
        return d.concat(*_gabor(d, sine, field.wave_omega, field.scale))

    return layers(d, field.layers, x, activation)


def _complex_sine(d: Description, a: int, b: int) -> list[int]:
    """sin(a + i b) with b from -20 to 20, as the network has it."""
    above, below = (d.apply(d.affine(b, sign, -20.0), "relu") for sign in (1.0, -1.0))
    b = d.sum(d.difference(b, above), below)
    sinh = d.apply(b, "sinh")
    cosh = d.sum(sinh, d.apply(d.affine(b, -1.0), "exp"))
    return [d.product(d.apply(a, "sine"), cosh), d.product(d.cos(a), sinh)]


@describes(networks.SplitWavelet)
def _(d: Description, field: networks.SplitWavelet, x: int) -> int:
    *hidden, last = field.layers
    rows, width, columns = field.weight.shape
    weight = d.constant((rows * width, columns), lambda: field.weight.flatten(0, 1))
    bias = d.constant((rows * width,), field.bias.flatten)
    first, *across = in_parts(d, d.linear(x, weight, bias), rows)
    real, imaginary = _gabor(d, [first], *field.first, across)
    for layer in hidden:
        z = mapped(d, layer, d.concat(real, imaginary))
        real, imaginary = _gabor(d, in_parts(d, z, 2), *field.hidden)
        real = d.affine(real, 1.0, -1.0)
    band = mapped(d, last, d.concat(real, imaginary))
    if field.low is None:
        return band
    low = layers(d, field.low, x, lambda z, _: d.apply(d.affine(z, field.low_omega), "sine"))
    return d.sum(band, low)
