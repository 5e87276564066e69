"""Batches move as a whole."""

import torch

from neuralfields import Batch


def test_a_batch_moves_with_all_it_has() -> None:
    batch = Batch(torch.zeros(3, 2), torch.zeros(3, 1), torch.ones(3), torch.arange(3))
    assert len(batch) == 3
    assert batch.to("cpu") is batch
    moved = batch.to("meta")
    for name in ("x", "y", "weight", "index"):
        old, new = getattr(batch, name), getattr(moved, name)
        assert (new.device.type, new.shape, new.dtype) == ("meta", old.shape, old.dtype)
    bare = Batch(torch.zeros(3, 2), torch.zeros(3, 1)).to("meta")
    assert bare.weight is None
    assert bare.index is None
    assert bare.x.is_meta
