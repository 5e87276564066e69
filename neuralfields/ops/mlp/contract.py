"""What the networks' contracts ask of their tensors."""

from collections.abc import Sequence

from torch import Tensor

from neuralfields.errors import InputError


def check_points(name: str, x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor] | None) -> None:
    """x is [n, in], and the network takes it.

    Raises:
        InputError: it does not.
    """
    if x.dim() != 2:
        raise InputError(f"{name} takes points [n, in], got {list(x.shape)}")
    check_network(name, x.shape[1], weights, biases)


def check_network(name: str, width: int, weights: Sequence[Tensor], biases: Sequence[Tensor] | None) -> None:
    """The first map takes ``width`` values, and each one what the one before it gives.

    Raises:
        InputError: one does not.
    """
    if not weights or (biases is not None and len(biases) != len(weights)):
        counts = f"{len(weights)} weights and {'no' if biases is None else len(biases)} biases"
        raise InputError(f"{name} takes one weight or more and as many biases, got {counts}")
    for i, weight in enumerate(weights):
        if weight.dim() != 2 or weight.shape[1] != width:
            raise InputError(f"{name}: weight {i} is [out, {width}], got {list(weight.shape)}")
        width = weight.shape[0]
        if biases is not None and biases[i].shape != (width,):
            raise InputError(f"{name}: bias {i} is [{width}], got {list(biases[i].shape)}")
