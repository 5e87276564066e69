"""Radiance fields: what their parts see, densities, unbounded space, and the occupancy grid."""

import math

import pytest
import torch

import neuralfields as nf
from neuralfields.encodings import HashGrid, PositionalEncoding, SphericalHarmonics
from neuralfields.errors import InputError
from neuralfields.fields import Marched, Radiance
from neuralfields.fields.marched import _in_ball
from neuralfields.geometry import Rays, contract, uncontract
from neuralfields.networks import MLP


def small(*, degree: int = 2, **settings: object) -> Radiance:
    torch.manual_seed(0)
    grid = HashGrid(3, levels=2, log2_size=10, base=4, finest=8)
    trunk = nf.Chain(grid, MLP(4, 5, width=8, depth=1, bias=False))
    colour = MLP(5 + degree**2, 3, width=8, depth=1, bias=False)
    return Radiance(trunk, colour, directions=SphericalHarmonics(degree), **settings)  # type: ignore[arg-type]


def points(n: int = 50, reach: float = 1.0) -> torch.Tensor:
    x = torch.rand(n, 6, generator=torch.Generator().manual_seed(1)) * 2 - 1
    x[:, 3:] = torch.nn.functional.normalize(x[:, 3:], dim=-1)
    x[:, :3] *= reach
    return x


def across(n: int = 64) -> Rays:
    """Rays along z through the box, from outside."""
    xy = torch.rand(n, 2, generator=torch.Generator().manual_seed(2)) * 1.6 - 0.8
    return Rays(torch.cat([xy, torch.full((n, 1), -2.0)], -1), torch.tensor([0.0, 0.0, 1.0]).expand(n, 3))


@pytest.mark.parametrize("activation", ["exp", "softplus", "relu", "abs"])
def test_density_is_that_of_the_trunk(activation: str) -> None:
    field, x = small(activation=activation, shift=0.3), points()
    raw = field.trunk(x[:, :3])[:, 0] + 0.3
    wanted = {"exp": raw.exp(), "softplus": (1 + raw.exp()).log(), "relu": raw.clamp(min=0), "abs": raw.abs()}
    assert torch.allclose(field.density(x[:, :3]), wanted[activation], atol=1e-6)
    assert torch.equal(field(x)[:, 0], field.density(x[:, :3]))


def test_exponent_grows_in_a_line_above_15() -> None:
    raw = torch.tensor([0.0, 14.0, 15.0, 40.0], dtype=torch.float64, requires_grad=True)
    value = small().activated(raw[:, None])
    (slope,) = torch.autograd.grad(value.sum(), raw)
    top = math.exp(15)
    assert torch.allclose(value, torch.tensor([1.0, math.exp(14), top, 26 * top], dtype=torch.float64))
    assert torch.allclose(slope, torch.tensor([1.0, math.exp(14), top, top], dtype=torch.float64))


def test_density_does_not_depend_on_the_direction_and_colours_do() -> None:
    field, x = small(), points()
    turned = torch.cat([x[:, :3], -x[:, 3:]], -1)
    values, others = field(x), field(turned)
    assert torch.equal(values[:, 0], others[:, 0])
    assert (values[:, 1:] != others[:, 1:]).any()
    assert (values[:, 1:] > 0).all() and (values[:, 1:] < 1).all()


def test_colours_may_leave_the_density_out() -> None:
    torch.manual_seed(0)
    trunk, directions = MLP(3, 4, width=6, depth=1), PositionalEncoding(3, octaves=1)
    field = Radiance(trunk, MLP(3 + directions.out_dim, 3, width=6, depth=1), directions=directions)
    before = field(points())
    with torch.no_grad():
        trunk.layers[-1].bias[0] += 1.0  # type: ignore[union-attr,index]
    assert torch.equal(before[:, 1:], field(points())[:, 1:])
    assert (before[:, 0] != field(points())[:, 0]).all()


def test_without_directions() -> None:
    field = Radiance(MLP(3, 4, width=6), MLP(4, 3, width=6))
    x = points()
    assert torch.equal(field(x), field(torch.cat([x[:, :3], -x[:, 3:]], -1)))


def test_unbounded_positions_are_contracted() -> None:
    field, x = small(unbounded=True), points(reach=30.0)
    assert torch.equal(field.density(x[:, :3]), field.activated(field.trunk(contract(x[:, :3]) / 2)))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Radiance(MLP(3, 4), MLP(9, 3)), "takes 4 or 3 values and gives 3, this MLP takes 9 and gives 3"),
        (lambda: Radiance(MLP(3, 4), MLP(4, 2)), "takes 4 and gives 2"),
        (lambda: Radiance(MLP(3, 4), MLP(4, 3), activation="tanh"), "activation is one of exp"),
        (lambda: Radiance(MLP(3, 4), MLP(6, 3), directions=MLP(2, 2)), "a direction has 3 coordinates, MLP takes 2"),
        (lambda: Marched(small(), cells=12), "a multiple of 8, got 12"),
        (lambda: Marched(small(), step=0.0), "step is positive"),
        (lambda: Marched(small(), stop=1.0), "stop are in"),
        (lambda: Marched(Radiance(MLP(4, 4), MLP(4, 3))), "positions have 3 coordinates, this field's have 4"),
    ],
)
def test_refusals(make: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        make()  # type: ignore[operator]


def test_carved_cells_are_empty() -> None:
    field = Marched(small(shift=2.0), cells=8)
    hull = torch.zeros(8, 8, 8, dtype=torch.bool)
    hull[5, 2, 6] = True  # z, y, x
    field.carve(hull)
    inside = torch.tensor([[0.6, -0.4, 0.4]])
    assert field.density(inside) == field.radiance.density(inside) > 0
    assert not field.density(-inside).any()
    assert torch.equal(field(points())[:, 0] > 0, field.density(points()[:, :3]) > 0)
    with pytest.raises(InputError, match="some cells True"):
        field.carve(torch.zeros(8, 8, 8, dtype=torch.bool))


def test_pictures_are_the_same_with_and_without_skipping() -> None:
    field = Marched(small(shift=1.0), cells=8, step=1 / 64, stop=0.0)
    hull = torch.rand(8, 8, 8, generator=torch.Generator().manual_seed(3)) < 0.3
    field.carve(hull)
    skipped = field.render(across(), seed=0)
    field.occupied.fill_(True)
    assert len(field.render(across(), seed=0).intervals) > 2 * len(skipped.intervals)  # type: ignore[attr-defined]
    kept = field.intervals(across())
    field.occupied.copy_(hull)
    values = field(kept.samples(across()))
    everywhere = nf.volume.render(kept, values[:, 0], values[:, 1:])
    assert torch.allclose(everywhere.colour, field.render(across()).colour, atol=1e-6)


def test_rays_end_where_no_light_comes_through() -> None:
    field = Marched(small(shift=5.0), cells=8, step=1 / 64)
    seen = field.render(across(), seed=0)
    assert (seen.opacity > 0.98).all() and len(seen.intervals) < len(across()) * 60  # type: ignore[attr-defined]


def test_steps_along_rays_of_a_fit_become_shorter() -> None:
    field = Marched(small(shift=-3.0), cells=8, step=1 / 64, cone=0.01, coarse=4.0)
    whole, counts = len(field.intervals(across())), []
    for fraction, stretch in ((0.0, 4), (0.4, 2), (0.8, 1), (1.0, 1)):
        field.advance(fraction)
        assert field.stretch == pytest.approx(stretch, rel=1e-2)
        counts.append(len(field.render(across(), seed=0).intervals))  # type: ignore[attr-defined]
    assert counts == pytest.approx([whole / 4, whole / 2, whole, whole], rel=0.1)
    field.advance(0.0)
    field.age.fill_(1000)
    assert field.stretch == 1
    with pytest.raises(InputError, match="coarse is finite and from 1 on"):
        Marched(small(), coarse=0.5)
    with pytest.raises(InputError, match=r"is below 1, got 0.5 \* 2.0"):
        Marched(small(), cone=0.5, coarse=2.0)


def test_pictures_have_the_told_steps_wherever_a_fit_has_ended(tmp_path) -> None:  # type: ignore[no-untyped-def]
    plain, field = (Marched(small(shift=1.0), cells=8, step=1 / 64, coarse=coarse) for coarse in (1.0, 4.0))
    field.advance(0.1)  # the last step of a fit that was ended early
    nf.save(field, tmp_path / "early.nf")
    wanted = plain.render(across()).depth
    for one in (field, nf.load(tmp_path / "early.nf")):
        assert torch.equal(one.render(across()).depth, wanted)  # type: ignore[operator]
        with torch.no_grad():  # by the core, where there is one
            torch.testing.assert_close(one.render(across()).depth, wanted, rtol=1e-4, atol=1e-4)  # type: ignore[operator]
    assert len(field.render(across(), seed=0).intervals) < len(plain.render(across(), seed=0).intervals) / 2  # type: ignore[attr-defined]


def test_refreshing_finds_what_is_empty() -> None:
    field = Marched(small(shift=-8.0), cells=16, step=1 / 64)
    assert field.occupied.all()
    for _ in range(16 * 30):
        field.advance(0.0)
    assert field.occupied.float().mean() < 0.6  # above the mean
    assert int(field.age) == 480
    again = Marched(small(shift=-8.0), cells=16, step=1 / 64)
    for _ in range(16 * 30):
        again.advance(0.5)
    assert torch.equal(field.thickness, again.thickness)


def test_what_is_empty_for_good_stays_so() -> None:
    field = Marched(small(shift=3.0), cells=16)
    hull = torch.zeros(16, 16, 16, dtype=torch.bool)
    hull[4:8, 4:8, 4:8] = True
    field.carve(hull)
    for _ in range(40):
        field.advance(0.0)
    assert torch.equal(field.occupied, hull)


def test_placing_leaves_the_cells_that_were_told() -> None:
    field = Marched(small(), cells=8)
    field.place(lambda n: torch.rand(n, 6, generator=torch.Generator().manual_seed(n)) * 0.5)
    wanted = torch.zeros(8, 8, 8, dtype=torch.bool)
    wanted[4:6, 4:6, 4:6] = True
    assert torch.equal(field.occupied, wanted) and field.carved


def test_unbounded_cells_lie_in_the_ball() -> None:
    field = Marched(small(unbounded=True), cells=16, step=1 / 64, cone=1 / 32)
    x = torch.randn(5000, 3, generator=torch.Generator().manual_seed(4)) * 100
    cell = ((contract(x) / 2 + 1) * 8).long().clamp(0, 15)
    assert field.occupied[cell[:, 2], cell[:, 1], cell[:, 0]].all()
    assert not field.occupied[0, 0, 0] and field.occupied.float().mean() < 0.75
    assert _in_ball(16)[8, 8, 15]


def test_places_of_rim_cells_beyond_the_ball_leave_them_finite() -> None:
    field = Marched(small(unbounded=True), cells=16, step=1 / 64, cone=1 / 32)
    for _ in range(33):
        field.advance(0.0)
    assert field.thickness.isfinite().all() and field.occupied.any()


def test_saved_and_loaded(tmp_path) -> None:  # type: ignore[no-untyped-def]
    field = Marched(small(), cells=8)
    hull = torch.zeros(8, 8, 8, dtype=torch.bool)
    hull[2:5] = True
    field.carve(hull)
    nf.save(field, tmp_path / "scene.nf")
    again = nf.load(tmp_path / "scene.nf")
    assert torch.equal(again(points()), field(points()))


def test_refreshing_does_not_depend_on_the_threads() -> None:
    found, before = [], torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        field = Marched(small(shift=-3.0), step=1 / 64)
        for _ in range(16 * 8):
            field.advance(0.0)
        found.append((field.thickness.clone(), field.occupied.clone()))
    torch.set_num_threads(before)
    for thickness, occupied in found[1:]:
        assert torch.equal(thickness, found[0][0]) and torch.equal(occupied, found[0][1])
    assert 0 < found[0][1].float().mean() < 1


def test_a_scene_that_fills_its_box_is_looked_at_thoroughly() -> None:
    field = Marched(small(unbounded=True), step=1 / 64, cone=1 / 32)
    before = field.occupied.clone()

    def anywhere(n: int) -> torch.Tensor:
        toward = torch.nn.functional.normalize(torch.randn(n, 3), dim=-1)
        return torch.cat([uncontract(2 * torch.rand(n, 1) ** (1 / 3) * toward), toward], -1)

    field.place(anywhere)
    assert torch.equal(field.occupied, before) and not field.carved


def test_densities_far_above_are_those_of_the_core() -> None:
    field = Marched(small(shift=16.0), cells=8, step=1 / 8, stop=0.0)
    rays = across(16)
    with torch.no_grad():
        fused = field.render(rays)
        with nf.ops.backend("reference", nf.ops.radiance_values):
            plain = field.render(rays)
    assert torch.allclose(fused.colour, plain.colour, atol=1e-5)
    assert torch.allclose(fused.depth, plain.depth, atol=1e-4)
