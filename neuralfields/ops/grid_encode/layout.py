"""Where each vertex of each level lies in the table: the layout with the tag ``tcnn-1``."""

import math
from dataclasses import dataclass
from functools import cached_property
from operator import index

from neuralfields.errors import InputError

# One factor per axis; the first is 1 so that neighbours along x stay neighbours in memory.
PRIMES = (1, 2654435761, 805459861, 3674653429, 2097192037, 1434869437, 2165219737)


@dataclass(frozen=True)
class Level:
    """One resolution: ``size`` rows of the table from ``start`` on.

    A point u in [0, 1] lies at u * scale + 0.5 in units of cells; the grid has ``resolution`` vertices per axis.
    """

    scale: float
    resolution: int
    start: int
    size: int
    hashed: bool


@dataclass(frozen=True)
class GridLayout:
    """The levels of a grid with ``dim`` axes: resolutions grow geometrically from ``base`` to ``finest``.

    Attributes:
        dim: number of coordinates, 1 to 7.
        levels: number of resolutions, 1 to 64.
        log2_size: at most 2^log2_size rows per level; a level that needs more vertices is hashed. 3 to 28.
        base: vertices per axis of the coarsest level.
        finest: vertices per axis of the finest level.

    Raises:
        InputError: a value is out of range.
    """

    dim: int
    levels: int
    log2_size: int
    base: int
    finest: float

    def __post_init__(self) -> None:
        # Python's numbers: NumPy's would be computed with in their own precision.
        for name in ("dim", "levels", "log2_size", "base"):
            object.__setattr__(self, name, index(getattr(self, name)))
        object.__setattr__(self, "finest", float(self.finest))
        for name, low, high in (("dim", 1, len(PRIMES)), ("levels", 1, 64), ("log2_size", 3, 28)):
            if not low <= getattr(self, name) <= high:
                raise InputError(f"a grid's {name} is between {low} and {high}, got {getattr(self, name)}")
        if not 2 <= self.base <= self.finest <= 1 << 20:
            raise InputError(f"a grid needs 2 <= base <= finest <= 2^20, got base {self.base}, finest {self.finest}")

    @property
    def growth(self) -> float:
        """Ratio of neighbouring resolutions, b in the paper (equation 3)."""
        return (self.finest / self.base) ** (1 / (self.levels - 1)) if self.levels > 1 else 1.0

    @cached_property
    def table(self) -> tuple[Level, ...]:
        """The levels from coarse to fine."""
        made: list[Level] = []
        start = 0
        for level in range(self.levels):
            scale = self.base * math.exp(level * math.log(self.growth)) - 1
            # The last bits of exp and log must not decide whether a level has 2048 or 2049 vertices.
            scale = round(scale, 6)
            resolution = math.ceil(scale) + 1
            size = min(1 << self.log2_size, -(-(resolution**self.dim) // 8) * 8)
            made.append(Level(scale, resolution, start, size, hashed=resolution**self.dim > size))
            start += size
        return tuple(made)

    @property
    def entries(self) -> int:
        """Rows of the whole table."""
        return self.table[-1].start + self.table[-1].size
