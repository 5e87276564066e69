"""Safetensors files whose only metadata entry is JSON, sealed by a SHA-256 over that JSON and over every tensor.

The JSON is canonical (sorted keys, no spaces, ASCII), so that one value has one text. The digest covers it without its
own entry, then each tensor's name, dtype, shape and bytes in the order of names. It finds damage, not malice: whoever
writes a file can compute it.
"""

import hashlib
import json
import math
import os
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.atomic import replacing

MAX_HEADER = 16 << 20

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.complex64: "C64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
}


def write(path: str | os.PathLike[str], key: str, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write ``tensors`` and ``header`` (JSON values, no entry "sha256") to ``path``, atomically and synced.

    Raises:
        InputError: a dtype has no place in such files, the header is not JSON or too large, or writing fails.
    """
    for name, tensor in tensors.items():
        if tensor.dtype not in _DTYPES:
            raise InputError(f"cannot write {path}: {name!r} is {tensor.dtype}, which safetensors files do not hold")
    arrays = {name: _bytes(tensor) for name, tensor in tensors.items()}
    try:
        sealed = canonical({**header, "sha256": _digest(header, tensors, arrays)})
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"cannot write {path}: its header is not made of JSON values: {error}") from error

    entries: dict[str, Any] = {"__metadata__": {key: sealed}}
    order = sorted(arrays, key=lambda name: (-tensors[name].itemsize, name))  # keeps every tensor aligned
    end = 0
    for name in order:
        begin, end = end, end + arrays[name].nbytes
        shape = list(tensors[name].shape)
        entries[name] = {"dtype": _DTYPES[tensors[name].dtype], "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise InputError(f"cannot write {path}: its header would have {len(text)} bytes, at most {MAX_HEADER} are read")

    try:
        with replacing(path) as temporary, open(temporary, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for name in order:
                file.write(arrays[name].data)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


def read(path: str | os.PathLike[str], key: str, newest: int, noun: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The header without its "sha256", and the tensors, on the CPU; they map the file, so copy what must outlive it.

    Args:
        path: the file.
        key: the metadata entry that holds the header.
        newest: the highest "format" that the caller understands.
        noun: what the file should be, for messages.

    Raises:
        InputError: there is no such file, or it cannot be read.
        FileFormatError: it is damaged, foreign or newer.
    """
    _check_start(Path(path), noun)
    try:
        with safe_open(path, "pt", device="cpu") as file:
            header, seal = _parse(path, file.metadata() or {}, key, newest, noun)
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except InputError:
        raise
    except Exception as error:  # the parser has no common base for what it raises on hostile input
        raise FileFormatError(f"{path} is damaged or not {noun}: {_first_line(error)}") from error
    for name, tensor in tensors.items():
        if tensor.dtype not in _DTYPES:
            raise FileFormatError(f"{path} is not {noun}: {name!r} is {tensor.dtype}")
    if seal != _digest(header, tensors, {name: _bytes(tensor) for name, tensor in tensors.items()}):
        raise FileFormatError(f"{path} is damaged: its contents do not match its SHA-256")
    return header, tensors


def canonical(value: Any) -> str:
    """The one JSON text of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _check_start(path: Path, noun: str) -> None:
    """Refuse what is no regular file, or starts like no safetensors file, before a parser sees it."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path} is a folder, not {noun}")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is not a regular file")
        with open(path, "rb") as file:
            start = file.read(9)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    if not start:
        raise FileFormatError(f"{path} is empty, not {noun}")
    size = struct.unpack("<Q", start[:8])[0] if len(start) == 9 and start[8:] == b"{" else math.inf
    if size > status.st_size - 8:
        raise FileFormatError(f"{path} is not {noun}, or cut short")
    if size > MAX_HEADER:
        raise FileFormatError(f"{path} has a header of {size} bytes, at most {MAX_HEADER} are read")


def _parse(
    path: str | os.PathLike[str], metadata: Mapping[str, str], key: str, newest: int, noun: str
) -> tuple[dict[str, Any], str]:
    if set(metadata) != {key}:
        found = ", ".join(sorted(metadata)[:3]) or "none"
        raise FileFormatError(f"{path} is a safetensors file but not {noun}: its metadata is {found}, not {key}")
    try:
        header = json.loads(metadata[key])
        if canonical(header) != metadata[key]:
            raise ValueError("it is not canonical")
        version, seal = header["format"], header.pop("sha256")
        if type(version) is not int or version < 1:
            raise ValueError(f"format {version!r}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileFormatError(f"{path} is damaged: its header cannot be read: {_first_line(error)}") from error
    if version > newest:
        raise FileFormatError(
            f"{path} was made by a newer version (format {version}, this reads up to {newest}): "
            "pip install -U neuralfields"
        )
    return header, seal


def _digest(header: Mapping[str, Any], tensors: Mapping[str, Tensor], arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(canonical(header).encode())
    for name in sorted(tensors):
        digest.update(canonical([name, _DTYPES[tensors[name].dtype], list(tensors[name].shape)]).encode())
        digest.update(arrays[name].data)
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> np.ndarray:
    """The tensor's bytes, without a copy where it is contiguous and on the CPU."""
    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    return plain.reshape(-1).view(torch.uint8).numpy()


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
