"""Frames: the map from the box to the world, back, and for gradients."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralfields import Frame
from neuralfields.calculus import gradient
from neuralfields.errors import InputError


def test_of_box_fills_the_axes() -> None:
    frame = Frame.of_box((0, -1), (40, 1), "px")
    corners = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0], [-1.0, 1.0]])
    world = torch.tensor([[0.0, -1.0], [40.0, 1.0], [20.0, 0.0], [0.0, 1.0]])
    assert torch.equal(frame.to_world(corners), world)
    assert torch.equal(frame.to_box(world), corners)
    assert (frame.dim, frame.unit) == (2, "px")


def test_a_matrix_that_turns_and_shears() -> None:
    frame = Frame(((0.0, 2.0), (-1.0, 1.0)), (5.0, 6.0))
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    assert torch.equal(frame.to_world(x), torch.tensor([[5.0, 5.0], [7.0, 7.0]]).double())
    points = torch.rand(2, 3, 2, dtype=torch.float64)
    torch.testing.assert_close(frame.to_box(frame.to_world(points)), points)


def test_gradients_per_world_unit() -> None:
    """Of a function of the world, they are its gradient there."""
    frame = Frame(((0.0, 2.0, 0.0), (-1.0, 1.0, 0.5), (0.0, 0.0, 4.0)), (5.0, 6.0, 7.0), "m")
    x = torch.rand(4, 3, dtype=torch.float64)
    per_box = gradient(lambda p: frame.to_world(p).pow(2).sum(-1, keepdim=True), x)
    torch.testing.assert_close(frame.gradient_to_world(per_box), 2 * frame.to_world(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_and_shape_stay(dtype: torch.dtype) -> None:
    frame = Frame.of_box((0, 0, 0), (1, 2, 3))
    for batch in ((), (0,), (4,), (2, 5)):
        x = torch.zeros(*batch, 3, dtype=dtype)
        for y in (frame.to_world(x), frame.to_box(x), frame.gradient_to_world(x)):
            assert (y.shape, y.dtype) == (x.shape, dtype)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6)), min_size=1, max_size=4), st.text(max_size=3))
def test_json_both_ways(box: list[tuple[float, float]], unit: str) -> None:
    frame = Frame.of_box([low for low, _ in box], [low + size for low, size in box], unit)
    assert Frame.from_json(json.loads(json.dumps(frame.to_json()))) == frame


@pytest.mark.parametrize(
    ("matrix", "offset"),
    [
        ((), ()),
        (((1.0, 0.0),), (0.0,)),
        (((1.0, 0.0), (0.0, 1.0)), (0.0,)),
        (((1.0, 2.0), (2.0, 4.0)), (0.0, 0.0)),
        (((math.nan,),), (0.0,)),
        (((math.inf,),), (0.0,)),
    ],
)
def test_frames_that_are_none(matrix: tuple[tuple[float, ...], ...], offset: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="frame"):
        Frame(matrix, offset)


def test_a_flat_box_is_refused() -> None:
    with pytest.raises(InputError, match="invertible"):
        Frame.of_box((0, 1), (2, 1))


@pytest.mark.parametrize(
    "data",
    [{}, {"matrix": 3, "offset": [0]}, {"matrix": [["x"]], "offset": [0]}, {"matrix": [[1]]}, None, [1]],
    ids=str,
)
def test_json_that_is_no_frame(data: object) -> None:
    with pytest.raises(InputError, match="not a frame"):
        Frame.from_json(data)  # type: ignore[arg-type]


def test_whole_numbers_and_halves() -> None:
    frame = Frame.of_box((0, 0), (5, 5), "px")
    assert frame.to_world(torch.tensor([[1, 1], [0, 0]])).tolist() == [[5.0, 5.0], [2.5, 2.5]]
    assert frame.to_box(torch.tensor([[5.0, 0.0]], dtype=torch.float16)).tolist() == [[1.0, -1.0]]
    with pytest.raises(InputError, match="offset must be finite"):
        Frame(((1.0,),), (float("nan"),))
