"""Gaussian points: values by hand, placing, moving, and a small fit."""

import pytest
import torch
from torch import Tensor

from neuralfields.encodings import GaussianPoints
from neuralfields.errors import InputError
from neuralfields.fitting import Adam


def points(n: int, dim: int = 2) -> Tensor:
    return torch.rand(n, dim, generator=torch.Generator().manual_seed(1)) * 2 - 1


def lively(field: GaussianPoints) -> GaussianPoints:
    for parameter in (field.table, field.shapes):
        torch.nn.init.normal_(parameter)
    return field


@pytest.mark.parametrize("normalised", [False, True])
def test_values_by_hand(normalised: bool) -> None:
    field = lively(GaussianPoints(3, points=5, features=2, normalised=normalised)).double()
    x = points(4, 3).double()
    weights = []
    for centre, (a, b, c, ba, ca, cb) in zip(field.centres, field.shapes, strict=True):
        unit = torch.eye(3, dtype=torch.float64)
        unit[1, 0], unit[2, 0], unit[2, 1] = ba, ca, cb
        factor = torch.diag(torch.stack([a, b, c]).exp()) @ unit
        weights.append((-((x - centre) @ factor.T).square().sum(-1) / 2).exp())
    w = torch.stack(weights, -1)
    wanted = (w / w.sum(-1, keepdim=True) if normalised else w) @ field.table
    torch.testing.assert_close(field(x), wanted)


def test_eight_numbers_per_point_of_a_colour_image() -> None:
    assert sum(p.numel() for p in GaussianPoints(2, points=100).parameters()) == 800


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_placed_with_the_shapes_of_clusters(dim: int) -> None:
    torch.manual_seed(0)
    field = GaussianPoints(dim, points=30)
    x = points(480, dim)
    x[:, 0] = 0.1 * x[:, 0]
    field.place(lambda n: x[:n])
    torch.testing.assert_close(field.centres, field.nearest.anchors)
    assert field.centres[:, 0].abs().max() < 0.1
    # Three times the covariance of all points about their centres, on average.
    owner = torch.cdist(x, field.centres).argmin(1)
    wanted = 3 * (x - field.centres[owner]).detach().T.cov(correction=0).view(dim, dim)
    lower = torch.zeros(30, dim, dim) + torch.eye(dim)
    rows, columns = torch.tril_indices(dim, dim, -1)
    lower[:, rows, columns] = field.shapes[:, dim:].detach()
    factor = field.shapes[:, :dim].detach().exp().diag_embed() @ lower
    found = (factor.mT @ factor).inverse()
    sizes = owner.bincount(minlength=30)[:, None, None] / 480
    torch.testing.assert_close((sizes * found).sum(0), wanted, rtol=0.1, atol=1e-3)


def test_the_nearest_are_found_anew_at_moments_of_a_fit() -> None:
    field = lively(GaussianPoints(2, points=50, neighbours=3, refresh=4))
    field.advance(0.0)
    with torch.no_grad():
        field.places.copy_(points(50) / field.spacing)
    start = field.nearest.anchors.clone()
    field.advance(0.24)
    assert torch.equal(field.nearest.anchors, start)
    field.advance(0.25)
    torch.testing.assert_close(field.nearest.anchors, points(50))
    other = GaussianPoints(2, points=50, neighbours=3, refresh=4)
    other.load_state_dict(field.state_dict())
    assert torch.equal(other(points(9)), field(points(9)))


def test_points_move_to_fit_a_bump() -> None:
    torch.manual_seed(0)
    field, x = GaussianPoints(2, points=4, features=1), points(400)
    y = (-20 * (x - torch.tensor([0.3, 0.1])).square().sum(-1, keepdim=True)).exp()
    adam = Adam(lr=3e-3)(field)
    for step in range(150):
        field.advance(step / 150)
        adam.zero_grad()
        loss = (field(x) - y).square().mean()
        loss.backward()
        adam.step()
    assert float(loss.detach()) < 0.02 * float(y.var())
    nearest = (field.centres.detach() - torch.tensor([0.3, 0.1])).norm(dim=-1).min()
    assert float(nearest) < 0.15


@pytest.mark.parametrize(
    "arguments", [{"points": 0}, {"features": 0}, {"neighbours": 0}, {"refresh": 0}, {"in_dim": 4}], ids=str
)
def test_arguments_out_of_range(arguments: dict[str, int]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value}"):
        GaussianPoints(**{"in_dim": 2} | arguments)  # type: ignore[arg-type]
