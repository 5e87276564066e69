"""A program in the making, and which function describes which class of fields."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

import torch
from torch import Tensor

from neuralfields.errors import NeuralFieldsError
from neuralfields.field import Field, hooked
from neuralfields.ops import PlaneLayout
from neuralfields.viewer.program import (
    Affine,
    Apply,
    Combine,
    Concat,
    Function,
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
        one: the node of a 1, where there is one.
    """

    names: dict[int, str]
    nodes: list[Node]
    arrays: dict[str, Learned] = dataclass_field(default_factory=dict)
    values: dict[str, Callable[[], Tensor]] = dataclass_field(default_factory=dict)
    density: int | None = None
    one: int | None = None

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

    def learned(self, size: int, values: Callable[[], Tensor]) -> int:
        """``size`` values that are the same everywhere, but may change while the field is fitted."""
        if self.one is None:
            self.one = self.affine(self.slice(0, 0, 1), 0.0, 1.0)
        return self.linear(self.one, self.constant((size, 1), lambda: values().reshape(size, 1)))

    def mean(self, of: int, offset: float = 0.0) -> int:
        """The mean of the values plus an offset: one value."""
        shape = 1, self.size(of)
        average = self.constant(shape, lambda: torch.full(shape, 1 / shape[1]))
        return self.linear(of, average, self.constant((1,), lambda: torch.tensor([offset])) if offset else None)

    def repeated(self, of: int, times: int) -> int:
        """One value as ``times`` values."""
        return self.linear(of, self.constant((times, 1), lambda: torch.ones(times, 1)))

    def difference(self, of: int, less: int) -> int:
        return self.sum(of, self.affine(less, -1.0))

    def power(self, of: int, exponent: int) -> int:
        return self.product(*[of] * exponent)

    def polynomial(self, x: int, coefficients: Sequence[float]) -> int:
        """c_0 + c_1 x + ..., with two coefficients or more."""
        *others, second, first = coefficients
        found = self.affine(x, first, second)
        for coefficient in reversed(others):
            found = self.affine(self.product(found, x), 1.0, coefficient)
        return found

    def waves(self, turns: int) -> tuple[int, int]:
        """sin(2 pi t) and cos(2 pi t) of each value t."""
        return self.apply(turns, "cycle"), self.cosines(turns)

    def cosines(self, turns: int) -> int:
        """cos(2 pi t) of each value t: 1 - 2 sin(pi t)^2, because t + 1/4 would cost a large t its last digits."""
        return self._from_half(self.apply(self.affine(turns, 0.5), "cycle"))

    def cos(self, angle: int) -> int:
        return self._from_half(self.apply(self.affine(angle, 0.5), "sine"))

    def _from_half(self, sine: int) -> int:
        return self.affine(self.power(sine, 2), -2.0, 1.0)
