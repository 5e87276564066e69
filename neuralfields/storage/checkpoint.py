"""Checkpoints: the tensors of a running fit, bit by bit, and its counters."""

import os
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from neuralfields.errors import FileFormatError
from neuralfields.storage import sealed

FORMAT = 1

_KEY = "neuralfields.checkpoint"
_NOUN = "a neuralfields checkpoint"


def save_checkpoint(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors of any dtype with their exact bits, and a state of JSON values; whole or not at all, and synced.

    Raises:
        InputError: the state is not JSON, or the file cannot be written (full disk, missing folder).
    """
    sealed.write(path, _KEY, {"format": FORMAT, "state": dict(state)}, tensors)


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, on the CPU, and the state that ``save_checkpoint`` wrote.

    Raises:
        InputError: the file is missing or cannot be read.
        FileFormatError: it is damaged, foreign, or newer.
    """
    header, tensors = sealed.read(path, _KEY, FORMAT, _NOUN)
    if set(header) != {"format", "state"} or not isinstance(header["state"], dict):
        raise FileFormatError(f"{path} is damaged: its header has unknown or missing entries")
    return tensors, header["state"]
