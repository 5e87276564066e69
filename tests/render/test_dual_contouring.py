"""Sharp edges: where marching cubes cuts them off, and dual contouring does not."""

import math

import numpy as np
import pytest
import torch

from neuralfields.errors import InputError
from neuralfields.geometry import Triangles, solids, topology
from neuralfields.render import Surface, contour, extract

TURN = ((1, 2, 3), 33)  # so that no side lies along the lattice
HALF = (0.5, 0.4, 0.3)
BLOCK = solids.rotated(solids.box(HALF), *TURN)
PART = solids.rotated(
    solids.difference(solids.box((0.6, 0.5, 0.3)), solids.cylinder(0.25, 1), solids.box((0.3,) * 3, (0.6, 0.5, 0.3))),
    *TURN,
)
CELLS = 48


def off(solid, triangles: Triangles) -> np.ndarray:
    """How far points spread over a mesh are from the surface, in cells."""
    points, _ = triangles.sample(50_000, np.random.default_rng(0))
    return solid(torch.from_numpy(points)).abs().numpy() * CELLS / 2


@pytest.mark.parametrize("solid", [BLOCK, PART], ids=["box", "part with a bore"])
def test_edges_are_sharp(solid) -> None:
    cubes, dual = (method(Surface(solid), CELLS).triangles for method in (extract, contour))
    assert (topology(dual).euler, topology(dual).components) == (0 if solid is PART else 2, 1)
    assert topology(dual).closed and not topology(dual).non_manifold_edges
    # Marching cubes lies half a cell inside of edges and corners, and nearly exact elsewhere.
    assert off(solid, cubes).max() > 0.4
    assert off(solid, dual).max() < 0.04 and off(solid, dual).mean() < 0.2 * off(solid, cubes).mean()


def test_corners_are_where_they_belong() -> None:
    dual, cubes = (method(Surface(BLOCK), CELLS).triangles for method in (contour, extract))
    corners = torch.tensor([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]) * torch.tensor(HALF)
    turn = torch.stack([solids_axis(axis) for axis in range(3)])
    places = (corners.double() @ turn).numpy()
    distance = [np.linalg.norm(mesh.vertices[:, None] - places, axis=2).min(0) * CELLS / 2 for mesh in (dual, cubes)]
    assert distance[0].max() < 1e-3 and distance[1].min() > 0.1
    assert dual.volume == pytest.approx(8 * math.prod(HALF), rel=1e-4)


def solids_axis(axis: int) -> torch.Tensor:
    """Where ``TURN`` takes an axis: the point at which a tiny ball, turned along, is."""
    start = torch.eye(3, dtype=torch.float64)[axis]
    ball = solids.rotated(solids.sphere(1e-3, start.tolist()), *TURN)
    # Distances to a point, at the origin and at three others, give the point.
    reach = ball(torch.cat([torch.zeros(1, 3), torch.eye(3)]).double())[:, 0] + 1e-3
    return (1 + reach[0] ** 2 - reach[1:] ** 2) / 2


def test_smooth_shapes() -> None:
    torus = solids.torus(0.5, 0.2)
    found = contour(Surface(torus), CELLS)
    mesh, normals = found.triangles, found.normals
    assert mesh.closed and topology(mesh).euler == 0
    assert mesh.volume == pytest.approx(2 * math.pi**2 * 0.02, rel=0.01)
    assert off(torus, mesh).max() < 0.08
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    x = torch.from_numpy(mesh.vertices).requires_grad_()
    (slope,) = torch.autograd.grad(torus(x).sum(), x)
    assert (slope.numpy() * normals).sum(1).min() > 0.99


@pytest.mark.parametrize(
    ("solid", "volume"), [(solids.box((2, 2, 2)), 8), (solids.box((0.513, 2, 0.487)), 2 * 0.999324)]
)
def test_the_box_has_sharp_edges_too(solid, volume) -> None:
    mesh = contour(Surface(solid), 20).triangles
    assert mesh.closed and np.abs(mesh.vertices).max() == 1
    assert mesh.volume == pytest.approx(volume, rel=1e-4)


def test_blocks_and_parts_are_those_of_marching_cubes() -> None:
    solid = solids.union(solids.sphere(0.4, (-0.4, 0, 0)), solids.sphere(0.1, (0.6, 0.1, 0)))
    sparse, dense = (contour(Surface(solid), 70, skip=skip) for skip in (True, False))
    np.testing.assert_array_equal(sparse.triangles.vertices, dense.triangles.vertices)
    np.testing.assert_array_equal(sparse.triangles.faces, dense.triangles.faces)
    assert sparse.evaluated < dense.evaluated / 3
    largest = contour(Surface(solid), 70, least_share=0.5).triangles
    assert largest.vertices[:, 0].max() < 0.1 and len(largest.faces) < len(sparse.triangles.faces)


@pytest.mark.parametrize("gap", [0.3, 0.7, 1.4])
def test_two_sheets_in_a_cell_stay_apart(gap) -> None:
    # Two blocks whose corners nearly touch, and a bar through both: sheets that share cells.
    edge = gap * 2 / CELLS / 2
    blocks = [solids.box((0.25,) * 3, [side * (0.25 + edge)] * 3) for side in (-1, 1)]
    apart = contour(Surface(solids.rotated(solids.union(*blocks), (1, 1, 0.2), 20)), CELLS).triangles
    assert topology(apart).components == 2 and topology(apart).euler == 4 and not topology(apart).non_manifold_edges


def test_noise_is_closed_and_manifold() -> None:
    values = torch.randn(26, 26, 26, generator=torch.Generator().manual_seed(0))

    def noise(x: torch.Tensor) -> torch.Tensor:
        index = ((x + 1) * 12.5).round().long().clamp(0, 25)
        return values[tuple(index.T)][:, None] + 0 * x[:, :1]

    mesh = contour(Surface(noise, "occupancy"), 25).triangles
    assert len(mesh.faces) > 50_000 and mesh.closed and not topology(mesh).non_manifold_edges


def test_steps_have_no_planes() -> None:
    found = contour(Surface(lambda x: (x.norm(dim=1, keepdim=True) > 0.6).float() - 0.5 + 0 * x[:, :1]), 32)
    radius = np.linalg.norm(found.triangles.vertices, axis=1)
    assert found.triangles.closed and np.abs(radius - 0.6).max() < 2 / 32
    assert (found.normals * found.triangles.vertices).sum(1).min() > 0


def test_refusals() -> None:
    with pytest.raises(InputError, match="resolution is between 2 and 2048, got 0"):
        contour(Surface(BLOCK), 0)
    with pytest.raises(InputError, match="no surface"):
        contour(Surface(lambda x: x[:, :1] + 5), 16)
