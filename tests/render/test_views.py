"""Views of radiance fields that are known in closed form."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.geometry import Camera, Frame, Rays
from neuralfields.render import VIEW_MODES, View, pixel_rays, render_view
from neuralfields.volume import Intervals, Rendered, Seen, render

RADIUS, SAMPLES = 0.6, 64
COLOUR = (0.9, 0.4, 0.1)


class Ball:
    """A ball of constant density and colour, sampled exactly where it is."""

    def __init__(self, density: float):
        self.strength = density
        self.asked: list[int] = []

    def density(self, x: Tensor) -> Tensor:
        """Softer than what is rendered, so that it has a gradient."""
        return self.strength * torch.sigmoid((RADIUS - x.norm(dim=-1)) / 0.01)

    def render(self, rays: Rays) -> Rendered:
        self.asked.append(len(rays))
        origin, direction = rays.origin.double(), rays.direction.double()
        b = (origin * direction).sum(-1)
        half = (b.square() - origin.square().sum(-1) + RADIUS**2).clamp(min=0).sqrt()
        edges = ((-b - half)[:, None] + 2 * half[:, None] * torch.linspace(0, 1, SAMPLES + 1)).float()
        count = torch.full((len(rays),), SAMPLES)
        intervals = Intervals.packed(edges[:, :-1].reshape(-1), edges[:, 1:].reshape(-1), count)
        density = torch.full_like(intervals.start, self.strength)
        return render(intervals, density, torch.tensor(COLOUR).expand(len(density), 3))


TURN = [[0.0, -1.0, 0.0], [0.6, 0.0, -0.8], [0.8, 0.0, 0.6]]
FRAME = Frame(tuple(tuple(2.5 * v for v in row) for row in TURN), (1.0, -2.0, 0.5), "m")
MIDDLE = torch.tensor(FRAME.offset, dtype=torch.float64)
CAMERA = Camera.look_at((4.0, 3.0, 2.5), (1.1, -2.1, 0.4), fov=40, size=(40, 32))


def chords(camera: Camera) -> tuple[Tensor, Tensor]:
    """Where each pixel's ray enters the ball, and how long it stays in it, in the world; [height, width] each."""
    rays = camera.rays(camera.centres(torch.arange(camera.pixels)), dtype=torch.float64)
    away = rays.origin - MIDDLE
    b = (away * rays.direction).sum(-1)
    half = (b.square() - away.square().sum(-1) + (2.5 * RADIUS) ** 2).clamp(min=0).sqrt()
    shape = camera.size[::-1]
    return (-b - half).reshape(shape), (2 * half).reshape(shape)


@pytest.mark.parametrize("density", [0.5, 3.0, 200.0])
def test_a_ball_of_constant_density(density: float) -> None:
    view = render_view(Ball(density), CAMERA, frame=FRAME)
    near, length = chords(CAMERA)
    thickness = density / 2.5 * length
    opacity = 1 - (-thickness).exp()
    colour = opacity[..., None] * torch.tensor(COLOUR)
    for found, truth in ((view.opacity, opacity), (view.colour, colour)):
        error = (found - truth).abs()
        assert error.mean() < 1e-5 and error.max() < 1e-3  # the largest where a ray grazes the ball
    hit = length > 0.2
    # The mean of an exponential distribution that ends at the far side.
    mean = near + 2.5 / density - length * (-thickness).exp() / opacity
    assert (view.depth.double() - mean)[hit].abs().max() < 2.5 * 2 * RADIUS / SAMPLES
    assert (view.depth[length == 0] == 0).all()
    assert view.normals is None


class Glanced(Ball):
    """The ball, but it does not tell what its pictures are made of."""

    def render(self, rays: Rays) -> Seen:  # type: ignore[override]
        found = super().render(rays)
        return Seen(found.colour, found.opacity, found.depth)


@pytest.mark.parametrize("kind", [Ball, Glanced])
def test_normals_of_an_opaque_ball_are_in_world_axes(kind: type[Ball]) -> None:
    view = render_view(kind(300.0), CAMERA, frame=FRAME, normals=True)
    near, length = chords(CAMERA)
    rays = CAMERA.rays(CAMERA.centres(torch.arange(CAMERA.pixels)), dtype=torch.float64)
    truth = torch.nn.functional.normalize(rays.at(near.reshape(-1)) - MIDDLE, dim=-1).reshape(32, 40, 3)
    assert view.normals is not None
    hit = length > 1.0
    agree = (view.normals.double() * truth).sum(-1)[hit]
    assert agree.min() > math.cos(math.radians(3))
    assert (view.normals[length == 0] == 0).all()
    torch.testing.assert_close(view.normals.norm(dim=-1)[hit], torch.ones(int(hit.sum())))


def test_blocks_change_nothing() -> None:
    field = Ball(3.0)
    whole, parts = (render_view(field, CAMERA, frame=FRAME, block=block) for block in (1 << 16, 100))
    assert field.asked[0] == 1280 and max(field.asked[1:]) == 100
    for name in ("colour", "opacity", "depth"):
        assert torch.equal(getattr(whole, name), getattr(parts, name))


def test_backgrounds_and_pictures() -> None:
    view = render_view(Ball(3.0), CAMERA, frame=FRAME, normals=True)
    grey = render_view(Ball(3.0), CAMERA, frame=FRAME, background=(0.5, 0.5, 0.5))
    torch.testing.assert_close(view.over((0.5, 0.5, 0.5)), grey.colour)
    for mode in VIEW_MODES:
        for background in ("white", "black", "transparent"):
            picture = view.picture(mode, background)  # type: ignore[arg-type]
            clear = background == "transparent" and mode != "opacity"
            assert picture.shape == (32, 40, 4 if clear else 3) and picture.dtype == np.float32
            assert 0 <= picture.min() <= picture.max() <= 1
    assert (view.picture()[0, 0] == 1).all() and (view.picture(background="black")[0, 0] == 0).all()
    clear = view.picture(background="transparent")
    seen = clear[..., 3] > 0.01
    np.testing.assert_allclose(clear[seen][:, :3], np.broadcast_to(COLOUR, (int(seen.sum()), 3)), atol=1e-4)
    assert view.picture("opacity")[16, 20, 0] == pytest.approx(float(view.opacity[16, 20]))
    depth = view.picture("depth", "black", depths=(0.0, 100.0))
    assert depth[16, 20, 0] == pytest.approx((1 - 0.9 * float(view.depth[16, 20]) / 100) * float(view.opacity[16, 20]))


def test_depths_are_shown_without_specks_and_far_ones_by_their_inverse() -> None:
    depth = torch.linspace(2, 3, 400).view(20, 20).clone()
    depth[0, 0], depth[-1, -1] = 0.01, 900.0
    view = View(torch.ones(20, 20, 3), torch.ones(20, 20), depth)
    assert view.reach == pytest.approx((2, 3), abs=0.02)
    picture = view.picture("depth")[..., 0]
    assert picture[0, 0] == 1 and picture[-1, -1] == pytest.approx(0.1)
    assert picture[10, 0] == pytest.approx(0.55, abs=0.02)
    wide = view.picture("depth", depths=(1.0, 100.0))[..., 0]
    assert wide[10, 0] == pytest.approx(0.1 + 0.9 * (1 / 2.5 - 0.01) / 0.99, abs=0.01)
    empty = View(torch.zeros(4, 4, 3), torch.zeros(4, 4), torch.zeros(4, 4))
    assert empty.reach is None and (empty.picture("depth") == 1).all()


def test_rays_of_pixels_are_those_of_the_camera() -> None:
    for camera in (CAMERA, Camera.orbit(40, 10, 3.0, size=(40, 32), fov=40)):
        fast, exact = pixel_rays(camera), camera.rays(camera.centres(torch.arange(camera.pixels)))
        torch.testing.assert_close(fast.direction, exact.direction, rtol=0, atol=3e-7)
        assert torch.equal(fast.origin, exact.origin)


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="pixels"):
        render_view(Ball(1.0), Camera.look_at((0.0, 0.0, 3.0), size=(90_000, 90_000)))
    with pytest.raises(InputError, match="block"):
        render_view(Ball(1.0), CAMERA, block=0)
    sheared = Frame(((1.0, 0.5, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), (0.0, 0.0, 0.0))
    with pytest.raises(InputError):
        render_view(Ball(1.0), CAMERA, frame=sheared)
    with pytest.raises(InputError, match="normals"):
        render_view(Ball(1.0), CAMERA).picture("normals")

    class Seen:
        render = Ball(1.0).render

    with pytest.raises(InputError, match="density"):
        render_view(Seen(), CAMERA, normals=True)
