"""The field file (`.nf`): one safetensors file with a field's spec, frame, provenance and values.

Loading is safe for files from anywhere: no pickle, only trusted classes are built, and memory and time stay in
proportion to the file.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from neuralfields.checks import one_of
from neuralfields.errors import FileFormatError, InputError
from neuralfields.field import Field, from_spec
from neuralfields.geometry import Frame
from neuralfields.storage import sealed
from neuralfields.storage.bounded import bounded
from neuralfields.storage.migrate import migrate

FORMAT = 1

_KEY = "neuralfields"
_NOUN = "a neuralfields field file"
_ENTRIES = {"format", "spec", "frame", "provenance", "dtype"}
_DTYPES = {"float16": torch.float16, "float32": torch.float32, "float64": torch.float64}
_MAX_SPEC = 1 << 20
_MAX_NESTING = 32
_MAX_NUMBER = 1 << 24


def save(
    field: Field, path: str | os.PathLike[str], *, dtype: Literal["float16", "float32", "float64"] | None = None
) -> None:
    """Write a field to one file, conventionally ``*.nf``; it appears whole or not at all.

    Args:
        field: what to save, with its ``frame`` and ``provenance``.
        path: the file, replaced if it exists.
        dtype: how floating-point parameters and buffers are stored; other dtypes keep their bits. By default float64
            for a field with float64 parameters, which then opens with the same bits, else float32.

    Raises:
        InputError: it is not a Field, an argument of its constructor could not be recorded, a value is not finite or
            does not fit into ``dtype``, the provenance is not JSON, or the file cannot be written.
    """
    if not isinstance(field, Field):
        raise InputError(f"only fields can be saved, got {type(field).__name__}: derive its class from nf.Field")
    if dtype is None:
        dtype = "float64" if any(p.dtype == torch.float64 for p in field.parameters()) else "float32"
    one_of(_DTYPES, dtype=dtype)
    tensors = {}
    for name, tensor in field.state_dict().items():
        if not isinstance(tensor, Tensor):
            raise InputError(f"cannot save {path}: {name!r} is a {type(tensor).__name__}, not a tensor")
        tensors[name] = _stored(path, name, tensor.detach(), _DTYPES[dtype])
    try:
        _check_spec(field.spec, sum(tensor.numel() for tensor in tensors.values()))
    except InputError as error:
        raise InputError(f"cannot save {path}: {error}") from error
    header = {
        "format": FORMAT,
        "spec": field.spec,
        "frame": None if field.frame is None else field.frame.to_json(),
        "provenance": dict(field.provenance),
        "dtype": dtype,
    }
    sealed.write(path, _KEY, header, tensors)


def load(path: str | os.PathLike[str], *, trust: Sequence[str] = ()) -> Field:
    """Read a field, on the CPU, in eval mode, with its ``frame`` and ``provenance``.

    Parameters are float32, or float64 when they were saved so. The global random state stays as it is.

    Args:
        path: what ``save`` wrote.
        trust: packages whose field classes may be imported and built besides those of this one.

    Raises:
        InputError: the file is missing or cannot be read.
        FileFormatError: it is damaged, foreign, newer, not finite, does not fit its spec, names a class that is not
            trusted, or asks for far more memory or time than its size explains.
    """
    trust = (trust,) if isinstance(trust, str) else trust
    header, tensors = _read(path)
    _check_values(path, tensors, _DTYPES[header["dtype"]])
    size = sum(tensor.numel() for tensor in tensors.values())
    try:
        _check_spec(header["spec"], size)
        # An initialisation may make a dozen temporaries; tables that are not saved get the constant part.
        with bounded(memory=(256 << 20) + 64 * size, steps=500_000 + 20_000 * len(tensors)):
            field = from_spec(header["spec"], trust=trust)
    except Exception as error:  # a constructor may raise anything on arguments it was not made for
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise FileFormatError(f"{path} cannot be loaded: {reason}") from error
    if header["dtype"] == "float64":
        field.double()
    _check_fit(path, field.state_dict(), tensors)
    field.load_state_dict(tensors)
    field.frame = _frame(path, header["frame"])
    field.provenance = header["provenance"]
    return field.eval()


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The "spec", "frame", "provenance", "dtype" and "format" of a field file, checked against its SHA-256.

    No class is imported and no field is built.

    Raises:
        InputError, FileFormatError: as ``load`` does for the file itself.
    """
    return _read(path)[0]


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    header, tensors = sealed.read(path, _KEY, FORMAT, _NOUN)
    try:
        header, tensors = migrate(header, tensors, to=FORMAT)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from error
    if set(header) != _ENTRIES:
        odd = ", ".join(sorted(set(header) ^ _ENTRIES))
        raise FileFormatError(f"{path} is damaged: its header has unknown or missing entries: {odd}")
    if header["dtype"] not in list(_DTYPES) or not isinstance(header["provenance"], dict):
        raise FileFormatError(f"{path} is damaged: its header has a dtype or provenance of the wrong kind")
    _frame(path, header["frame"])
    return header, tensors


def _frame(path: str | os.PathLike[str], data: Any) -> Frame | None:
    try:
        return None if data is None else Frame.from_json(data)
    except (InputError, ArithmeticError) as error:
        raise FileFormatError(f"{path} is damaged: {error}") from error


def _stored(path: str | os.PathLike[str], name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    if not _is_finite(tensor):
        raise InputError(f"cannot save {path}: the field holds NaN or Inf in {name!r}, the fit diverged")
    if not tensor.is_floating_point():
        return tensor
    stored = tensor.to(dtype)
    if not _is_finite(stored):
        largest = f"{torch.finfo(dtype).max:g}"
        raise InputError(f"cannot save {path}: {name!r} has values beyond {largest}, the largest {str(dtype)[6:]}")
    return stored


def _is_finite(tensor: Tensor) -> bool:
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return True
    low, high = tensor.aminmax()  # unlike isfinite() it makes no second tensor; NaN goes through
    return bool(low.isfinite() & high.isfinite())


def _check_values(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], dtype: torch.dtype) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.dtype != dtype:
            raise FileFormatError(f"{path} is damaged: {name!r} is {tensor.dtype} and its header says {dtype}")
        if not _is_finite(tensor):
            raise FileFormatError(f"{path} holds NaN or Inf in {name!r}")


def _check_fit(path: str | os.PathLike[str], expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    for name in sorted(expected.keys() - found.keys()):
        raise FileFormatError(f"{path} does not fit its spec: {name!r} is missing")
    for name in sorted(found.keys() - expected.keys()):
        raise FileFormatError(f"{path} does not fit its spec: the field has no {name!r}")
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            raise FileFormatError(
                f"{path} does not fit its spec: {name!r} has shape {list(tensor.shape)} in the file "
                f"and {list(expected[name].shape)} in the field"
            )
        floats = tensor.is_floating_point() and expected[name].is_floating_point()
        if tensor.dtype != expected[name].dtype and not floats:
            raise FileFormatError(
                f"{path} does not fit its spec: {name!r} is {tensor.dtype} in the file "
                f"and {expected[name].dtype} in the field"
            )


def _check_spec(spec: Any, size: int) -> None:
    """Refuse a spec that could not be built again, or whose building could be out of proportion.

    Lists as long as an argument says (``[width] * depth``) are made before anyone can count, so in this package's own
    fields no number but a seed may exceed ``size``, the field's number of values, or a generous constant.
    """
    if len(sealed.canonical(spec)) > _MAX_SPEC:
        raise InputError(f"its spec has more than {_MAX_SPEC} characters")
    for cls, name, value in _arguments(spec):
        if isinstance(value, Mapping):
            kind = value.get("unrecorded", "an unknown object")
            raise InputError(
                f"argument {name!r} of {cls} is of type {kind}, but fields are recorded with numbers, strings, lists "
                "and fields only"
            )
        ours = cls.startswith("neuralfields.") and name != "seed"
        if ours and isinstance(value, int) and abs(value) > max(size, _MAX_NUMBER):
            raise InputError(f"argument {name!r} of {cls} is {value}, more than the field's size explains")


def _arguments(value: Any, cls: str = "", name: str = "", nesting: int = 0) -> Iterator[tuple[str, str, Any]]:
    """(class, argument, value) of all arguments in a spec and in the specs it holds; lists item by item."""
    if nesting > _MAX_NESTING:
        raise InputError(f"its spec is nested more than {_MAX_NESTING} deep")
    if isinstance(value, list):
        for item in value:
            yield from _arguments(item, cls, name, nesting + 1)
    elif isinstance(value, Mapping) and set(value) == {"class", "arguments"} and isinstance(value["arguments"], dict):
        if not isinstance(value["class"], str) or "<" in value["class"]:
            raise InputError(f"{value['class']} cannot be imported again: define the class at the top of a module")
        for argument, item in value["arguments"].items():
            yield from _arguments(item, value["class"], argument, nesting + 1)
    else:
        yield cls, name, value
