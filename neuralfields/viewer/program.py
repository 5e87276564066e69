"""A field as data: a list of operations and arrays, from which the page makes its shader.

A program is what the browser knows of a field. Each node computes values from those of earlier nodes; the last node is
the field's value. What is learned lies in arrays, which change while a field is fitted, the nodes do not.
"""

from dataclasses import dataclass
from typing import Literal

Function = Literal[
    "relu",
    "sigmoid",
    "exp",
    "softplus",
    "tanh",
    "abs",
    "sine",
    "cycle",
    "sinh",
    "gauss",
    "sqrt",
    "reciprocal",
    "log",
    "arctan",
]


@dataclass(frozen=True)
class Input:
    """The coordinates: the first node of every program."""

    size: int
    kind: Literal["input"] = "input"


@dataclass(frozen=True)
class Slice:
    """``size`` values of a node, from ``start`` on."""

    of: int
    start: int
    size: int
    kind: Literal["slice"] = "slice"


@dataclass(frozen=True)
class Concat:
    """The values of several nodes, one after the other."""

    of: tuple[int, ...]
    size: int
    kind: Literal["concat"] = "concat"


@dataclass(frozen=True)
class Combine:
    """The sum or the product of nodes of equal size, value by value."""

    of: tuple[int, ...]
    how: Literal["sum", "product"]
    size: int
    kind: Literal["combine"] = "combine"


@dataclass(frozen=True)
class Affine:
    """``scale * x + offset``."""

    of: int
    scale: float
    offset: float
    size: int
    kind: Literal["affine"] = "affine"


@dataclass(frozen=True)
class Apply:
    """A function of each value.

    ``gauss`` is exp(-x^2), ``cycle`` sin(2 pi x), exact for any number of turns, ``sqrt`` that of |x|; the
    ``reciprocal`` of 0 is 0.
    """

    of: int
    function: Function
    size: int
    kind: Literal["apply"] = "apply"


@dataclass(frozen=True)
class Linear:
    """``W x + b`` for arrays [size, inputs] and [size], then a function of each value or none."""

    of: int
    weight: str
    bias: str | None
    function: Function | None
    size: int
    kind: Literal["linear"] = "linear"


@dataclass(frozen=True)
class GridLevel:
    """As ``ops.grid_encode.layout.Level``."""

    scale: float
    resolution: int
    start: int
    rows: int
    hashed: bool


@dataclass(frozen=True)
class Grid:
    """``ops.grid_encode`` of a table [entries, features]."""

    of: int
    table: str
    features: int
    levels: tuple[GridLevel, ...]
    interpolation: Literal["linear", "smoothstep"]
    size: int
    kind: Literal["grid"] = "grid"


@dataclass(frozen=True)
class PlaneGrid:
    """One plane of ``ops.PlaneLayout``: its axes, the vertices along them, and its first row."""

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class Planes:
    """``ops.plane_encode`` of a table [entries, features]."""

    of: int
    table: str
    features: int
    planes: tuple[PlaneGrid, ...]
    interpolation: Literal["linear", "smoothstep", "catmull_rom", "b_spline"]
    size: int
    kind: Literal["planes"] = "planes"


@dataclass(frozen=True)
class Harmonics:
    """Real spherical harmonics up to a degree, as ``encodings.SphericalHarmonics``: ``size`` is degree squared."""

    of: int
    degree: int
    size: int
    kind: Literal["harmonics"] = "harmonics"


@dataclass(frozen=True)
class Contract:
    """Positions anywhere into the box: ``geometry.contract``, halved."""

    of: int
    size: int
    kind: Literal["contract"] = "contract"


Node = Input | Slice | Concat | Combine | Affine | Apply | Linear | Grid | Planes | Harmonics | Contract


@dataclass(frozen=True)
class Learned:
    """An array that a program reads.

    Tables may be stored in fewer bits; ``parts`` are the numbers of the rows where one scale ends.
    """

    name: str
    shape: tuple[int, ...]
    table: bool
    parts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Program:
    """Nodes in the order of computing, the last is the value; ``density`` is the node with a radiance field's density.

    Colours of a radiance field are the last node's values 1 to 3, its value 0 is the density again. With an array
    ``occupied``, [cells, cells, cells] over the box, indexed [z, y, x], the density is 0 in cells where it is False.
    """

    nodes: tuple[Node, ...]
    arrays: tuple[Learned, ...]
    density: int | None = None


@dataclass(frozen=True)
class Stored:
    """Where an array lies in a snapshot's bytes: floats, int8 to be multiplied by its parts' ``scales``, or bits.

    Bits are ``occupied`` as uint8, eight cells a byte, the lowest bit first, x fastest. Offsets are multiples of 8.
    """

    name: str
    dtype: Literal["int8", "float16", "float32", "uint8"]
    shape: tuple[int, ...]
    offset: int
    scales: tuple[float, ...] = ()
