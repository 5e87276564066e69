"""Radiance fields as meshes with colours, and as lattices."""

import math
from pathlib import Path

import numpy as np
import pytest
from ball_scene import DENSITY, RADIUS, SOFTNESS, BallScene

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.files.meshes import read_mesh
from neuralfields.geometry import Frame, Triangles, repaired, topology
from neuralfields.render.surface import OPACITY
from neuralfields.storage.export_scene import export_scene_lattice, export_scene_mesh


def ball(mirrored: bool = False) -> BallScene:
    """Of radius 1 around (10, 20, 30) in the world, which is mirrored if wanted."""
    field, side = BallScene(), -2.0 if mirrored else 2.0
    field.frame = Frame(((side, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, 2.0)), (10.0, 20.0, 30.0))
    return field


def radius_at(opacity: float) -> float:
    """Where 1/128 stops this share of the light."""
    share = -math.log(1 - opacity) * 128 / DENSITY
    return RADIUS + SOFTNESS * math.log(1 / share - 1)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_mesh_in_the_world_with_colours(tmp_path: Path, mirrored: bool) -> None:
    made = export_scene_mesh(ball(mirrored), tmp_path / "ball.ply", resolution=64, least_share=0.1)
    found = read_mesh(tmp_path / "ball.ply")
    assert len(found.vertices) == len(made.vertices)
    triangles = Triangles(found.vertices, found.faces)
    assert topology(repaired(triangles)[0]).closed
    expected = radius_at(OPACITY)
    away = np.linalg.norm(found.vertices - (10, 20, 30), axis=1)
    np.testing.assert_allclose(away, 2 * expected, atol=2e-3)
    assert triangles.volume == pytest.approx(4 / 3 * math.pi * (2 * expected) ** 3, rel=0.01)
    assert found.normals is not None and found.colours is not None
    outwards = (found.vertices - (10, 20, 30)) / away[:, None]
    assert (found.normals * outwards).sum(1).min() > 0.998
    # Looked at along x in the box, from outside: the side towards -x.
    side = -outwards[:, 0] * (-1 if mirrored else 1)
    np.testing.assert_allclose(found.colours[:, 0] / 255, (1 + side) / 2, atol=0.06)
    np.testing.assert_allclose(found.colours[:, 1] / 255, 0.25, atol=0.005)


def test_levels_and_specks(tmp_path: Path) -> None:
    for opacity in (0.1, 0.9):
        export_scene_mesh(ball(), tmp_path / "ball.ply", resolution=48, opacity=opacity, least_share=0.1)
        away = np.linalg.norm(read_mesh(tmp_path / "ball.ply").vertices - (10, 20, 30), axis=1)
        np.testing.assert_allclose(away, 2 * radius_at(opacity), atol=2e-3)
    with_speck = export_scene_mesh(ball(), tmp_path / "ball.obj", resolution=48)
    assert with_speck.vertices.max() > 31


def test_a_lattice(tmp_path: Path) -> None:
    shape = export_scene_lattice(ball(), tmp_path / "ball.npz", resolution=8)
    assert shape == (9, 9, 9)
    with np.load(tmp_path / "ball.npz") as found:
        assert str(found["form"]) == "radiance" and found["x"][[0, 4, 8]].tolist() == [8, 10, 12]
        assert found["density"].dtype == np.float32 and found["colour"].dtype == np.uint8
        assert found["density"][4, 4, 4] == pytest.approx(DENSITY / 2, rel=1e-3)  # per unit of the world
        assert found["density"][0, 4, 4] < 1e-3
        assert found["colour"][4, 4, 4].tolist() == [128, 64, 0] and found["colour"][0, 4, 4].tolist() == [0, 0, 0]


def test_what_is_refused(tmp_path: Path) -> None:
    field = ball()
    with pytest.raises(InputError, match="suffix"):
        export_scene_mesh(field, tmp_path / "ball.png")
    for opacity in (0.0, 1.0, math.nan):
        with pytest.raises(InputError, match="opacity is above 0 and below 1"):
            export_scene_mesh(field, tmp_path / "ball.ply", opacity=opacity)
    with pytest.raises(InputError, match="a lower level, as in --level"):
        export_scene_mesh(field, tmp_path / "ball.ply", resolution=16, opacity=1 - 1e-9)
    with pytest.raises(InputError, match="6 to 4 values; this goes from 3 to 1"):
        export_scene_mesh(nf.networks.MLP(3, 1, width=4, depth=1), tmp_path / "ball.ply")
    assert not list(tmp_path.iterdir())
