"""Old field files are brought to today's format one step at a time."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from neuralfields.errors import FileFormatError

Header = dict[str, Any]
Tensors = dict[str, Tensor]

# From format n to n + 1: (header, tensors) -> (header, tensors), whose "format" is set by migrate().
MIGRATIONS: dict[int, Callable[[Header, Tensors], tuple[Header, Tensors]]] = {}


def migrate(header: Header, tensors: Tensors, *, to: int) -> tuple[Header, Tensors]:
    """Apply the migrations from the header's "format" up to ``to``.

    Raises:
        FileFormatError: a format has no migration.
    """
    for version in range(header["format"], to):
        if version not in MIGRATIONS:
            raise FileFormatError(f"format {version} is no longer read")
        header, tensors = MIGRATIONS[version](header, tensors)
        header = {**header, "format": version + 1}
    return header, tensors
