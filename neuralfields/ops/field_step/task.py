"""What one step of training is given besides the field."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Samples:
    """Coordinates x [n, in], values y [n, out], and how much each sample counts, [n] or None."""

    x: Tensor
    y: Tensor
    weight: Tensor | None = None


@dataclass(frozen=True)
class Task:
    """What is minimised: one of ``LOSSES``, and the eikonal term with this weight."""

    loss: str
    eikonal: float = 0.0


@dataclass(frozen=True, eq=False)
class Update:
    """Adam's state of one parameter; ``step`` is an int32 per row for a lazy one, else one number. Changed in place."""

    parameter: Tensor
    mean: Tensor
    square: Tensor
    step: Tensor
    lazy: bool
    lr: float
    beta1: float
    beta2: float
    epsilon: float
