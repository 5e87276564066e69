"""Fields and their derivatives go through torch.compile in one graph."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import neuralfields as nf


def grid() -> nf.Field:
    return nf.Chain(nf.encodings.HashGrid(2, levels=3, log2_size=6, base=4, finest=16), nf.networks.MLP(6, 1, width=8))


def siren() -> nf.Field:
    return nf.networks.Siren(2, 1, width=8, depth=2)


def fourier() -> nf.Field:
    return nf.Chain(nf.encodings.FourierFeatures(2, features=8), nf.networks.MLP(8, 1, width=8))


# torch.compile itself makes an object of each autograd function that it meets.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("make", [grid, siren, fourier])
@pytest.mark.parametrize("what", ["values", "gradient", "laplacian"])
def test_one_graph(make: Callable[[], nf.Field], what: str) -> None:
    torch.compiler.reset()
    field, x = make(), torch.rand(7, 2) * 2 - 1
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "values": field,
        "gradient": lambda x: nf.calculus.gradient(field, x),
        "laplacian": lambda x: nf.calculus.laplacian(field, x),
    }
    plain = functions[what](x)
    compiled = torch.compile(functions[what], fullgraph=True, backend="eager")(x)
    torch.testing.assert_close(compiled, plain)
