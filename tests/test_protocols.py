"""Batches move as a whole."""

import torch

from neuralfields import Batch
from neuralfields.protocols import RayBatch


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


def test_a_batch_of_rays_takes_its_cameras_along() -> None:
    batch = RayBatch(torch.zeros(3, 6), torch.zeros(3, 4), camera=torch.arange(3))
    moved = batch.to("meta")
    assert isinstance(moved, RayBatch)
    assert moved.camera is not None
    assert moved.camera.is_meta
