"""A radiance field that knows where it is empty, so that rays are sampled only elsewhere.

@article{mueller2022instant,
  title={Instant Neural Graphics Primitives with a Multiresolution Hash Encoding},
  author={M{\"u}ller, Thomas and Evans, Alex and Schied, Christoph and Keller, Alexander},
  journal={ACM Transactions on Graphics}, volume={41}, number={4}, year={2022}}
"""

from collections.abc import Callable

import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.checks import between, positive
from neuralfields.encodings import SphericalHarmonics
from neuralfields.errors import InputError
from neuralfields.field import Field, evaluate, hooked
from neuralfields.fields.radiance import Radiance
from neuralfields.geometry import Rays, uncontract
from neuralfields.ops.field_step import Grid, Network
from neuralfields.ops.march.reference import cell_of, looked_up
from neuralfields.ops.radiance import RadianceModel
from neuralfields.volume import Intervals, Seen, render, transmittance

_START = 0.0101  # just above the threshold: everything is looked at first, and what proves empty is soon left out
_THRESHOLD = 0.01  # of a step's optical thickness
_HASTE, _HASTY, _DECAY = 0.6, 32, 0.95  # a refresh keeps: in the first ones, how many these are, later
_COARSE, _LONGEST = 0.8, 1000  # share of a fit in which steps along rays are longer than told, its steps at most
_EVERY = 16  # steps of a fit between two refreshes
_THOROUGH = 16  # refreshes that look at every cell where nothing told what is empty
_PLACES = 1 << 18  # of a round that tells where the scene may be
_MISSED = 0.01  # share of empty cells below which a scene fills its box
_LOOKS = 1 << 16  # cells that the later ones look at, half of them among the occupied


class Marched(Field):
    """A radiance field with a grid over the box that tells which of its cells may hold something.

    Where a cell is empty the density is 0; so a picture is the same whether rays skip these cells or not. During a fit
    the cells' optical thickness is a maximum that decays, refreshed every 16 steps at random places of some cells; a
    cell is occupied where it exceeds the lesser of 0.01 and the mean over the cells that are not empty for good
    (instant-ngp, appendix C; NerfAcc).

    Args:
        radiance: the field.
        cells: of the grid along each axis, 8 to 256, a multiple of 8.
        step: along a ray, in box units.
        cone: growth of the steps with distance: they are max(step, cone * distance).
        near: distance from the eye, in box units, where rays begin.
        stop: rays end where less than this share of light comes through.
        coarse: how many times as long the steps along rays are at the beginning of a fit, from 1 on; by and by they
            become shorter, until after four fifths of it, or after 1000 of its steps, they are as told. Many rays with
            few samples each tell more, earlier. Only rays with a ``seed`` have them: pictures never do.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Müller et al., Instant Neural Graphics Primitives with a Multiresolution Hash Encoding, SIGGRAPH 2022"
    thickness: Tensor
    occupied: Tensor
    carved: Tensor
    age: Tensor

    def __init__(
        self,
        radiance: Radiance,
        *,
        cells: int = 64,
        step: float = 1 / 128,
        cone: float = 0.0,
        near: float = 0.0,
        stop: float = 3e-3,
        coarse: float = 1.0,
    ):
        super().__init__()
        between(8, 256, cells=cells)
        positive(step=step)
        if cells % 8:
            raise InputError(f"cells are a multiple of 8, got {cells}")
        if not (0 <= cone < 1 and 0 <= near < float("inf") and 0 <= stop < 1):
            raise InputError(f"cone and stop are in [0, 1), near from 0 on, got {cone}, {stop} and {near}")
        if not 1 <= coarse < float("inf"):
            raise InputError(f"coarse is finite and from 1 on, got {coarse}")
        if not cone * coarse < 1:
            raise InputError(f"cone times coarse, the growth of the first steps, is below 1, got {cone} * {coarse}")
        if radiance.in_dim != 6:
            raise InputError(f"positions have 3 coordinates, this field's have {radiance.in_dim - 3}")
        self.in_dim, self.out_dim = 6, 4
        self.radiance = radiance
        self.cells, self.step, self.cone, self.near, self.stop, self.coarse = cells, step, cone, near, stop, coarse
        # -1 marks cells that hold nothing for certain; indexed [z, y, x].
        self.register_buffer("thickness", torch.full((cells,) * 3, _START))
        if radiance.medium.unbounded:
            self.thickness[~_in_ball(cells)] = -1.0
        self.register_buffer("occupied", self.thickness > 0)
        self.register_buffer("carved", torch.tensor(False))
        self.register_buffer("age", torch.tensor(0))  # steps of fits so far
        self._fraction = 1.0  # of a fit that is over; told before each step, so neither files nor checkpoints need it

    def carve(self, hull: Tensor) -> None:
        """Empty for good all cells [cells, cells, cells], indexed [z, y, x], that are False here.

        Raises:
            InputError: the shape is another, or nothing is left.
        """
        if hull.shape != self.occupied.shape or hull.dtype != torch.bool or not hull.any():
            raise InputError(
                f"a hull is bool {list(self.occupied.shape)} with some cells True, got {hull.dtype} {list(hull.shape)}"
            )
        self.thickness.masked_fill_(~hull.to(self.thickness.device), -1.0)
        self.carved.fill_(True)
        self._decide()

    def place(self, detail: Callable[[int], Tensor]) -> None:
        """Carve away the cells in which none of many places lies that the signal knows to be in the scene."""
        found, before = torch.zeros_like(self.occupied), -1
        while (count := int(found.sum())) > before:  # until a round finds nothing new
            before = count
            x = self.radiance.medium.placed_in_box(detail(_PLACES)[:, :3])
            found.view(-1)[cell_of(x, self.cells)] = True
            if int((self.occupied & ~found).sum()) <= _MISSED * int(self.occupied.sum()):
                return  # the scene fills its box
        self.carve(self.occupied & found)

    def density(self, x: Tensor) -> Tensor:
        """At positions [*batch, 3]: [*batch], from 0 on, per box unit."""
        return self.radiance.density(x) * self._looked_up(x)

    def forward(self, x: Tensor) -> Tensor:
        values = self.radiance(x)
        there = self._looked_up(x[..., :3])
        return torch.cat([values[..., :1] * there[..., None], values[..., 1:]], -1)

    def render(self, rays: Rays, *, seed: int | None = None) -> Seen:
        """What is seen along rays [n], in box coordinates; where gradients are recorded, a ``Rendered``.

        Of rays that are not finite it is NaN or nothing, as the kernel has it.

        Args:
            seed: of the samples' places along the rays, which are regular without one. With one, as a fit has it, steps
                are ``stretch`` times as long.
        """
        if seed is None and ops.wanted_derivatives() == 0 and (model := self.model()):
            values = ops.radiance_values.attempt(model, torch.cat([rays.origin, rays.direction], -1))
            if values is not None:
                return Seen(values[:, :3], values[:, 3], values[:, 4])
        intervals = self.intervals(rays, jitter_of(rays, seed), 1.0 if seed is None else self.stretch)
        values = self.radiance(intervals.samples(rays))
        return render(intervals, values[:, 0], values[:, 1:])

    def model(self) -> RadianceModel | None:
        """The field as the fused ops know it, with the told steps; None where it is another."""
        if hooked(self) or (parts := _parts(self.radiance)) is None:
            return None
        grid, trunk, colour, degree = parts
        march = {name: getattr(self, name) for name in ("occupied", "step", "cone", "near", "stop")}
        medium = self.radiance.medium
        return RadianceModel(
            grid, trunk, colour, degree=degree, shift=medium.shift, unbounded=medium.unbounded, **march
        )

    @torch.no_grad()
    def intervals(self, rays: Rays, jitter: Tensor | None = None, stretch: float = 1.0) -> Intervals:
        """The parts of rays in cells that may hold something, as far as ``stop`` of the light comes through.

        Args:
            rays: [n], in box coordinates.
            jitter: shares of a step [n] by which the samples are moved; none without.
            stretch: how many times as long as told the steps are.
        """
        start, end, count = ops.march(
            torch.cat([rays.origin, rays.direction], -1),
            self.occupied,
            step=self.step * stretch,
            cone=self.cone * stretch,
            near=self.near,
            unbounded=self.radiance.medium.unbounded,
            jitter=jitter,
        )
        marched = Intervals.packed(start, end, count)
        density = evaluate(self.radiance.density, marched.points(rays))
        return marched.kept(transmittance(marched, density) >= self.stop)

    @property
    def stretch(self) -> float:
        """How many times as long as told the steps along rays of a fit are now; 1 outside of one."""
        done = max(self._fraction / _COARSE, int(self.age) / _LONGEST)
        return self.coarse ** max(0.0, 1 - done)

    def advance(self, fraction: float) -> None:
        self._fraction = fraction
        age = int(self.age)
        if age and age % _EVERY == 0:
            self._refresh(age // _EVERY)
        self.age += 1

    @torch.no_grad()
    def _refresh(self, number: int) -> None:
        """Look at one place in each of some cells."""
        generator = torch.Generator().manual_seed((1 << 41) + number)  # apart from those of steps
        cells = self._to_look_at(number, generator)
        place = torch.stack([cells % self.cells, cells // self.cells % self.cells, cells // self.cells**2], -1)
        place = (place + torch.rand(place.shape, generator=generator)) * (2 / self.cells) - 1
        place = place.to(self.thickness)
        found = evaluate(lambda x: self.radiance.activated(self.radiance.trunk(x)), place) * self._width(place)
        cells, flat = cells.to(found.device), self.thickness.view(-1)
        flat[cells] = flat[cells] * (_HASTE if number <= _HASTY else _DECAY)
        flat.scatter_reduce_(0, cells, found, "amax")
        self._decide()

    def _to_look_at(self, number: int, generator: torch.Generator) -> Tensor:
        """Numbers of cells that are not empty for good: all of them, or half of some among the occupied ones."""
        known = (self.thickness.view(-1) >= 0).nonzero()[:, 0].cpu()
        if len(known) <= _LOOKS or (number <= _THOROUGH and not self.carved):
            return known
        occupied = self.occupied.view(-1).nonzero()[:, 0].cpu()
        occupied = occupied if len(occupied) else known
        half = _LOOKS // 2
        picks = [torch.randint(len(some), (half,), generator=generator) for some in (known, occupied)]
        return torch.cat([known[picks[0]], occupied[picks[1]]])

    def _width(self, place: Tensor) -> Tensor | float:
        """Of a ray's steps at places [n, 3] in the box, as seen from its middle; 0 where no place of the world is."""
        if not self.radiance.medium.unbounded:
            return self.step
        width = (self.cone * uncontract(2 * place).norm(dim=-1)).clamp(min=self.step)
        return width.nan_to_num(0, posinf=0)

    def _decide(self) -> None:
        # By numpy, on one thread: torch's sum, and so the fit, would depend on the number of threads.
        known = self.thickness.cpu().numpy()
        mean = float(known[known >= 0].mean(dtype="float64"))
        self.occupied.copy_(self.thickness > min(mean, _THRESHOLD))

    def _looked_up(self, x: Tensor) -> Tensor:
        """Whether positions [*batch, 3] are in occupied cells; NaN where they are NaN."""
        x = self.radiance.medium.placed_in_box(x)
        return looked_up(self.occupied, x).to(x) + 0 * x.sum(-1)


def _parts(radiance: Radiance) -> tuple[Grid, Network, Network, int] | None:
    """Grid, trunk, colour network and degree of the harmonics, where a field is made of such; else None."""
    inner = [radiance.trunk, radiance.colour, radiance.directions]
    if any(part is None or hooked(part) for part in [radiance, *inner]):
        return None
    stages, colour = radiance.trunk.stages(), radiance.colour.stages()
    if radiance.medium.activation != "exp" or radiance.first or not stages or not colour:
        return None
    if not isinstance(radiance.directions, SphericalHarmonics) or len(stages) != 2 or len(colour) != 1:
        return None
    grid, trunk, last = *stages, *colour
    if not (isinstance(grid, Grid) and isinstance(trunk, Network) and isinstance(last, Network)) or trunk.omegas:
        return None
    return grid, trunk, last, radiance.directions.degree


def _in_ball(cells: int) -> Tensor:
    """Which cells of the box [cells, cells, cells] reach into the unit ball."""
    nearest = ((torch.arange(cells) * 2 + 1) / cells - 1).abs() - 1 / cells
    squares = nearest.clamp(min=0) ** 2
    return squares[:, None, None] + squares[:, None] + squares < 1


def jitter_of(rays: Rays, seed: int | None) -> Tensor | None:
    """Shares of a step [n] that a seed gives to rays; none without a seed."""
    if seed is None:
        return None
    return torch.rand(len(rays), generator=torch.Generator().manual_seed(seed)).to(rays.origin)
