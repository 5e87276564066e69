"""H-SIREN: its first layer, and all the rest as SIREN has it."""

import pytest
import torch
from bare import bare

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.networks import HSiren, Siren


@torch.no_grad()
def test_the_frequencies_act_where_they_should() -> None:
    field = HSiren(2, 1, width=3, depth=2, first_omega=7.0, hidden_omega=11.0).double()
    x = torch.rand(5, 2).double()
    first, second, last = field.layers
    z = first(x)
    torch.testing.assert_close(field(x), last((11 * second((7 * ((2 * z).exp() - (-2 * z).exp()) / 2).sin())).sin()))


@torch.no_grad()
def test_a_fresh_network_has_the_weights_of_siren() -> None:
    torch.manual_seed(0)
    field = HSiren(2, 3, width=32)
    torch.manual_seed(0)
    siren = Siren(2, 3, width=32)
    assert field.state_dict().keys() == siren.state_dict().keys()
    for name, value in siren.state_dict().items():
        assert torch.equal(field.state_dict()[name], value)


def test_the_frequency_grows_away_from_0() -> None:
    """The slope of omega sinh(2 z) is 2 omega at 0 and 2 omega cosh(2 z) elsewhere."""
    field = bare(HSiren(1, 1, width=1, depth=1, first_omega=0.01))
    x = torch.tensor([[0.0], [0.5], [-1.0]], dtype=torch.float64)
    slope = nf.calculus.gradient(field, x).detach()
    phase = 0.01 * (2 * x).sinh()
    torch.testing.assert_close(slope, 0.02 * (2 * x).cosh() * phase.cos())
    assert float(slope[0]) == 0.02


@pytest.mark.parametrize("name", ["depth", "width", "first_omega", "hidden_omega"])
def test_arguments_out_of_range(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}.* 0"):
        HSiren(2, 1, **{name: 0})
