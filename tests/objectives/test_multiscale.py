"""The mean over levels by hand, what it trains, and the PSNR of the finest level."""

import math

import pytest
import torch
from torch import Tensor, nn

import neuralfields as nf
from neuralfields import Chain, Field
from neuralfields.errors import InputError
from neuralfields.fields import Affine
from neuralfields.fitting import Adam
from neuralfields.networks import Siren
from neuralfields.objectives import LOSSES, MultiScale, Regression
from neuralfields.protocols import Batch


class Pyramid(Field):
    """Two constants: the coarse level's and the fine one's."""

    def __init__(self, coarse: float, fine: float):
        super().__init__()
        self.in_dim, self.out_dim = 2, 1
        self.coarse, self.fine = nn.Parameter(torch.tensor(coarse)), nn.Parameter(torch.tensor(fine))

    def levels(self, x: Tensor) -> list[Tensor]:
        return [0 * x[..., :1] + self.coarse, self(x)]

    def forward(self, x: Tensor) -> Tensor:
        return 0 * x[..., :1] + self.fine


X = torch.tensor([[-1.0, 0.5], [0.0, 0.2], [0.3, -0.4], [1.0, 1.0]])


def test_by_hand() -> None:
    terms = MultiScale()(Pyramid(1.0, 2.0), Batch(X, torch.zeros(4, 1)), 0)
    assert {name: float(term.detach()) for name, term in terms.items()} == {"l2_1": 0.5, "l2_2": 2.0}


@pytest.mark.parametrize("loss", LOSSES)
def test_one_level_is_the_regression(loss: str) -> None:
    field, batch = Siren(2, 1, width=4, depth=1), Batch(X, X[:, :1].square(), torch.tensor([1.0, 2.0, 0.0, 1.0]))
    (found,) = MultiScale(loss)(field, batch, 0).values()
    assert float(found.detach()) == pytest.approx(float(Regression(loss)(field, batch, 0)[loss].detach()))


def test_levels_go_through_a_chain() -> None:
    """The parts before the one with levels, then each level through the parts after it."""
    chain = Chain(Affine(2, scale=2.0), Pyramid(1.0, 2.0), Affine(1, scale=3.0, offset=0.5))
    assert [float(level[0].detach()) for level in chain.levels(X)] == [3.5, 6.5]
    assert torch.equal(chain.levels(X)[-1], chain(X))


def test_a_fit_trains_every_level() -> None:
    field = Pyramid(0.0, 1.0)
    signal = torch.full((4, 4), 0.5)
    nf.fit(field, signal, objective=MultiScale(), optimizer=Adam(lr=0.03), steps=100)
    assert float(field.coarse.detach()) == pytest.approx(0.5, abs=0.02)
    assert float(field.fine.detach()) == pytest.approx(0.5, abs=0.02)


def test_psnr_is_that_of_the_finest_level() -> None:
    assert MultiScale().psnr({"l2_1": 3.0, "l2_2": 0.005}) == pytest.approx(20)
    assert math.isnan(MultiScale().psnr({"l2_1": 1.0, "l2_2": math.nan}) or 0)
    assert MultiScale("l1").psnr({"l1_1": 0.01}) is None


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="no loss is called 'l3'"):
        MultiScale("l3")
    with pytest.raises(InputError, match="levels of detail are those of a Field, got Linear"):
        MultiScale()(nn.Linear(1, 1), Batch(X, X), 0)
