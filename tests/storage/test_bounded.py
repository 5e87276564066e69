"""The limits of a constructor hold wherever they are met."""

import pytest
import torch

from neuralfields.errors import FileFormatError
from neuralfields.storage.bounded import bounded


def build() -> None:
    for _ in range(100):
        torch.ones(2).add_(1)
        torch.nn.Linear(1, 1)  # its operations run Python of other modules


def test_steps_end_inside_of_operations_too() -> None:
    """Looking at an operation's memory takes steps itself, and catches what an operation raises."""
    for limit in range(200, 300):
        with pytest.raises(FileFormatError, match="more steps to build"), bounded(memory=1 << 20, steps=limit):
            build()
