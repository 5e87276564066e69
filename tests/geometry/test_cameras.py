"""Cameras and rays: where pixels look."""

import math
from types import SimpleNamespace

import pytest
import torch

from neuralfields.errors import InputError
from neuralfields.geometry import Camera, Cameras, Frame, Lens, Rays, box_interval


def ray(camera: Camera, x: float, y: float) -> torch.Tensor:
    return camera.rays(torch.tensor([[x, y]], dtype=torch.float64), dtype=torch.float64).direction[0]


def test_the_middle_of_the_picture_looks_at_the_target() -> None:
    camera = Camera.look_at((1.0, 2.0, 3.0), (-0.5, 0.2, 0.1), size=(64, 48))
    towards = torch.tensor([-1.5, -1.8, -2.9], dtype=torch.float64)
    torch.testing.assert_close(ray(camera, 32, 24), towards / towards.norm())
    assert camera.eye.tolist() == [1, 2, 3]


def test_x_is_right_and_row_0_on_top() -> None:
    camera = Camera.look_at((0.0, 0.0, 5.0), fov=90.0, size=(200, 100))
    assert camera.focal == pytest.approx((50, 50))
    torch.testing.assert_close(ray(camera, 100, 0) * math.sqrt(2), torch.tensor([0, 1, -1.0], dtype=torch.float64))
    torch.testing.assert_close(ray(camera, 200, 50) * math.sqrt(5), torch.tensor([2, 0, -1.0], dtype=torch.float64))
    assert camera.centres(torch.tensor([0, 199, 200])).tolist() == [[0.5, 0.5], [199.5, 0.5], [0.5, 1.5]]


@pytest.mark.parametrize(
    ("azimuth", "elevation", "up", "eye"),
    [
        (0, 0, "y", (0, 0, 2)),
        (90, 0, "y", (2, 0, 0)),
        (0, 90, "y", (0, 2, 0)),
        (0, 0, "z", (0, -2, 0)),
        (90, 0, "z", (2, 0, 0)),
        (0, 90, "z", (0, 0, 2)),
    ],
)
def test_orbits(azimuth: float, elevation: float, up: str, eye: tuple[float, float, float]) -> None:
    camera = Camera.orbit(azimuth, elevation, 2.0, up=up)
    torch.testing.assert_close(camera.eye, torch.tensor(eye, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(ray(camera, 400, 400), -camera.eye / 2, atol=1e-12, rtol=0)
    if elevation == 0:
        above = camera.axes[1]
        assert above["xyz".index(up)] == pytest.approx(1)


def test_poses_as_matrices() -> None:
    matrix = torch.eye(4)
    matrix[:3, 3] = torch.tensor([1.0, 2, 3])
    assert Camera(matrix, 100.0, (10, 10)).eye.tolist() == [1, 2, 3]
    with pytest.raises(InputError, match="without scaling"):
        Camera(2 * matrix[:3], 100.0, (10, 10))
    with pytest.raises(InputError, match="without scaling"):
        Camera(matrix[:3] * torch.tensor([-1.0, 1, 1, 1]), 100.0, (10, 10))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"eye": (0.0, 0.0, 0.0)}, "one line"),
        ({"eye": (0.0, 3.0, 0.0)}, "one line"),
        ({"eye": (0.0, 0.0, 3.0), "fov": 180.0}, "field of view"),
        ({"eye": (0.0, 0.0, 3.0), "size": (0, 10)}, "width"),
    ],
)
def test_impossible_cameras(settings: dict, text: str) -> None:
    with pytest.raises(InputError, match=text):
        Camera.look_at(**settings)


def test_rays_and_the_box() -> None:
    origin = torch.tensor([[0.0, 0, 3], [0, 0, 0], [0, 0, 3], [2, 0, 3], [0.5, 1, 3], [0, 0, 3]])
    direction = torch.tensor([[0.0, 0, -1], [1, 0, 0], [0, 0, 1], [0, 0, -1], [0, 0, -1], [0.6, 0, -0.8]])
    near, far = box_interval(Rays(origin, direction))
    hit = near < far
    assert hit.tolist() == [True, True, False, False, True, False]
    assert near[:2].tolist() == [2, 0] and far[:2].tolist() == [4, 1]
    assert len(Rays(origin, direction)[hit]) == 3


LENSES = (None, Lens("opencv", (0.06, -0.08, -0.001, 0.0002)), Lens("fisheye", (0.02, -0.003)))


def oblique(lens: Lens | None = None) -> Camera:
    """A camera with unequal focal lengths and its axis off the middle."""
    pose = Camera.look_at((2.0, 1.5, 3.0), (0.2, -0.1, 0.3)).pose
    return Camera(pose, (70.0, 75.0), (64, 48), (30.0, 25.5), lens)


def test_a_known_point_is_seen_where_it_should() -> None:
    # At the origin, unturned: 2 ahead is z = -2. One to the right is half a focal length, one up is as much upwards.
    camera = Camera(torch.eye(4), (100.0, 80.0), (60, 40), (31.0, 19.0))
    pixels, depth = camera.project(torch.tensor([[1.0, 1.0, -2.0], [0, 0, -3], [0, 0, 1]]))
    assert pixels[:2].tolist() == [[81.0, -21.0], [31.0, 19.0]]
    assert pixels[2].isnan().all() and depth.tolist() == pytest.approx([math.sqrt(6), 3, 1])


@pytest.mark.parametrize("lens", LENSES)
def test_projection_is_the_inverse_of_rays(lens: Lens | None) -> None:
    camera = oblique(lens)
    pixels = camera.centres(torch.arange(camera.pixels))
    depth = torch.linspace(0.5, 9, camera.pixels, dtype=torch.float64)
    seen, distance = camera.project(camera.rays(pixels, dtype=torch.float64).at(depth))
    torch.testing.assert_close(seen, pixels, rtol=0, atol=1e-9)
    torch.testing.assert_close(distance, depth)


@pytest.mark.parametrize("lens", LENSES)
def test_other_resolutions_look_the_same_way(lens: Lens | None) -> None:
    camera = oblique(lens)
    half, odd = camera.scaled(0.5), camera.resized((31, 99))
    assert half.size == (32, 24)
    # Four pixels' common corner is the centre of the one that they become.
    torch.testing.assert_close(ray(half, 3.5, 4.5), ray(camera, 7, 9))
    torch.testing.assert_close(ray(odd, 31, 99), ray(camera, 64, 48))
    with pytest.raises(InputError, match="width"):
        camera.scaled(0.001)


def test_the_world_may_be_a_box() -> None:
    camera = oblique(LENSES[1])
    frame = Frame.around((-1.0, 0.0, -2.0), (3.0, 1.0, 4.0))
    pixels = camera.centres(torch.arange(camera.pixels))
    outside, inside = (c.rays(pixels, dtype=torch.float64) for c in (camera, camera.in_box(frame)))
    depth = torch.full((camera.pixels,), 2.0, dtype=torch.float64)
    torch.testing.assert_close(frame.to_world(inside.at(depth / frame.scale)), outside.at(depth))
    with pytest.raises(InputError, match="without scaling"):
        camera.in_box(Frame.of_box((-1.0, 0.0, -2.0), (3.0, 1.0, 4.0)))


@pytest.mark.parametrize("lenses", [LENSES, LENSES[:1], LENSES[1:2]])
def test_many_cameras_are_each_of_them(lenses: tuple[Lens | None, ...]) -> None:
    turned = [Camera.orbit(a, size=(50, 40)).pose for a in (0.0, 50.0, 200.0)]
    some = [
        Camera(p, (40.0, 45.0 + k), (50 + k, 40), (24.0, 21.0), lenses[k % len(lenses)]) for k, p in enumerate(turned)
    ]
    cameras = Cameras(some)
    view = torch.tensor([2, 0, 1, 1, 0])
    pixels = torch.tensor([[0.5, 0.5], [49.5, 3.5], [20.0, 39.9], [24.0, 21.0], [0.1, 30.0]], dtype=torch.float64)
    found = cameras.rays(view, pixels, dtype=torch.float64)
    for k, number in enumerate(view.tolist()):
        alone = some[number].rays(pixels[k : k + 1], dtype=torch.float64)
        torch.testing.assert_close(found[k : k + 1].origin, alone.origin)
        torch.testing.assert_close(found[k : k + 1].direction, alone.direction, rtol=0, atol=1e-14)
    assert len(cameras) == 3 and cameras[1] is some[1] and cameras.rays(view, pixels).direction.dtype == torch.float32
    with pytest.raises(InputError, match="at least one"):
        Cameras([])


def test_differentials_are_steps_to_the_next_pixel() -> None:
    camera = oblique(LENSES[1])
    pixels = torch.tensor([[20.0, 11.0]], dtype=torch.float64)
    right, down = camera.differentials(pixels, dtype=torch.float64)
    torch.testing.assert_close(right[0], ray(camera, 20.5, 11) - ray(camera, 19.5, 11))
    torch.testing.assert_close(down[0], ray(camera, 20, 11.5) - ray(camera, 20, 10.5))
    assert float(right.norm()) == pytest.approx(1 / 70, rel=0.1)


def test_gradients_of_chosen_rays_do_not_depend_on_the_threads() -> None:
    generator, before = torch.Generator().manual_seed(0), torch.get_num_threads()
    origin = torch.rand(3, 3, generator=generator, requires_grad=True)
    ray, slope = torch.arange(3).repeat_interleave(20000), torch.randn(60000, 3, generator=generator)
    found = set()
    try:
        for threads in (1, *[2] * 100):
            torch.set_num_threads(threads)
            chosen = Rays(origin, torch.ones(3, 3))[ray].origin
            (gradient,) = torch.autograd.grad(chosen, origin, slope)
            found.add(gradient.numpy().tobytes())
    finally:
        torch.set_num_threads(before)
    assert len(found) == 1


def test_where_a_lens_ends_rays_are_nan() -> None:
    camera = Camera(torch.eye(4), 20.0, (64, 48), lens=Lens("opencv", (-0.3,)))
    rays = camera.rays(torch.tensor([[32.0, 24.0], [0.5, 0.5]]))
    assert rays.direction.isnan().any(-1).tolist() == [False, True]


@pytest.mark.parametrize("change", [{"focal": (10.0, 0.0)}, {"focal": math.nan}, {"centre": (math.inf, 1.0)}])
def test_impossible_intrinsics(change: dict) -> None:
    with pytest.raises(InputError, match="finite"):
        Camera(**{"pose": torch.eye(4), "focal": 10.0, "size": (4, 4), **change})


def test_cameras_of_photos() -> None:
    photo = SimpleNamespace(
        pose=torch.eye(4)[:3].numpy(), focal=(10.0, 11.0), size=(8, 6), centre=(4.0, 3.5), lens=None
    )
    assert Camera.of(photo).focal == (10, 11) and Camera.of(photo).lens is None
    photo.lens = ("opencv", (0.0, 0.0))
    assert Camera.of(photo).lens is None
    photo.lens = ("fisheye", ())
    assert Camera.of(photo).lens == Lens("fisheye", (0, 0, 0, 0))
