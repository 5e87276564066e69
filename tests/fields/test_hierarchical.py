"""Radiance fields in passes: NeRF's two networks, mip-NeRF 360's proposals."""

import math
from typing import Any

import pytest
import torch
from known_scenes import along, ball, losses_of_a_fit, surroundings
from torch import Tensor, nn

from neuralfields import Chain, Field
from neuralfields.encodings import PositionalEncoding
from neuralfields.errors import InputError
from neuralfields.fields import Affine, Density, Hierarchical, Radiance
from neuralfields.geometry import Rays
from neuralfields.networks import MLP
from neuralfields.volume import losses


def waves(out_dim: int, *, width: int = 32) -> Field:
    encoding = PositionalEncoding(3, octaves=4)
    return Chain(encoding, MLP(encoding.out_dim, out_dim, width=width, depth=2))


def radiance(**kwargs: Any) -> Radiance:
    settings = {"activation": "softplus", "shift": 0.0} | kwargs
    return Radiance(waves(9), MLP(8, 3, width=16, depth=1), **settings)


def density(**kwargs: Any) -> Density:
    return Density(waves(1, width=16), **({"activation": "softplus"} | kwargs))


def nerf(**kwargs: Any) -> Hierarchical:
    torch.manual_seed(0)
    return Hierarchical(radiance(), [radiance()], **({"samples": (16, 16)} | kwargs))


def mip(**kwargs: Any) -> Hierarchical:
    torch.manual_seed(0)
    settings = {"samples": (24, 16), "near": 0.1, "far": 40.0, "spacing": "disparity", "merged": False, "opaque": True}
    return Hierarchical(radiance(unbounded=True), [density(unbounded=True)], **(settings | kwargs))


class Fog(Field):
    """The same density and colour everywhere."""

    def __init__(self, value: float):
        super().__init__()
        self.in_dim, self.out_dim, self.value = 6, 4, value

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([torch.full_like(x[..., :1], self.value), torch.full_like(x[..., :3], 0.25)], -1)

    def density(self, x: Tensor) -> Tensor:
        return torch.full_like(x[..., 0], self.value)


def test_fog_in_the_box() -> None:
    """1 - exp(-density length), with and without jitter; the rays that miss the box see nothing."""
    rays = Rays(torch.tensor([[0.0, 0, -3], [0, 0, 0], [0, 5, 0]]), torch.tensor([[0.0, 0, 1], [1, 0, 0], [1, 0, 0]]))
    field = Hierarchical(Fog(0.7), [Fog(0.7)], samples=(8, 8))
    for seed in (None, 3):
        seen = field.render(rays, seed=seed)
        wanted = torch.tensor([1 - math.exp(-0.7 * 2), 1 - math.exp(-0.7), 0])
        torch.testing.assert_close(seen.opacity, wanted)
        torch.testing.assert_close(seen.colour, (wanted * 0.25)[:, None].expand(3, 3))
        assert seen.intervals.count.tolist() == [16, 16, 0]
        assert [len(one.intervals) for one in seen.earlier] == [16]


def test_the_second_pass_has_the_samples_of_both() -> None:
    seen = nerf(samples=(64, 128)).render(along(ball(5)))
    assert int(seen.intervals.count.max()) == 192 and int(seen.earlier[0].intervals.count.max()) == 64
    assert seen.colour.shape == seen.earlier[0].colour.shape == (5, 3)


def test_proposals_have_no_colours() -> None:
    seen = mip().render(along(surroundings(5)))
    assert int(seen.intervals.count.max()) == 16 and seen.earlier[0].colour.shape == (5, 0)
    torch.testing.assert_close(seen.opacity, torch.ones(5))
    assert float(seen.intervals.end.max()) <= 40 and float(seen.intervals.start.min()) >= 0.1


def test_samples_are_where_something_is() -> None:
    """A proposal that knows the ball has the next samples at its surface."""
    class_of = Density(_Ball(), activation="relu")
    field = Hierarchical(radiance(), [class_of], samples=(64, 16), merged=False, dilation=0.0)
    rays = Rays(torch.tensor([[0.0, 0, 2.5]]), torch.tensor([[0.0, 0, -1]]))
    middle = field.render(rays).intervals.middle
    assert int(((middle > 1.95) & (middle < 2.2)).sum()) >= 14


class _Ball(Field):
    def __init__(self) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 3, 1

    def forward(self, x: Tensor) -> Tensor:
        return 100 * (0.5 - x.norm(dim=-1, keepdim=True)).clamp(min=0).sign()


def test_annealing_follows_the_fit() -> None:
    field = mip()
    assert float(field.fraction) == 1
    field.advance(0.25)
    assert float(field.state_dict()["fraction"]) == 0.25


def test_without_gradients_memory_is_bounded() -> None:
    field, rays = nerf(samples=(64, 64)), along(ball(1500))
    most: list[int] = []
    field.radiance.register_forward_hook(lambda module, given, result: most.append(len(given[0])))
    with torch.no_grad():
        seen = field.render(rays)
    assert max(most) <= 1 << 16 and sum(most) == len(seen.intervals) > 1 << 16
    torch.testing.assert_close(seen.colour, field.render(rays).colour)


def test_seeds() -> None:
    field, rays = nerf(), along(ball(20))
    first, again, other, still = (field.render(rays, seed=seed).colour for seed in (1, 1, 2, None))
    assert torch.equal(first, again) and not torch.equal(first, other) and not torch.equal(first, still)
    assert torch.equal(still, field.render(rays).colour)


@pytest.mark.parametrize(("make", "scene"), [(nerf, ball), (mip, surroundings)])
def test_it_learns(make: Any, scene: Any) -> None:
    field = make()
    found = losses_of_a_fit(field, scene, steps=80)
    assert sum(found[-5:]) < 0.5 * sum(found[:5])
    with torch.no_grad():
        batch = scene(256, seed=999)
        seen = field.render(along(batch))
    assert bool(seen.colour.isfinite().all())
    assert float(((seen.opacity - batch.y[:, 3]).abs() < 0.2).float().mean()) > 0.7


def test_only_proposals_learn_from_their_loss() -> None:
    field = mip()
    losses.proposals(field.render(along(surroundings(16)), seed=0)).backward()
    assert all(p.grad is None for p in field.radiance.parameters())
    assert any(bool((p.grad != 0).any()) for p in field.proposals.parameters() if p.grad is not None)


def test_it_gives_what_the_last_pass_gives() -> None:
    field = mip()
    x = torch.randn(7, 6)
    assert torch.equal(field(x), field.radiance(x)) and torch.equal(field.density(x[:, :3]), field(x)[:, 0])
    coarse, last = field.levels(x)
    assert torch.equal(last, field(x)) and torch.equal(coarse[:, 1:], last[:, 1:])
    assert torch.equal(coarse[:, :1], field.proposals[0](x[:, :3]))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"samples": (16,)}, r"each of the 2 passes has between 2 and 4096 samples, got \[16\]"),
        ({"samples": (16, 1)}, "between 2 and 4096"),
        ({"near": -1.0}, "near, 0 or more"),
        ({"near": 3.0, "far": 2.0}, "far behind it, got 3.0 and 2.0"),
        ({"spacing": "disparity"}, "positive near, got 'disparity' and 0.0"),
        ({"spacing": "log"}, "got 'log'"),
        ({"dilation": -1.0}, "from 0 on, got -1.0"),
    ],
)
def test_settings_that_cannot_be(change: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        nerf(**change)


def test_fields_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="an earlier pass is a radiance"):
        Hierarchical(radiance(), [MLP(3, 2)])
    with pytest.raises(InputError, match="has a density, MLP takes 6"):
        Hierarchical(MLP(6, 4), [])
    with pytest.raises(InputError, match="MLP gives 2 for 3"):
        Density(MLP(3, 2))
    with pytest.raises(InputError, match="activation is one of"):
        Density(MLP(3, 1), activation="sigmoid")
    with pytest.raises(InputError, match="shift is finite"):
        Density(MLP(3, 1), shift=math.nan)


def test_densities_alone() -> None:
    trunk = Affine(3, scale=0.0)
    plain = Chain(trunk, MLP(3, 1, depth=0))
    nn.init.zeros_(plain.parts[1].layers[0].weight)  # type: ignore[union-attr,index]
    x = torch.randn(4, 3) * 100
    torch.testing.assert_close(Density(plain, shift=2.0).density(x), torch.full((4,), math.exp(2)))
    seen: list[Tensor] = []
    trunk.register_forward_hook(lambda module, given, result: seen.append(given[0]))
    Density(plain, unbounded=True)(x)
    assert float(seen[-1].norm(dim=-1).max()) <= 1
