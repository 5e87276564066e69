"""``sine_mlp`` by the C++ core."""

from collections.abc import Sequence

from torch import Tensor

from neuralfields.ops.mlp.cpu import ORDER, SINE, perceptron, refuse

__all__ = ["ORDER", "refuse", "sine_mlp"]


def sine_mlp(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], omegas: Sequence[float]) -> Tensor:
    return perceptron(x, weights, biases, SINE, omegas)
