"""Exports: where values lie, light against what a screen shows, and shapes in the units of the input."""

import numpy as np
import pytest
import torch
from known_meshes import sphere

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.files.images import read_image
from neuralfields.files.meshes import WRITABLE_MESH_SUFFIXES, read_mesh
from neuralfields.geometry import Frame, Triangles, repaired, topology
from neuralfields.geometry.frame import HALF_SIDE
from neuralfields.render.imaging import as_light, displayed, image_values
from neuralfields.signals import Mesh, Sampling
from neuralfields.storage.export import METHODS, export_image, export_lattice, export_mesh


class Ramp(nf.Field):
    """Right, down, and a constant, in pixels of an image of 40 x 20."""

    def __init__(self) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 2, 3
        self.frame = Frame.of_box((0, 0), (40, 20), "px")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([(x + 1) * torch.tensor([20.0, 10.0]), torch.full_like(x[..., :1], 0.25)], -1)


def test_pixels_are_centres() -> None:
    values = image_values(Ramp(), (40, 20))
    np.testing.assert_allclose(values[3, 7], [7.5, 3.5, 0.25], atol=1e-5)


def test_a_crop_is_in_pixels_of_the_source(tmp_path) -> None:
    assert export_image(Ramp(), tmp_path / "part.npy", crop=(10, 5, 14, 7), size=(8, 4)) == (8, 4)
    values = np.load(tmp_path / "part.npy")
    np.testing.assert_allclose(values[0, 0, :2], [10.25, 5.25], atol=1e-5)
    np.testing.assert_allclose(values[-1, -1, :2], [13.75, 6.75], atol=1e-5)
    with pytest.raises(InputError, match="must lie within the image"):
        export_image(Ramp(), tmp_path / "part.npy", crop=(10, 5, 41, 7))


def test_the_curve_and_its_inverse() -> None:
    # 0.5 of the light is 0.7354 on the screen (IEC 61966-2-1); alpha is no light.
    shown = displayed(np.array([[0.0, 0.5, 1.0, 0.5], [7.0, 0.001, -1.0, 0.2]]), linear=True)
    np.testing.assert_allclose(shown, [[0, 0.7354, 1, 0.5], [1, 0.01292, 0, 0.2]], atol=1e-4)
    values = np.random.default_rng(0).random((50, 3))
    np.testing.assert_allclose(as_light(displayed(values, linear=True)), values, atol=1e-6)


@pytest.mark.parametrize(("colour", "name", "wanted"), [
    ("linear", "a.png", 0.5371), ("linear", "a.exr", 0.25), ("linear", "a.npy", 0.25),
    ("srgb", "a.png", 0.25), ("srgb", "a.exr", 0.0509), ("srgb", "a.npy", 0.25),
])  # fmt: skip
def test_formats_get_the_light_they_expect(tmp_path, colour, name, wanted) -> None:
    field = Ramp()
    field.provenance = {"signal": {"colour": colour}}
    export_image(field, tmp_path / name, size=(4, 4))
    values = read_image(tmp_path / name).values[..., 2]
    scale = 255 if values.dtype == np.uint8 else 1
    np.testing.assert_allclose(values / scale, wanted, atol=0.003)


class Ball(nf.Field):
    """The signed distance of a ball of radius 1 around (10, 20, 30) in a world that is mirrored if wanted."""

    def __init__(self, form: str = "sdf", mirrored: bool = False) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 3, 1
        self.form = form
        signs = (-1, 1, 1) if mirrored else (1, 1, 1)
        self.frame = Frame(tuple(tuple(2.0 * signs[i] * (i == j) for j in range(3)) for i in range(3)), (10, 20, 30))
        self.provenance = {"signal": {"form": form}}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        distance = x.norm(dim=-1, keepdim=True) - 0.5
        return {"sdf": distance, "occupancy": -9 * distance, "udf": distance.abs()}[self.form]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mirrored", [False, True])
def test_meshes_are_in_the_units_of_the_input(tmp_path, method, mirrored) -> None:
    written = export_mesh(Ball("occupancy", mirrored), tmp_path / "ball.ply", resolution=40, method=method)
    found = read_mesh(tmp_path / "ball.ply")
    np.testing.assert_array_equal(found.vertices, written.vertices)
    np.testing.assert_array_equal(found.faces, written.faces)
    radius = written.vertices - (10, 20, 30)
    np.testing.assert_allclose(np.linalg.norm(radius, axis=1), 1, atol=0.02 if method == "dual-contouring" else 1e-4)
    assert written.closed and written.volume == pytest.approx(4 / 3 * np.pi, rel=0.01)
    assert found.normals is not None
    np.testing.assert_allclose(found.normals, radius / np.linalg.norm(radius, axis=1, keepdims=True), atol=0.02)


@pytest.mark.parametrize("scale", [1e-40, 1e-9, 1e13])
def test_normals_have_length_one_at_any_scale(tmp_path, scale) -> None:
    field = Ball()
    field.frame = Frame.of_box((-scale,) * 3, (scale,) * 3)
    written = export_mesh(field, tmp_path / "ball.ply", resolution=16)
    found = read_mesh(tmp_path / "ball.ply")
    assert found.normals is not None
    np.testing.assert_allclose(found.normals, written.vertices / (0.5 * scale), atol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(found.normals, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("suffix", sorted(WRITABLE_MESH_SUFFIXES - {".stl"}))
def test_a_small_shape_far_from_the_origin(tmp_path, suffix) -> None:
    centre, scale = np.array([1e9, -1e9, 1e9]), 0.5 / HALF_SIDE
    ball = sphere(4, 0.5)
    signal = Mesh(Triangles(ball.vertices + centre, ball.faces), sampling=Sampling(samples=5000))
    batch = signal.draw(5000, seed=0, step=0)
    assert (batch.y - (batch.x.norm(dim=-1, keepdim=True) - HALF_SIDE)).abs().max() < 2e-3
    field = Ball()
    near = export_mesh(field, tmp_path / "near.ply", resolution=24).vertices / 2 - (5, 10, 15)
    field.frame = signal.frame
    export_mesh(field, tmp_path / f"far{suffix}", resolution=24)
    found = (read_mesh(tmp_path / f"far{suffix}").vertices - centre) / scale
    assert np.abs(found - near).max() < 1e-6


@pytest.mark.parametrize("suffix", sorted(WRITABLE_MESH_SUFFIXES))
def test_every_format_of_meshes(tmp_path, suffix) -> None:
    written = export_mesh(Ball(), tmp_path / f"ball{suffix}", resolution=24)
    found = read_mesh(tmp_path / f"ball{suffix}")
    mesh, _ = repaired(Triangles(found.vertices, found.faces))  # STL has no vertices of its own
    assert mesh.closed and len(mesh.faces) == len(written.faces)
    np.testing.assert_allclose(mesh.bounds, written.bounds, rtol=1e-6)


def test_unsigned_distances_become_a_shell_that_the_lattice_can_hold(tmp_path) -> None:
    mesh = export_mesh(Ball("udf"), tmp_path / "ball.obj", resolution=32)
    assert mesh.closed and topology(mesh).components == 2
    np.testing.assert_allclose(np.unique(np.linalg.norm(mesh.vertices - (10, 20, 30), axis=1).round(3)), [0.875, 1.125])


@pytest.mark.parametrize(("form", "scale"), [("sdf", 1.0), ("occupancy", -4.5)])
def test_values_on_a_lattice(tmp_path, form, scale) -> None:
    assert export_lattice(Ball(form), tmp_path / "ball.npz", resolution=10) == (11, 11, 11)
    with np.load(tmp_path / "ball.npz") as found:
        x, y, z = (found[name] for name in "xyz")
        assert str(found["form"]) == form and found["spacing"].tolist() == pytest.approx([0.4] * 3)
        assert (x[0], y[0], z[0], z[-1]) == (8, 18, 28, 32)
        points = np.stack(np.meshgrid(x, y, z, indexing="ij"), -1) - (10, 20, 30)
        np.testing.assert_allclose(found["values"], scale * (np.linalg.norm(points, axis=-1) - 1), atol=1e-5)
        assert found["values"].dtype == np.float32


@pytest.mark.parametrize(("call", "text"), [
    (lambda folder: export_mesh(Ball(), folder / "a.png"), "cannot export a shape to .*a.png.*.glb .obj"),
    (lambda folder: export_mesh(Ball(), folder / "a.ply", method="cubes"), "dual-contouring, got 'cubes'"),
    (lambda folder: export_mesh(Ball(), folder / "a.ply", resolution=0), "between 2 and 2048, got 0"),
    (lambda folder: export_mesh(Ramp(), folder / "a.ply"), "from 3 coordinates to 1 value"),
    (lambda folder: export_lattice(Ball(), folder / "a.npy"), "the suffix is .npz"),
    (lambda folder: export_lattice(Ball(), folder / "a.npz", resolution=4000), "between 2 and 1024, got 4000"),
    (lambda folder: export_lattice(Ball(), folder / "no" / "a.npz"), "cannot write"),
])  # fmt: skip
def test_refused_shapes(tmp_path, call, text) -> None:
    with pytest.raises(InputError, match=text):
        call(tmp_path)
    assert list(tmp_path.iterdir()) == []
