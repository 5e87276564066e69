"""Fields as programs, class by class.

A class of another package gets into the viewer by a function that says what it computes::

    @describes(MyEncoding)
    def _(d: Description, field: MyEncoding, x: int) -> int:
        return d.apply(d.linear(x, field.layer.weight, field.layer.bias), "tanh")
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

import torch
from torch import Tensor

from neuralfields import encodings, fields, networks
from neuralfields.errors import NeuralFieldsError
from neuralfields.field import Chain, Field, hooked
from neuralfields.fields.medium import Medium
from neuralfields.ops import PlaneLayout
from neuralfields.ops.radiance.reference import STEEPEST
from neuralfields.viewer.program import (
    Affine,
    Apply,
    Combine,
    Concat,
    Contract,
    Function,
    Grid,
    GridLevel,
    Harmonics,
    Input,
    Learned,
    Linear,
    Node,
    PlaneGrid,
    Planes,
    Program,
    Slice,
)

Describe = Callable[["Description", Any, int], int]

MAX_VALUES = 4096  # of a node: a shader holds them for each pixel
MAX_TEXELS = 1 << 24  # of a table: a texture of 2048 x 8192
_MAX_WEIGHTS = 1 << 24
_CLASSES: dict[type[Field], Describe] = {}


class NotCovered(NeuralFieldsError):
    """A field cannot be a program; the text is the reason, for the user."""


def describes(*classes: type[Field]) -> Callable[[Describe], Describe]:
    """Register a function (description, field, number of the node with its coordinates) -> number of its value's node.

    Raises ``NotCovered`` itself where the field has settings that no program can have.
    """

    def register(function: Describe) -> Describe:
        _CLASSES.update(dict.fromkeys(classes, function))
        return function

    return register


def program_of(field: Field) -> Program:
    """What the browser computes in place of a field.

    Raises:
        NotCovered: the field, or one in it, is of a class nothing is registered for, or is too large.
    """
    return description_of(field).program


def description_of(field: Field) -> "Description":
    """A field's program, and where its arrays' values are.

    Raises:
        NotCovered: as for ``program_of``.
    """
    names = {id(tensor): name for name, tensor in [*field.named_parameters(), *field.named_buffers()]}
    found = Description(names, [Input(field.in_dim)])
    found.field(field, 0)
    found.check()
    return found


@dataclass
class Description:
    """A program in the making. Its methods add nodes and give their numbers.

    Attributes:
        names: of the field's parameters and buffers, by ``id``.
        nodes, arrays, density: of the program.
        values: of the arrays by name, computed anew at each call.
    """

    names: dict[int, str]
    nodes: list[Node]
    arrays: dict[str, Learned] = dataclass_field(default_factory=dict)
    values: dict[str, Callable[[], Tensor]] = dataclass_field(default_factory=dict)
    density: int | None = None

    @property
    def program(self) -> Program:
        return Program(tuple(self.nodes), tuple(self.arrays.values()), self.density)

    def check(self) -> None:
        """Raise NotCovered where a shader would be too large."""
        largest = max(node.size for node in self.nodes)
        if largest > MAX_VALUES:
            raise NotCovered(f"the shader holds at most {MAX_VALUES} values a layer, this field has {largest}")
        for array in self.arrays.values():
            rows, columns = array.shape[0], math.prod(array.shape[1:])
            if array.table and rows * -(-columns // 4) > MAX_TEXELS:
                raise NotCovered(f"a table has at most {MAX_TEXELS} times 4 values, {array.name} has {rows * columns}")
        weights = sum(math.prod(array.shape) for array in self.arrays.values() if not array.table)
        if weights > _MAX_WEIGHTS:
            raise NotCovered(f"the shader takes at most {_MAX_WEIGHTS} weights, this field has {weights}")

    def field(self, field: Any, x: int) -> int:
        """The value of a field at the coordinates in node ``x``."""
        describe = _CLASSES.get(type(field))
        if describe is None:
            raise NotCovered(f"no shader is known for {type(field).__name__}")
        if hooked(field):
            raise NotCovered(f"{type(field).__name__} has hooks, which no shader calls")
        return describe(self, field, x)

    def size(self, of: int) -> int:
        return self.nodes[of].size

    def add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def array(self, tensor: Tensor, *, parts: Sequence[int] = ()) -> str:
        """The name of a parameter or buffer as an array; with ``parts``, the ends of its parts, as a table."""
        return self.made(self.names[id(tensor)], tensor.shape, lambda: tensor, parts)

    def made(self, name: str, shape: Sequence[int], value: Callable[[], Tensor], parts: Sequence[int] = ()) -> str:
        """An array that is computed of parameters, buffers and settings for every snapshot. Its name is the program's.

        With a name that is in use already it is the same array.
        """
        self.arrays[name] = Learned(name, tuple(shape), bool(parts), tuple(parts))
        self.values[name] = value
        return name

    def constant(self, shape: Sequence[int], value: Callable[[], Tensor]) -> str:
        """An array with a name of its own."""
        return self.made(f"constant {len(self.arrays)}", shape, value)

    def slice(self, of: int, start: int, size: int) -> int:
        return of if (start, size) == (0, self.size(of)) else self.add(Slice(of, start, size))

    def concat(self, first: int, *more: int) -> int:
        of = first, *more
        return self.add(Concat(of, sum(map(self.size, of)))) if more else first

    def sum(self, first: int, *more: int) -> int:
        return self.add(Combine((first, *more), "sum", self.size(first))) if more else first

    def product(self, first: int, *more: int) -> int:
        return self.add(Combine((first, *more), "product", self.size(first))) if more else first

    def affine(self, of: int, scale: float, offset: float = 0.0) -> int:
        return self.add(Affine(of, float(scale), float(offset), self.size(of)))

    def apply(self, of: int, function: Function) -> int:
        return self.add(Apply(of, function, self.size(of)))

    def linear(self, of: int, weight: Tensor | str, bias: Tensor | str | None = None) -> int:
        """``W x + b`` of parameters, or of arrays that were added before."""
        weight = weight if isinstance(weight, str) else self.array(weight)
        bias = self.array(bias) if isinstance(bias, Tensor) else bias
        return self.add(Linear(of, weight, bias, None, self.arrays[weight].shape[0]))

    def planes(self, of: int, table: Tensor, layout: PlaneLayout, interpolation: str = "linear") -> list[int]:
        """The features of each plane, as ``encodings.tables.encoded`` gives them."""
        planes = tuple(PlaneGrid(plane.axes, plane.resolution, plane.start) for plane in layout.planes)
        name, features = self.array(table, parts=[p.start + p.size for p in layout.planes]), table.shape[1]
        size = len(planes) * features
        node = self.add(Planes(of, name, features, planes, interpolation, size))  # type: ignore[arg-type]
        return [self.slice(node, i * features, features) for i in range(len(planes))]

    def waves(self, turns: int) -> tuple[int, int]:
        """sin(2 pi t) and cos(2 pi t) of each value t.

        The cosine is 1 - 2 sin(pi t)^2, because t + 1/4 would cost a large t its last digits.
        """
        half = self.apply(self.affine(turns, 0.5), "cycle")
        return self.apply(turns, "cycle"), self.affine(self.product(half, half), -2.0, 1.0)

    def cos(self, angle: int) -> int:
        return self.apply(self.affine(angle, 1.0, math.pi / 2), "sine")

    def activated(self, z: int, activation: str) -> int:
        """One of ``ops.mlp.ACTIVATIONS``."""
        match activation:
            case "relu" | "sigmoid" | "tanh" | "softplus":
                return self.apply(z, activation)
            case "silu":
                return self.product(z, self.apply(z, "sigmoid"))
            case "leaky_relu":
                below = self.apply(self.affine(z, -1.0), "relu")
                return self.sum(self.apply(z, "relu"), self.affine(below, -0.01))
            case _:
                raise NotCovered(f"no shader is known for the activation {activation}")


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
    b = field.frequencies
    weight = d.constant(tuple(b.shape[::-1]), lambda: b.t() / 2)
    # Whole turns are left out: the fewer digits before the point, the more behind it.
    bias = d.constant((b.shape[1],), lambda: (b.double().sum(0) / 2).remainder(1))
    return d.concat(*d.waves(d.linear(x, weight, bias)))


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
    # The mask moves during a fit, so it is an array: the bias of a map that sees nothing.
    nothing = d.constant((field.out_dim, 1), lambda: torch.zeros(field.out_dim, 1))
    mask = d.linear(d.slice(x, 0, 1), nothing, d.constant((field.out_dim,), field.mask))
    return d.product(values, mask)


@describes(encodings.SphericalHarmonics)
def _(d: Description, field: encodings.SphericalHarmonics, x: int) -> int:
    return d.add(Harmonics(x, field.degree, field.out_dim))


@describes(networks.MLP)
def _(d: Description, field: networks.MLP, x: int) -> int:
    return _layers(d, field.layers, x, lambda z, _: d.activated(z, field.activation))


@describes(networks.Siren)
def _(d: Description, field: networks.Siren, x: int) -> int:
    return _layers(d, field.layers, x, lambda z, i: d.apply(d.affine(z, field.omegas[i]), "sine"))


@describes(networks.Finer)
def _(d: Description, field: networks.Finer, x: int) -> int:
    def activation(z: int, i: int) -> int:
        stretched = d.product(z, d.affine(d.apply(z, "abs"), 1.0, 1.0))
        return d.apply(d.affine(stretched, field.omegas[i]), "sine")

    return _layers(d, field.layers, x, activation)


@describes(networks.Gauss)
def _(d: Description, field: networks.Gauss, x: int) -> int:
    return _layers(d, field.layers, x, lambda z, _: d.apply(d.affine(z, field.scale), "gauss"))


@describes(networks.RealWire)
def _(d: Description, field: networks.RealWire, x: int) -> int:
    def activation(z: int, _: int) -> int:
        wave, window = _halves(d, z)
        return d.product(d.cos(d.affine(wave, field.omega)), d.apply(d.affine(window, field.scale), "gauss"))

    return _layers(d, field.layers, x, activation)


@describes(networks.Wire)
def _(d: Description, field: networks.Wire, x: int) -> int:
    return _layers(
        d, field.layers, x, lambda z, i: _gabor(d, [z] if i == 0 else _halves(d, z), field.omega, field.scale)
    )


def _gabor(d: Description, z: Sequence[int], omega: float, scale: float) -> int:
    """exp(i omega z - |scale z|^2) of a real z, or of a pair's real and imaginary parts."""
    squares = [d.affine(d.product(part, part), -(scale**2)) for part in z]
    size = d.apply(d.sum(*squares, *(d.affine(part, -omega) for part in z[1:])), "exp")
    angle = d.affine(z[0], omega)
    return d.concat(d.product(size, d.cos(angle)), d.product(size, d.apply(angle, "sine")))


def _halves(d: Description, z: int) -> list[int]:
    half = d.size(z) // 2
    return [d.slice(z, 0, half), d.slice(z, half, half)]


@describes(networks.SkipMLP)
def _(d: Description, field: networks.SkipMLP, x: int) -> int:
    def activation(z: int, i: int) -> int:
        if field.activation == "softplus":
            h = d.affine(d.apply(d.affine(z, field.beta), "softplus"), 1 / field.beta)
        else:
            h = d.activated(z, field.activation)
        if i + 1 in field.skips:
            h = d.concat(h, x)
            h = d.affine(h, 1 / math.sqrt(2)) if field.narrow else h
        return h

    return _layers(d, field.layers, x, activation)


def _layers(d: Description, layers: Any, x: int, activation: Callable[[int, int], int]) -> int:
    """Linear maps, and after each but the last ``activation(its values, its number)``."""
    *hidden, last = layers
    for i, layer in enumerate(hidden):
        x = activation(_map(d, layer, x), i)
    return _map(d, last, x)


def _map(d: Description, layer: Any, x: int) -> int:
    weight = layer.weight
    if weight.dim() == 2:
        return d.linear(x, weight, layer.bias)
    _, rows, columns = weight.shape  # of a map of pairs, as networks.pairs has it
    matrix = lambda: torch.cat([torch.cat([weight[0], -weight[1]], 1), torch.cat([weight[1], weight[0]], 1)])  # noqa: E731
    return d.linear(x, d.made(d.names[id(weight)], (2 * rows, 2 * columns), matrix), layer.bias)


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
