"""Coarse-to-fine masks: BARF's window, which features it hides, and that a field outside of a fit is whole."""

import copy
import io

import pytest
import torch
from torch import Tensor

from neuralfields import Chain, Field
from neuralfields.encodings import CoarseToFine, FourierFeatures, HashGrid, PositionalEncoding
from neuralfields.errors import InputError
from neuralfields.networks import MLP
from neuralfields.testing import check_gradients


def window(field: CoarseToFine, fraction: float) -> Tensor:
    field.advance(fraction)
    return field.mask()


def test_the_window_at_two_octaves_and_a_half() -> None:
    field = CoarseToFine(PositionalEncoding(1, octaves=5), start=0.1, end=0.6)
    mask = window(field, 0.35)
    wanted = [1, 1, 1, 0.5, 0, 0]
    torch.testing.assert_close(mask, torch.tensor(wanted + wanted[1:]), rtol=0, atol=1e-6)
    x = torch.rand(4, 1)
    assert torch.equal(field(x), field.encoding(x) * mask)


@pytest.mark.parametrize(
    "encoding", [PositionalEncoding(2, octaves=4), HashGrid(2, levels=5), FourierFeatures(2, features=40)], ids=str
)
def test_it_opens_and_never_closes(encoding: Field) -> None:
    field = CoarseToFine(encoding)
    assert torch.equal(field.mask(), torch.ones(encoding.out_dim)), "outside of a fit all is open"
    masks = torch.stack([window(field, i / 50) for i in range(51)])
    assert (masks.diff(dim=0) >= 0).all()
    assert (masks[25:] == 1).all(), "from end on all is open"
    for row in masks[:6]:
        assert torch.equal(row, masks[0]), "until start nothing opens"
    assert 0 < masks[0].sum() < encoding.out_dim / 4
    assert ((masks > 0) & (masks < 1)).any()


def test_before_the_start_only_coordinates_are_seen() -> None:
    torch.manual_seed(0)
    encoding, network = PositionalEncoding(2, octaves=3), MLP(14, 1, width=8)
    field = Chain(CoarseToFine(encoding), network)
    field.parts[0].advance(0.05)  # type: ignore[operator]
    x = torch.rand(5, 2)
    torch.testing.assert_close(field(x), network(torch.cat([x, torch.zeros(5, 12)], -1)))


def test_bands_of_each_encoding() -> None:
    assert PositionalEncoding(2, octaves=2).bands == [-1, -1, 0, 0, 1, 1, 0, 0, 1, 1]
    assert HashGrid(2, levels=3, features=2).bands == [0, 0, 1, 1, 2, 2]
    fourier = FourierFeatures(3, features=32)
    bands, lengths = torch.tensor(fourier.bands), fourier.frequencies.norm(dim=0)
    assert torch.equal(bands[:16], bands[16:]), "a frequency's sine and cosine"
    assert bands[:16].bincount().tolist() == [2] * 8
    assert bands[:16][lengths.argsort()].diff().min() >= 0, "shorter frequencies in lower bands"


def test_levels_of_a_grid_that_are_open_from_the_start() -> None:
    field = CoarseToFine(HashGrid(2, levels=6, features=1), opened=4)
    assert window(field, 0.0).tolist() == [1, 1, 1, 1, 0, 0]
    assert window(field, 0.3).tolist() == pytest.approx([1, 1, 1, 1, 1, 0])


def test_the_mask_is_saved_and_part_of_the_derivatives() -> None:
    field = CoarseToFine(PositionalEncoding(2, octaves=3))
    field.advance(0.25)
    kept = io.BytesIO()
    torch.save(field.state_dict(), kept)
    other = CoarseToFine(PositionalEncoding(2, octaves=3))
    other.load_state_dict(torch.load(io.BytesIO(kept.getvalue())))
    assert torch.equal(other.mask(), field.mask())
    assert torch.equal(copy.deepcopy(field).mask(), field.mask())
    check_gradients(field, 2)


@pytest.mark.parametrize(
    "arguments", [{"start": 0.5, "end": 0.5}, {"start": -0.1}, {"end": 1.5}, {"opened": -1}, {"opened": 4}], ids=str
)
def test_arguments_out_of_range(arguments: dict[str, float]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value}"):
        CoarseToFine(PositionalEncoding(2, octaves=3), **arguments)  # type: ignore[arg-type]


def test_an_encoding_without_bands() -> None:
    with pytest.raises(InputError, match="MLP has no bands"):
        CoarseToFine(MLP(2, 1))
