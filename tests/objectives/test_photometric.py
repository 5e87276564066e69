"""Photometric: its terms by hand, how many rays it wants, and a ball that is learned from its pictures."""

import pytest
import torch
from torch import Tensor

import neuralfields as nf
from neuralfields import ops
from neuralfields.encodings import HashGrid, SphericalHarmonics
from neuralfields.errors import InputError
from neuralfields.fields import Marched, Radiance
from neuralfields.fitting.fused_radiance import FusedRadianceStep
from neuralfields.geometry import Rays
from neuralfields.networks import MLP
from neuralfields.objectives import Photometric
from neuralfields.objectives.photometric import composed
from neuralfields.ops import native
from neuralfields.protocols import RayBatch
from neuralfields.volume import Intervals, Rendered, render

needs_core = pytest.mark.skipif(native.reason() is not None, reason="no native core")


class Pane:
    """A pane of one colour and opacity in front of all rays, in one interval."""

    def __init__(self, colour: float, thickness: float, earlier: tuple[Rendered, ...] = ()):
        self.colour, self.thickness, self.earlier = colour, thickness, earlier

    def __call__(self, x: Tensor) -> Tensor:
        return x

    def render(self, rays: Rays, *, seed: int | None = None) -> Rendered:
        n = len(rays)
        ones = torch.ones(n)
        intervals = Intervals.packed(ones, 2 * ones, torch.ones(n, dtype=torch.int64))
        colour = torch.full((n, 3), self.colour)
        return render(intervals, self.thickness * ones, colour, earlier=self.earlier)


def batch(n: int = 6, alpha: float = 0.5) -> RayBatch:
    x = torch.zeros(n, 6)
    x[:, 5] = 1
    return RayBatch(x, torch.tensor([0.8, 0.8, 0.8, alpha]).repeat(n, 1))


def test_target_and_prediction_are_over_the_same_background() -> None:
    opacity = 1 - torch.tensor(-0.7).exp()
    for name, behind in (("white", 1.0), ("black", 0.0)):
        terms = Photometric(background=name)(Pane(0.3, 0.7), batch(), 0)
        off = opacity * 0.3 + (1 - opacity) * behind - (0.5 * 0.8 + 0.5 * behind)
        assert torch.allclose(terms["l2"], off.square())
        assert set(terms) == {"l2"}


def test_random_backgrounds_are_those_of_the_step() -> None:
    objective = Photometric()
    first, again, other = (objective(Pane(0.3, 0.7), batch(), step)["l2"] for step in (3, 3, 4))
    assert first == again != other
    assert torch.equal(objective.backgrounds(5, 3), objective.backgrounds(5, 3))
    clear = Photometric()(Pane(0.3, 0.0), batch(alpha=0.0), 0)
    assert clear["l2"] < 1e-12


def test_coarser_passes_have_terms() -> None:
    coarse = Pane(0.9, 2.0).render(Rays(batch().x[:, :3], batch().x[:, 3:]))
    proposal = Rendered(coarse.colour[:, :0], coarse.opacity, coarse.depth, coarse.intervals, coarse.weights)
    terms = Photometric(background="black", interlevel=0.5, distortion=2.0)(
        Pane(0.3, 9.0, (coarse, proposal)), batch(), 0
    )
    alone = Photometric(background="black")(Pane(0.9, 2.0), batch(), 0)
    assert torch.allclose(terms["coarse"], alone["l2"])
    assert terms["interlevel"] > 0
    weight = 1 - torch.tensor(-9.0).exp()
    assert torch.allclose(terms["distortion"], 2 * weight.square() / 3)


def test_wanted_rays_follow_the_samples_they_took() -> None:
    objective = Photometric(samples=1000)
    assert objective.wanted(4096) == 64  # it begins with few
    for _ in range(60):
        objective.took(2.0)
    assert objective.wanted(4096) == pytest.approx(500, abs=2)
    assert objective.wanted(100) == 100
    assert Photometric().wanted(4096) == 4096
    restored = Photometric(samples=1000)
    restored.load_state_dict(objective.state_dict())
    assert restored.wanted(4096) == objective.wanted(4096)


def test_refusals() -> None:
    for settings, says in (
        ({"loss": "l3"}, "loss is one of"),
        ({"background": "grey"}, "background is one of random"),
        ({"samples": 0}, "samples are 1 or more"),
        ({"distortion": -1.0}, "weights are finite"),
    ):
        with pytest.raises(InputError, match=says):
            Photometric(**settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a field that can be rendered, MLP cannot"):
        Photometric()(MLP(6, 4), batch(), 0)
    with pytest.raises(InputError, match="one ray or more, got none"):
        Photometric()(field(), RayBatch(torch.zeros(0, 6), torch.zeros(0, 4)), 0)


def ball(n: int, seed: int) -> RayBatch:
    """Rays from all around at a ball of radius 0.5 whose colour is that of its normal, on nothing."""
    g = torch.Generator().manual_seed(seed)
    eye = 2.5 * torch.nn.functional.normalize(torch.randn(n, 3, generator=g), dim=-1)
    goal = 0.7 * (torch.rand(n, 3, generator=g) * 2 - 1)
    direction = torch.nn.functional.normalize(goal - eye, dim=-1)
    b, c = (eye * direction).sum(-1), eye.square().sum(-1) - 0.25
    hit = b * b > c
    depth = -b - (b * b - c).clamp(min=0).sqrt()
    colour = (eye + depth[:, None] * direction) + 0.5
    y = torch.cat([torch.where(hit[:, None], colour, 0.0), hit[:, None].float()], -1)
    return RayBatch(torch.cat([eye, direction], -1), y)


class Ball:
    """As a signal."""

    kind, in_dim, out_dim, size, headline = "scene", 6, 4, 1 << 20, "psnr"
    frame = nf.geometry.Frame.of_box((-1.0,) * 3, (1.0,) * 3)

    def draw(self, n: int, *, seed: int, step: int) -> RayBatch:
        return ball(n, hash((seed, step)) % (1 << 62))

    def chunks(self, n: int):  # type: ignore[no-untyped-def]
        yield ball(n, 0)

    def describe(self) -> dict[str, object]:
        return {"kind": self.kind, "name": "ball", "shape": [], "sha256": ""}

    def measure(self, field: Marched, *, thorough: bool = False) -> dict[str, float]:
        held = ball(2000, 10**6)
        with torch.no_grad():
            seen = field.render(Rays(held.x[:, :3], held.x[:, 3:]))
        off = seen.over(torch.ones(3)) - composed(held.y, torch.ones(3))
        return {"psnr": float(-10 * off.square().mean().log10())}


def field(coarse: float = 1.0) -> Marched:
    torch.manual_seed(0)
    grid = HashGrid(3, levels=4, log2_size=12, base=8, finest=32)
    trunk = nf.Chain(grid, MLP(8, 16, width=16, depth=1, bias=False))
    colour = MLP(16 + 16, 3, width=16, depth=1, bias=False)
    radiance = Radiance(trunk, colour, directions=SphericalHarmonics(4), shift=2.0)
    return Marched(radiance, cells=16, step=1 / 24, coarse=coarse)


SETTINGS = {
    "optimizer": nf.fitting.Adam(lr=1e-2, table_lr=1e-2, betas=(0.9, 0.99), epsilon=1e-15),
    "batch": 512,
    "decay": nf.fitting.Decay(0.3, 0.1),
}


@pytest.mark.parametrize("backend", ["reference", pytest.param("cpu", marks=needs_core)])
def test_a_ball_from_its_pictures(backend: str) -> None:
    """By a signal that does not know where it is."""
    objective = Photometric(samples=1 << 13)
    with ops.wherever(backend):
        fit = nf.fit(field(), Ball(), objective=objective, steps=240, **SETTINGS)
    assert fit.metrics["psnr"] > 22
    assert fit.kernels.get("radiance_step", "reference") == backend
    assert 3 < objective.get_buffer("per_ray") < 64


@needs_core
@pytest.mark.parametrize("coarse", [1.0, 3.0])
def test_fused_and_modular_steps_agree(coarse: float) -> None:
    losses = {}
    for backend in ("reference", "cpu"):
        with ops.wherever(backend):
            steps = nf.steps(field(coarse), Ball(), objective=Photometric(samples=1 << 13), steps=6, **SETTINGS)
            losses[backend] = [step.loss for step in steps]
    assert losses["cpu"] == pytest.approx(losses["reference"], rel=1e-3)


@pytest.mark.parametrize("backend", ["reference", pytest.param("cpu", marks=needs_core)])
def test_a_step_without_any_sample_changes_nothing(backend: str) -> None:
    fitted = field()
    with ops.wherever(backend):
        steps = nf.steps(fitted, Ball(), objective=Photometric(samples=1 << 13), steps=6, **SETTINGS)
        state = [next(steps) for _ in range(3)][-1].state
        before = {name: tensor.clone() for name, tensor in state.tensors().items()}
        fitted.occupied.fill_(False)
        assert next(steps).loss > 0
    moved = {name for name, tensor in state.tensors().items() if not torch.equal(tensor, before[name])}
    assert moved == {"field.occupied", "field.age", "objective.per_ray"}


@needs_core
@pytest.mark.parametrize("objective", [Photometric(distortion=0.1), nf.objectives.Regression()])
def test_what_the_fused_step_does_not_know(objective: nf.protocols.Objective) -> None:
    state = nf.fitting.start(field(), objective=objective)
    assert FusedRadianceStep.of(state) is None
    hooked = field()
    hooked.radiance.register_forward_hook(lambda *_: None)
    state = nf.fitting.start(hooked, objective=Photometric())
    assert FusedRadianceStep.of(state) is None
