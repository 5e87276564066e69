"""Checkpoints keep exact bits, and damage is found."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralfields.errors import FileFormatError, InputError
from neuralfields.storage import load_checkpoint, save_checkpoint, sealed
from neuralfields.storage.sealed import _DTYPES


@settings(max_examples=40, deadline=None)
@given(
    layout=st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda name: name != "__metadata__"),
        st.tuples(st.sampled_from(list(_DTYPES)), st.lists(st.integers(0, 4), max_size=3)),
        max_size=6,
    ),
    step=st.integers(),
    seconds=st.floats(allow_nan=False),
)
def test_exact_bits(tmp_path_factory, layout, step, seconds):
    path = tmp_path_factory.mktemp("bits") / "checkpoint.safetensors"
    tensors = {}
    for name, (dtype, shape) in layout.items():
        size = torch.empty(shape, dtype=dtype).nbytes
        top = 2 if dtype == torch.bool else 256
        tensors[name] = torch.randint(top, (size,), dtype=torch.uint8).view(dtype).reshape(shape)
    state = {"step": step, "seconds": seconds, "nested": {"a": [None, True, "é"]}}
    save_checkpoint(path, tensors, state)
    found, found_state = load_checkpoint(path)
    assert found_state == state
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].shape == tensor.shape
        assert bits(found[name]) == bits(tensor)


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.reshape(-1).view(torch.uint8).numpy().tobytes()


def test_views_and_shared_memory(tmp_path):
    flat = torch.arange(12.0)
    tensors = {
        "whole": flat,
        "part": flat[3:7],
        "turned": flat.view(3, 4).T,
        "one": flat[2],
        "wide": flat[:1].expand(5),
    }
    save_checkpoint(tmp_path / "c", tensors, {})
    found, _ = load_checkpoint(tmp_path / "c")
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_refusals(tmp_path):
    path = tmp_path / "c"
    with pytest.raises(InputError, match="not made of JSON values"):
        save_checkpoint(path, {}, {"generator": object()})
    with pytest.raises(InputError, match=r"'x' is torch\.complex128, which safetensors files do not hold"):
        save_checkpoint(path, {"x": torch.zeros(1, dtype=torch.complex128)}, {})
    with pytest.raises(InputError, match="does not exist"):
        load_checkpoint(path)
    with pytest.raises(InputError, match="No such file or directory"):
        save_checkpoint(tmp_path / "missing" / "c", {}, {})
    assert not list(tmp_path.iterdir())
    sealed.write(path, "neuralfields", {"format": 1}, {})
    with pytest.raises(FileFormatError, match=r"not a neuralfields checkpoint: its metadata is neuralfields, not neur"):
        load_checkpoint(path)
    sealed.write(path, "neuralfields.checkpoint", {"format": 1, "state": 3}, {})
    with pytest.raises(FileFormatError, match="unknown or missing entries"):
        load_checkpoint(path)
    sealed.write(path, "neuralfields.checkpoint", {"format": 2, "state": {}}, {})
    with pytest.raises(FileFormatError, match="made by a newer version"):
        load_checkpoint(path)


def test_damage(tmp_path):
    path = tmp_path / "c"
    save_checkpoint(path, {"a": torch.arange(100), "b": torch.ones(3)}, {"step": 3})
    data = path.read_bytes()
    for at in (0, 20, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(FileFormatError):
            load_checkpoint(path)
        path.write_bytes(data[:at])
        with pytest.raises(FileFormatError):
            load_checkpoint(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(FileFormatError):
        load_checkpoint(path)
