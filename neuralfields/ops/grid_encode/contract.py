"""What every op that interpolates in a table of rows on grids asks of coordinates and table."""

from collections.abc import Sequence

from torch import Tensor

from neuralfields.errors import InputError


def check_table(op: str, x: Tensor, table: Tensor, dim: int, rows: int) -> None:
    """Raise InputError unless x is [n, dim], the table [rows, features], both of one dtype."""
    if x.dim() != 2 or x.shape[1] != dim:
        raise InputError(f"{op} takes coordinates [n, {dim}], got {list(x.shape)}")
    if table.dim() != 2 or table.shape[0] != rows:
        raise InputError(f"{op} takes a table [{rows}, features], got {list(table.shape)}")
    if x.dtype != table.dtype:
        raise InputError(f"{op} takes coordinates and a table of one dtype, got {x.dtype} and {table.dtype}")


def check_interpolation(interpolation: str, known: Sequence[str]) -> None:
    """Raise InputError unless it is one of those known."""
    if interpolation not in known:
        raise InputError(f"interpolation is one of {', '.join(known)}, got {interpolation!r}")
