"""NeuRBF's decoder: values, frequencies, parameter counts."""

import pytest
import torch

from neuralfields import Chain
from neuralfields.encodings import Concat, HashGrid, RadialBasis
from neuralfields.errors import InputError
from neuralfields.networks import NeuRBFDecoder


def test_values() -> None:
    field, x = NeuRBFDecoder(4, 2, width=3, depth=2, lowest=10.0, highest=1000.0).double(), torch.rand(5, 4).double()
    first, second, last = field.layers
    h = first(x)
    h = h + (h * torch.tensor([10.0, 100.0, 1000.0])).sin()
    torch.testing.assert_close(field(x), last(second(h).relu()))


def test_behind_its_encodings() -> None:
    """The paper's image model: 4 values of the grid and 32 of the basis, three linear maps of width 64."""
    encoding = Concat(HashGrid(2, levels=2, finest=256), RadialBasis(2, centres=1000))
    decoder = NeuRBFDecoder(36, 3)
    assert sum(p.numel() for p in decoder.parameters()) == 37 * 64 + 65 * 64 + 65 * 3
    assert Chain(encoding, decoder)(torch.rand(7, 2)).shape == (7, 3)


@pytest.mark.parametrize("arguments", [{"lowest": 0.0}, {"highest": 1.0}, {"depth": 0}, {"width": 0}], ids=str)
def test_arguments_out_of_range(arguments: dict[str, int]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value!r}"):
        NeuRBFDecoder(4, 1, **arguments)  # type: ignore[arg-type]
