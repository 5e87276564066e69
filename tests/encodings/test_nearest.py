"""The nearest of scattered points, against all distances; clusters; points that cover the box."""

import copy
import pickle

import pytest
import torch
from torch import Tensor

from neuralfields.encodings.nearest import Nearest, clusters, scattered


def points(n: int, dim: int, seed: int = 0) -> Tensor:
    return torch.rand(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def searched(anchors: Tensor, x: Tensor, k: int) -> Tensor:
    return (x[:, None] - anchors).norm(dim=-1).topk(k, largest=False).indices.sort().values


def agree(nearest: Nearest, x: Tensor) -> bool:
    return torch.equal(nearest(x).sort().values, searched(nearest.anchors, x, nearest.k))


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize(("count", "k"), [(1, 1), (5, 5), (300, 1), (300, 4), (700, 9)])
def test_they_are_the_nearest(dim: int, count: int, k: int) -> None:
    assert agree(Nearest(points(count, dim), k), points(500, dim, seed=1))


@pytest.mark.parametrize("dim", [2, 3])
def test_they_are_the_nearest_where_some_are_crowded_and_some_far(dim: int) -> None:
    anchors = points(600, dim)
    anchors[:400] = anchors[:400] * 0.02 + 0.5
    anchors[400:500, 0] = 0.9
    anchors[500:510] *= 3  # outside of the box too
    near = points(300, dim, seed=1)
    assert agree(Nearest(anchors, 4), torch.cat([near, near * 0.03 + 0.5]))


def test_lists_are_short_and_follow_the_anchors() -> None:
    nearest, x = Nearest(points(2000, 2), 4), points(100, 2, seed=1)
    assert agree(nearest, x)
    assert nearest._tree().longest < 20
    assert nearest._tree() is nearest._tree()
    nearest.anchors.copy_(points(2000, 2, seed=2))
    assert agree(nearest, x)
    nearest.load_state_dict({"anchors": points(2000, 2, seed=3)})
    assert agree(nearest, x)
    for other in (copy.deepcopy(nearest), pickle.loads(pickle.dumps(nearest))):
        assert agree(other, x)
        other.anchors.copy_(points(2000, 2, seed=4))
        assert agree(other, x)
    with torch.inference_mode():
        nearest.float()(x.float())
    assert nearest(x.float().requires_grad_()).shape == (100, 4)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_lists_are_short_where_anchors_are_crowded_too(dim: int) -> None:
    anchors = points(3000, dim)
    anchors[30:] *= 0.01
    nearest = Nearest(anchors, 4)
    tree = nearest._tree()
    assert tree.longest <= 4 * (4 ** (1 / dim) + 2) ** dim + 1
    assert len(tree.lists) < 1000 * 3000
    assert agree(nearest, points(300, dim, seed=2) * 0.01)
    x = points(300, dim, seed=1)
    found, wanted = ((nearest.anchors[i] - x[:, None]).norm(dim=-1) for i in (nearest(x), searched(anchors, x, 4)))
    assert float((found.sort().values / wanted.sort().values).max()) < 1.5


def test_anchors_in_one_place_cost_little() -> None:
    nearest = Nearest(points(5, 2).repeat(400, 1), 3)
    x = points(50, 2)
    assert nearest._tree().longest < 80
    assert len(nearest._tree().lists) < 200 * 2000
    distance = (x[:, None] - nearest.anchors).norm(dim=-1)
    wanted = distance.topk(3, largest=False).values
    torch.testing.assert_close(distance.gather(1, nearest(x)), wanted, rtol=0.05, atol=0)


def test_outside_of_the_box_and_where_nothing_is_near() -> None:
    nearest = Nearest(points(300, 2), 3)
    far = torch.tensor([[50.0, 0.0], [torch.nan, 0.0], [torch.inf, -torch.inf]], dtype=torch.float64)
    found = nearest(far)
    assert found.min() >= 0 and found.max() < 300
    assert nearest.anchors[found[0], 0].min() > 0.5


def test_clusters_are_where_their_points_are_on_average() -> None:
    """A fixed point of Lloyd's rounds: each centre is the mean of the points that are nearest to it."""
    x = points(400, 2)
    centres, covariances = clusters(x, 7, rounds=60)
    owner = searched(centres, x, 1)[:, 0]
    for i in range(7):
        own = x[owner == i]
        torch.testing.assert_close(centres[i], own.mean(0))
        torch.testing.assert_close(covariances[i], own.T.cov(correction=0), rtol=0.02, atol=1e-4)
        assert torch.linalg.eigvalsh(covariances[i]).min() > 0


def test_clusters_are_many_where_points_are_dense_and_stretch_along_edges() -> None:
    x = points(4000, 2)
    x[:3950, 0] = x[:3950, 0] * 0.002 + 0.3
    centres, covariances = clusters(x, 40)
    edge = (centres[:, 0] - 0.3).abs() < 0.02
    assert edge.sum() > 15
    slim = covariances[edge]
    assert (slim[:, 1, 1] / slim[:, 0, 0]).median() > 10


def test_a_cluster_of_one_point_or_of_none_has_a_shape() -> None:
    x = torch.cat([torch.zeros(3, 2), torch.ones(5, 2) * 0.5, points(4, 2)])
    centres, covariances = clusters(x, 6)
    assert centres.isfinite().all()
    assert covariances.inverse().isfinite().all()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_scattered_points_cover_the_box(dim: int) -> None:
    torch.manual_seed(0)
    x = scattered(1000, dim).double()
    assert x.min() >= -1 and x.max() <= 1
    assert x.mean(0).abs().max() < 0.02
    spacing = 2 / 1000 ** (1 / dim)
    distance = torch.cdist(x, x).fill_diagonal_(9)
    assert distance.min() > 0.3 * spacing
    assert torch.cdist(points(500, dim), x).min(1).values.max() < 1.5 * spacing
    assert not torch.equal(scattered(10, dim), scattered(10, dim))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_pairs_of_anchors_in_one_place_cost_little(dim: int) -> None:
    nearest = Nearest(points(100, dim).repeat(4, 1), 1)
    tree = nearest._tree()
    assert len(tree.lists) < 1 << 20
    x = points(300, dim, seed=1)
    distance = (x[:, None] - nearest.anchors).norm(dim=-1)
    assert torch.equal(distance.gather(1, nearest(x)), distance.amin(1, keepdim=True))
