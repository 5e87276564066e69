"""A field's arrays as bytes for the page, and the field that has exactly these numbers."""

import math
from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.viewer.describe import description_of
from neuralfields.viewer.program import Learned, Program, Stored

Bits = Literal["int8", "float16", "float32"]

_BITS = "int8", "float16", "float32"
_FAINT = 1e-30  # a part without larger values is stored as zeros
_HALF = torch.finfo(torch.float16)


@torch.no_grad()
def pack(field: Field, program: Program, bits: Bits = "int8") -> tuple[tuple[Stored, ...], bytes]:
    """A snapshot: the program's arrays as they are now.

    Tables are stored in ``bits``, int8 with a scale for each part, which is its largest value over 127. Networks stay
    float32: they are small, and what they read is not forgiving. Values that are not finite are 0 in int8; float16 is
    clamped to its range.

    Args:
        field: whose ``program_of`` the program is.

    Returns:
        Where each array lies, in the program's order, and the bytes.

    Raises:
        InputError: the program is another field's, or there are no such bits.
    """
    if bits not in _BITS:
        raise InputError(f"tables are stored as {', '.join(_BITS)}, got {bits!r}")
    description = description_of(field)
    if description.program != program:
        raise InputError(f"the program is not that of this {type(field).__name__}")
    stored: list[Stored] = []
    chunks: list[bytes] = []
    offset = 0
    for array in program.arrays:
        values, scales = _stored(array, description.values[array.name]().detach().cpu(), bits)
        chunk = values.tobytes()
        dtype: Literal["int8", "float16", "float32", "uint8"] = values.dtype.name  # type: ignore[assignment]
        stored.append(Stored(array.name, dtype, array.shape, offset, scales))
        chunks += [chunk, bytes(-len(chunk) % 8)]
        offset += len(chunk) + len(chunks[-1])
    return tuple(stored), b"".join(chunks)


@torch.no_grad()
def quantised(field: Field, program: Program, bits: Bits = "int8") -> Field:
    """A copy in float64 that has the very numbers that ``pack`` stores.

    Raises:
        InputError: as for ``pack``.
    """
    stored, data = pack(field, program, bits)
    copy = deepcopy(field).double()
    tensors = dict(copy.named_parameters())
    for array, where in zip(program.arrays, stored, strict=True):
        if array.name in tensors and tensors[array.name].shape == array.shape:
            tensors[array.name].copy_(torch.from_numpy(_restored(array, where, data)))
    return copy


def _stored(array: Learned, values: Tensor, bits: Bits) -> tuple[np.ndarray, tuple[float, ...]]:
    """As it lies in the bytes, and the scales of its parts."""
    if values.dtype == torch.bool:
        return np.packbits(values.numpy(), bitorder="little"), ()
    if not array.table or bits == "float32":
        return values.float().contiguous().numpy(), ()
    if bits == "float16":
        return values.clamp(_HALF.min, _HALF.max).half().contiguous().numpy(), ()
    return _int8(values.float(), array.parts)


def _int8(table: Tensor, parts: Sequence[int]) -> tuple[np.ndarray, tuple[float, ...]]:
    whole = torch.empty(table.shape, dtype=torch.int8)
    scales: list[float] = []
    for start, end in pairwise((0, *parts)):
        rows = table[start:end]
        low, high = (float(value) for value in rows.aminmax())
        if not math.isfinite(high - low):
            rows = rows.nan_to_num(0, 0, 0)
            low, high = (float(value) for value in rows.aminmax())
        largest = max(-low, high)
        scale = float(np.float32(largest / 127)) if largest > _FAINT else 1.0
        whole[start:end] = (rows * (1 / scale)).round_()
        scales.append(scale)
    return whole.numpy(), tuple(scales)


def _restored(array: Learned, where: Stored, data: bytes) -> np.ndarray:
    """In float64, as the shader has it."""
    found = np.frombuffer(data, where.dtype, math.prod(array.shape), where.offset).reshape(array.shape)
    found = found.astype(np.float64)
    for (start, end), scale in zip(pairwise((0, *array.parts)), where.scales, strict=False):
        found[start:end] *= scale
    return found
