"""Calibrated: what it changes of rays and colours, and cameras and exposures that it finds again."""

from collections.abc import Iterator
from dataclasses import asdict

import pytest
import torch
from tiny_scenes import around
from torch import Tensor

import neuralfields as nf
from neuralfields.encodings import HashGrid, SphericalHarmonics
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.fields import Marched, Radiance
from neuralfields.fitting import Adam, Decay, State
from neuralfields.fitting.fused_radiance import FusedRadianceStep
from neuralfields.geometry import Camera, Cameras, Frame, Rays, box_interval, se3
from neuralfields.networks import MLP
from neuralfields.objectives import Calibrated, Photometric
from neuralfields.protocols import Batch, RayBatch
from neuralfields.render import render_view
from neuralfields.signals import PosedImages, synthetic
from neuralfields.volume import Rendered, Span, render, stratified

VIEWS = 8
FRAME = Frame.of_box((-1, -2, -1), (3, 2, 3))


class Waves(Field):
    """A soft ball of waves of colour, which is known: nothing of it is fitted but a number that changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 6, 4
        self.idle = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        place = x[..., :3]
        density = 40 * torch.sigmoid(10 * (0.6 - place.norm(dim=-1, keepdim=True)))
        return torch.cat([density, 0.5 + 0.4 * torch.sin(5 * place + place.roll(1, -1))], -1) + 0 * self.idle

    def render(self, rays: Rays, *, seed: int | None = None) -> Rendered:
        intervals = stratified(Span(*box_interval(rays)), 32)
        values = self(intervals.samples(rays))
        return render(intervals, values[:, 0], values[:, 1:])


def twists(size: float) -> Tensor:
    """Of all views, with a mean of none."""
    found = size * torch.randn(VIEWS, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return found - found.mean(0)


def calibrated(views: int = VIEWS, **settings: bool) -> Calibrated:
    made = Calibrated.of(Photometric(background="black"), views, **({"poses": True, "exposure": True} | settings))
    return made


def shaken(cameras: list[Camera], frame: Frame, motion: Tensor) -> list[Camera]:
    """Cameras after motions."""
    objective = calibrated(len(cameras), exposure=False)
    with torch.no_grad():
        assert objective.twists is not None
        objective.twists.copy_(motion)
    return objective.corrected(cameras, frame)


def errors(cameras: list[Camera], truth: list[Camera]) -> Tensor:
    """Mean angle, in radians, and distance between cameras and the truth, which may be turned and moved altogether."""
    eyes, goal = (torch.stack([camera.eye for camera in some]) for some in (cameras, truth))
    turn = se3.nearest_rotation((goal - goal.mean(0)).T @ (eyes - eyes.mean(0)))
    away = ((eyes - eyes.mean(0)) @ turn.T - (goal - goal.mean(0))).norm(dim=-1)
    turns = torch.stack([turn @ a.axes.T @ b.axes for a, b in zip(cameras, truth, strict=True)])
    angle = se3.log(torch.cat([turns, torch.zeros_like(turns[..., :1])], -1))[:, 3:].norm(dim=-1)
    return torch.stack([angle.mean(), away.mean()])


def some_rays(cameras: list[Camera], frame: Frame, n: int = 64) -> RayBatch:
    generator = torch.Generator().manual_seed(2)
    view = torch.randint(len(cameras), (n,), generator=generator)
    pixels = 16 * torch.rand(n, 2, generator=generator, dtype=torch.float64)
    rays = Cameras(cameras).in_box(frame).rays(view, pixels)
    return RayBatch(torch.cat([rays.origin, rays.direction], -1), torch.rand(n, 4, generator=generator), camera=view)


def test_it_begins_as_the_photometric_loss() -> None:
    batch = some_rays(around(VIEWS), FRAME)
    plain = Photometric(background="black")(Waves(), batch, 0)
    terms = calibrated()(Waves(), batch, 0)
    assert torch.allclose(terms["l2"], plain["l2"], rtol=1e-6) and plain["l2"].detach() > 0.01
    terms["l2"].backward()


def test_rays_are_those_of_the_corrected_cameras() -> None:
    cameras, objective, seen = around(VIEWS), calibrated(exposure=False), []

    class Spy(torch.nn.Module):
        def render(self, rays: Rays, *, seed: int | None = None) -> Rendered:
            seen.append(torch.cat([rays.origin, rays.direction], -1).detach())
            return Waves().render(rays, seed=seed)

    with torch.no_grad():
        assert objective.twists is not None
        objective.twists.copy_(0.3 + twists(0.1))  # of which the mean is no correction
    objective(Spy(), some_rays(cameras, FRAME), 0)
    moved = objective.corrected(cameras, FRAME)
    torch.testing.assert_close(seen[0], some_rays(moved, FRAME).x, rtol=0, atol=1e-6)
    assert (seen[0] - some_rays(cameras, FRAME).x).abs().max() > 0.05
    assert se3.log(objective.motions()).mean(0).abs().max() < 1e-6


def test_gains_are_those_of_what_is_seen() -> None:
    batch, objective = some_rays(around(VIEWS), FRAME), calibrated(poses=False)
    with torch.no_grad():
        assert objective.gains is not None
        objective.gains.copy_(1 + twists(0.3)[:, :3])
    gain = objective.gain()
    torch.testing.assert_close(gain.log(), twists(0.3)[:, :3].float(), rtol=0, atol=1e-6)
    seen = Waves().render(Rays(batch.x[:, :3], batch.x[:, 3:]))
    assert batch.camera is not None
    off = seen.colour * gain[batch.camera] - batch.y[:, :3] * batch.y[:, 3:]
    torch.testing.assert_close(objective(Waves(), batch, 0)["l2"], off.square().mean())


class Shown:
    """Pictures of a known field by cameras, of which others are told, as a signal."""

    kind, in_dim, out_dim, frame, headline = "scene", 6, 4, Frame.of_box((-1, -1, -1), (1, 1, 1)), "psnr"
    size = VIEWS * 24 * 24

    def __init__(self, cameras: list[Camera], told: list[Camera], gains: Tensor):
        pictures = [render_view(Waves(), camera, background=(0, 0, 0)).colour for camera in cameras]
        self.pictures = torch.stack(pictures).reshape(VIEWS, -1, 3) * gains[:, None]
        self.told = Cameras(told)

    def draw(self, n: int, *, seed: int, step: int) -> RayBatch:
        generator = torch.Generator().manual_seed(seed + step)
        view = torch.randint(VIEWS, (n,), generator=generator)
        pixel = torch.randint(24 * 24, (n,), generator=generator)
        rays = self.told.rays(view, torch.stack([pixel % 24, pixel // 24], -1) + 0.5)
        colour = torch.cat([self.pictures[view, pixel], torch.ones(n, 1)], -1)
        return RayBatch(torch.cat([rays.origin, rays.direction], -1), colour, camera=view)

    def chunks(self, n: int) -> Iterator[RayBatch]:
        yield self.draw(n, seed=0, step=0)

    def measure(self, field: object, *, thorough: bool = False) -> dict[str, float]:
        return {"psnr": 0.0}

    def describe(self) -> dict[str, object]:
        return {"kind": self.kind}


@pytest.fixture(scope="module")
def shown() -> tuple[Shown, list[Camera], Tensor]:
    """Cameras around a known field, told wrongly, and the gains of their pictures."""
    truth = around(VIEWS, size=(24, 24), target=(0, 0, 0))
    gains = twists(0.15)[:, 3:].float().exp()
    with torch.no_grad():
        return Shown(truth, shaken(truth, Shown.frame, twists(0.04)), gains), truth, gains


def fitted(signal: Shown, steps: int, state: State | None = None, decay: Decay | None = None) -> State:
    objective = calibrated() if state is None else state.objective
    settings = {"objective": objective, "batch": 256, "state": state, "seed": 3, "decay": decay}
    field = Waves() if state is None else state.field
    if state is None:
        settings["optimizer"] = Adam(lr=0.3)
    *_, last = nf.steps(field, signal, steps=steps, **settings)  # type: ignore[arg-type]
    return last.state


def test_of_a_known_field_cameras_and_gains_are_found(shown: tuple[Shown, list[Camera], Tensor]) -> None:
    signal, truth, gains = shown
    objective = fitted(signal, 200, decay=Decay(0.3, 0.01)).objective
    assert isinstance(objective, Calibrated)
    before = errors(list(signal.told.each), truth)
    after = errors(objective.corrected(signal.told.each, signal.frame), truth)
    assert (after < before / 8).all(), (before, after)
    assert (objective.gain() / gains).log().abs().max() < 0.03


def test_a_resumed_fit_keeps_them(shown: tuple[Shown, list[Camera], Tensor]) -> None:
    whole, half = fitted(shown[0], 8), fitted(shown[0], 4)
    again = nf.fitting.start(Waves(), objective=calibrated(), optimizer=Adam(lr=0.3))
    again.restore({name: tensor.clone() for name, tensor in half.tensors().items()}, half.numbers())
    resumed = fitted(shown[0], 8, again)
    for name in ("objective.twists", "objective.gains"):
        assert torch.equal(whole.tensors()[name], resumed.tensors()[name])
        assert not torch.equal(whole.tensors()[name], half.tensors()[name])


def small(signal: PosedImages) -> Marched:
    grid, directions = HashGrid(3, levels=4, log2_size=13, base=4, finest=24), SphericalHarmonics(2)
    trunk = nf.Chain(grid, MLP(grid.out_dim, 8, width=32, depth=1, bias=False))
    colour = MLP(8 + directions.out_dim, 3, width=32, depth=1, bias=False)
    return Marched(Radiance(trunk, colour, directions=directions, shift=2.3), cells=32, step=1 / 24)


def test_a_scene_and_its_cameras_are_learned_together() -> None:
    world = synthetic.world("objects")
    truth = world.cameras(20, size=(32, 32))
    photos = [synthetic.trace(world, camera, samples=2).straight() for camera in truth]
    images = [(photo * 255).round().byte().numpy() for photo in photos]
    shake = 0.03 * torch.randn(20, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    told = shaken(truth, PosedImages(images, truth).frame, shake)
    signal = PosedImages(images, told)
    objective = Calibrated.of(Photometric(samples=1 << 13), 20, poses=True, exposure=False)
    objective.lr_scale = 0.2
    torch.manual_seed(0)
    optimizer = Adam(lr=1e-2, table_lr=1e-2, betas=(0.9, 0.99), epsilon=1e-15)
    *_, last = nf.steps(small(signal), signal, objective=objective, optimizer=optimizer, batch=1 << 11, steps=200)
    before, after = errors(told, truth), errors(objective.corrected(told, signal.frame), truth)
    assert (after < 0.75 * before).all(), (before, after)
    assert "radiance_step" not in last.state.kernels
    assert FusedRadianceStep.of(nf.fitting.start(small(signal), objective=objective)) is None


def test_settings_are_kept() -> None:
    objective = Calibrated.of(Photometric(samples=100, distortion=0.1), 5, poses=False, exposure=True)
    assert asdict(Calibrated(**asdict(objective))) == asdict(objective)
    assert (objective.views, objective.samples, objective.task()) == (5, 100, None)
    assert [name for name, _ in objective.named_parameters()] == ["gains"]


def test_wrong_input() -> None:
    for views in (0, 1):
        with pytest.raises(InputError, match=f"two or more views, got {views}"):
            calibrated(views)
    with pytest.raises(InputError, match="nothing would be corrected"):
        calibrated(poses=False, exposure=False)
    x = some_rays(around(VIEWS), FRAME)
    for batch in (Batch(x.x, x.y), RayBatch(x.x, x.y)):
        with pytest.raises(InputError, match="there is none"):
            calibrated()(Waves(), batch, 0)
