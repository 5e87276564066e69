"""Edges of meshes: what two ways of counting them say."""

import numpy as np
import pytest
from known_meshes import joined, soup, sphere, strip, torus

from neuralfields.geometry import Triangles
from neuralfields.geometry.edges import Edges, closed_and_balanced

BALL = sphere(1)
TURNED = Triangles(BALL.vertices, np.where(np.arange(80)[:, None] % 3 == 0, BALL.faces[:, ::-1], BALL.faces))
BOOK = Triangles(np.zeros((6, 3)), np.array([[0, 1, 2], [1, 0, 3], [0, 1, 4], [1, 0, 5]]))
NONE = Triangles(np.zeros((3, 3)), np.empty((0, 3)))


@pytest.mark.parametrize(
    ("mesh", "edges", "closed", "balanced"),
    [
        (BALL, 120, True, True),
        (joined(BALL, torus(8, 5)), 120 + 120, True, True),
        (TURNED, 120, True, False),
        (strip(), 120, False, False),
        (soup(BALL), 240, False, False),
        (BOOK, 9, False, False),
        (NONE, 0, False, False),
    ],
)
def test_closed_and_balanced(mesh: Triangles, edges: int, closed: bool, balanced: bool) -> None:
    found = Edges.of(mesh.faces, len(mesh.vertices))
    assert len(found.count) == len(found.first) == len(found.balance) == len(found.ends) == edges
    assert closed_and_balanced(mesh.faces, len(mesh.vertices)) == (closed, balanced)
    assert found.closed == closed
    assert found.contradictory == (mesh is TURNED)


def test_each_half_edge_stands_at_its_edge() -> None:
    mesh = joined(BALL, strip(twisted=True), BOOK)
    found = Edges.of(mesh.faces, len(mesh.vertices))
    ends = np.stack([mesh.faces, np.roll(mesh.faces, -1, axis=1)], -1).transpose(1, 0, 2).reshape(-1, 2)[found.order]
    there = np.repeat(found.ends, found.count, axis=0)
    np.testing.assert_array_equal(np.sort(ends, axis=1), there)
    edge = np.repeat(np.arange(len(found.count)), found.count)
    np.testing.assert_array_equal(np.bincount(edge, np.where(ends[:, 0] < ends[:, 1], 1, -1)), found.balance)
    pairs, contradict = found.pairs()
    assert len(pairs) == (found.count == 2).sum() and contradict.sum() == 1
