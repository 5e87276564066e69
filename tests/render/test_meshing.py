"""Meshes of known shapes: closed, in the right place, whatever way they are put together."""

import math

import numpy as np
import pytest
import torch

from neuralfields import networks
from neuralfields.errors import InputError
from neuralfields.geometry import Triangles, solids, topology
from neuralfields.render import Surface, blocks, components, extract
from neuralfields.render.blocks import Blocks

SPHERE, TORUS = solids.sphere(0.7), solids.torus(0.5, 0.2)
BALL = 4 / 3 * math.pi * 0.343


def mesh(solid, resolution=48, form="sdf", **more) -> Triangles:
    return extract(Surface(solid, form), resolution, **more).triangles


def euler(triangles: Triangles) -> int:
    """The Euler number; fails unless each edge has two faces that agree on the orientation."""
    found = topology(triangles)
    assert found.closed and found.consistent and not found.non_manifold_edges and not found.boundary_edges
    assert np.array_equal(np.unique(triangles.faces), np.arange(len(triangles.vertices)))
    return found.euler


def same(one: Triangles, other: Triangles) -> bool:
    """Whether two meshes are the same but for the order of their faces."""
    sorts = [triangles.faces[np.lexsort(triangles.faces.T)] for triangles in (one, other)]
    return np.allclose(one.vertices, other.vertices, rtol=0, atol=1e-7) and np.array_equal(*sorts)


@pytest.mark.parametrize("resolution", [40, 47, 48])  # 47 cells have 48 nodes: whole blocks
@pytest.mark.parametrize(("solid", "number", "volume", "area"), [
    (SPHERE, 2, BALL, 4 * math.pi * 0.49),
    (TORUS, 0, 2 * math.pi**2 * 0.5 * 0.04, 4 * math.pi**2 * 0.1),
    (solids.moved(SPHERE, (0.1, 0.2, 0.05)), 2, BALL, 4 * math.pi * 0.49),
    (solids.cylinder(0.5, 0.6), 2, math.pi * 0.25 * 1.2, math.pi * (1.2 + 0.5)),
])  # fmt: skip
def test_known_shapes(solid, number, volume, area, resolution) -> None:
    found = mesh(solid, resolution)
    assert euler(found) == number
    assert found.volume == pytest.approx(volume, rel=0.012) and found.areas.sum() == pytest.approx(area, rel=0.025)
    if solid in (SPHERE, TORUS):  # chords inside a smooth surface: half as long, a quarter of the error
        finer = abs(mesh(solid, 2 * resolution).volume / volume - 1)
        assert finer == pytest.approx(abs(found.volume / volume - 1) / 4, rel=0.1)


def test_vertices_lie_on_the_zero_set_and_normals_are_the_gradients() -> None:
    found = extract(Surface(TORUS), 40)
    x = torch.from_numpy(found.triangles.vertices)
    assert TORUS(x).abs().max() < 1e-5
    interpolated = TORUS(torch.from_numpy(mesh(TORUS, 40, project=False).vertices))
    assert 1e-4 < interpolated.abs().max() < 5e-3
    ring = torch.cat([x[:, :2] * (1 - 0.5 / x[:, :2].norm(dim=1, keepdim=True)), x[:, 2:]], 1)
    np.testing.assert_allclose(found.normals, torch.nn.functional.normalize(ring, dim=1), atol=1e-4)
    assert found.normals.dtype == np.float32


@pytest.mark.parametrize("solid", [SPHERE, solids.gyroid(1.5), solids.box((0.9, 0.02, 0.5))])
def test_the_whole_lattice_gives_the_same_mesh(solid) -> None:
    sparse, dense = (extract(Surface(solid), 72, skip=skip) for skip in (True, False))
    assert same(sparse.triangles, dense.triangles) and np.array_equal(sparse.normals, dense.normals)
    assert dense.evaluated > 73**3
    euler(sparse.triangles)


def test_few_points_are_evaluated() -> None:
    shares = [extract(Surface(solids.sphere(0.3)), n).evaluated / n**3 for n in (64, 128)]
    assert shares[0] < 0.15 and shares[1] < 0.6 * shares[0]


@pytest.mark.parametrize("size", [1, 3])
def test_the_size_of_pieces_changes_nothing(monkeypatch, size) -> None:
    solid = solids.union(TORUS, solids.sphere(0.35, (0.8, 0.5, 0.1)))
    whole = mesh(solid)
    monkeypatch.setattr(blocks, "_BRICK", size)
    assert same(mesh(solid), whole)


def test_two_balls_and_a_speck() -> None:
    solid = solids.union(
        solids.sphere(0.3, (0.5, 0, 0)), solids.sphere(0.4, (-0.5, 0, 0)), solids.sphere(0.05, (0, 0.8, 0))
    )
    found = mesh(solid, 64)
    parts, areas = components(found)
    np.testing.assert_allclose(areas, 4 * math.pi * np.square([0.4, 0.3, 0.05]), rtol=0.2)
    assert euler(found) == 6 and np.bincount(parts, found.areas).tolist() == pytest.approx(areas)
    assert (found.corners[parts == 0].mean(1)[:, 0] < 0).all()
    for share, number in ((0.1, 2), (1.0, 1)):
        kept = extract(Surface(solid), 64, least_share=share)
        assert len(components(kept.triangles)[1]) == number and euler(kept.triangles) == 2 * number
        assert kept.normals.shape == kept.triangles.vertices.shape


@pytest.mark.parametrize("resolution", [31, 33])
@pytest.mark.parametrize(("solid", "number", "volume"), [
    (solids.box((2, 2, 2)), 2, 8.0),  # all of the box
    (solids.box((0.5, 2, 0.5)), 2, 2.0),
    (solids.sphere(1.2), 2, None),  # cut by all six sides
    (solids.moved(SPHERE, (0.6, 0, 0)), 2, None),
    (solids.gyroid(2, 0.4), None, None),
])  # fmt: skip
def test_what_leaves_the_box_is_closed_there(solid, number, volume, resolution) -> None:
    found = extract(Surface(solid), resolution)
    assert euler(found.triangles) == (number or euler(found.triangles)) and found.triangles.volume > 0
    assert np.abs(found.triangles.vertices).max() == 1
    if volume:
        assert found.triangles.volume == pytest.approx(volume, rel=0.02)
    on_side = (np.abs(found.triangles.vertices) == 1).sum(1) == 1
    flat = (found.triangles.vertices * found.normals)[on_side].max(1) == 1
    assert flat.mean() > 0.3  # the others are where the surface meets the side


def test_thin_plates_are_not_cut() -> None:
    # Thinner than a cell: nodes are inside only along one plane of the lattice.
    found = mesh(solids.box((0.8, 0.8, 0.004), (0, 0, 0.001)), 64)
    assert euler(found) == 2 and found.volume == pytest.approx(1.6**2 * 0.008, rel=0.1)


def test_a_surface_is_followed_where_distances_are_wrong() -> None:
    # Three times too large: of the blocks along the surface only some are chosen by their centres.
    found = mesh(lambda x: 3 * SPHERE(x), 96)
    assert euler(found) == 2 and found.volume == pytest.approx(BALL, rel=0.01)


def test_occupancy_and_unsigned_distances() -> None:
    inside = mesh(lambda x: -25 * TORUS(x), 64, "occupancy")
    assert euler(inside) == 0 and inside.volume == pytest.approx(2 * math.pi**2 * 0.02, rel=0.01)
    steep = extract(Surface(lambda x: (-500 * SPHERE(x)).clamp(-10, 10), "occupancy"), 40)
    assert SPHERE(torch.from_numpy(steep.triangles.vertices)).abs().max() < 1e-4
    np.testing.assert_allclose(steep.normals, steep.triangles.vertices / 0.7, atol=1e-3)
    shell = extract(Surface(lambda x: SPHERE(x).abs(), "udf", shell=0.04), 64).triangles
    assert euler(shell) == 4 and shell.volume == pytest.approx(4 * math.pi * 0.49 * 0.08, rel=0.02)


@pytest.mark.parametrize("form", ["sdf", "occupancy"])
def test_steps_instead_of_slopes(form) -> None:
    # No gradient and no zero: the jump is found, and normals come from the faces.
    sign = -1.0 if form == "occupancy" else 1.0
    found = extract(Surface(lambda x: sign * torch.where(SPHERE(x) < 0, -1.0, 1.0) + 0 * x[:, :1], form), 32)
    assert euler(found.triangles) == 2
    assert SPHERE(torch.from_numpy(found.triangles.vertices)).abs().max() < 0.1 * 2 / 32
    assert (found.normals * found.triangles.vertices / 0.7).sum(1).min() > 0.8


def test_noise_is_closed_too() -> None:
    values = torch.randn(26, 26, 26, generator=torch.Generator().manual_seed(0))

    def noise(x: torch.Tensor) -> torch.Tensor:
        index = ((x + 1) * 12.5).round().long().clamp(0, 25)
        return values[tuple(index.T)][:, None] + 0 * x[:, :1]

    found = extract(Surface(noise, "occupancy"), 25).triangles
    assert len(found.faces) > 50_000 and found.closed


def test_a_field_that_is_no_number_somewhere() -> None:
    found = mesh(lambda x: torch.where(x[:, :1] > 0.01, torch.nan, SPHERE(x)), 32)
    assert euler(found) == 2 and 0 < found.vertices[:, 0].max() < 2 / 32


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_fields_with_parameters(dtype) -> None:
    torch.manual_seed(0)
    field = networks.Siren(3, 1, width=16, depth=2).to(dtype)
    found = extract(Surface.of(field), 40)
    euler(found.triangles)
    inner = (np.abs(found.triangles.vertices) < 1).all(1)
    with torch.no_grad():
        value = field(torch.from_numpy(found.triangles.vertices[inner]).to(dtype))
    assert inner.sum() > 1000 and value.abs().max() < 1e-4


@pytest.mark.parametrize(("call", "text"), [
    (lambda: mesh(SPHERE, 1), "resolution is between 2 and 2048, got 1"),
    (lambda: mesh(SPHERE, 5000), "got 5000"),
    (lambda: mesh(solids.sphere(0.5, (9, 9, 9))), "no surface in the box"),
    (lambda: mesh(lambda x: x[:, :1] * torch.nan), "no surface in the box"),
    (lambda: mesh(SPHERE, least_share=1.5), "least_share is between 0 and 1, got 1.5"),
    (lambda: Blocks.of(Surface(SPHERE), 32, lipschitz=0), "lipschitz is positive"),
])  # fmt: skip
def test_refusals(call, text) -> None:
    with pytest.raises(InputError, match=text):
        call()
