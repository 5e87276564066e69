"""What every op that interpolates in a table of rows on grids asks of coordinates and table."""

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
