"""Memory for large tensors that come and go at every step, such as a table's gradient.

What the allocator gives back to the system must be made anew, page by page, at the next step: that takes as long as
filling it. One block is kept instead.
"""

import threading
import weakref
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from neuralfields.ops.native.calling import on_huge_pages

_LEAST = 1 << 20  # values; below, the allocator keeps memory itself


class _Kept(threading.local):
    """The block that waits for its next use in this thread."""

    block: Tensor | None = None


_kept = _Kept()


def empty(shape: Sequence[int]) -> Tensor:
    """A float32 tensor with whatever is in its memory, which is kept for the next one of this size."""
    size = prod(shape)
    if size < _LEAST:
        return torch.empty(*shape)
    block, _kept.block = _kept.block, None
    if block is None or block.numel() != size:
        del block  # the old one goes before the new one comes
        block = torch.empty(size)
        on_huge_pages(block)
    view = block.numpy().view()
    # The tensor holds the view, and the view's end is the tensor's.
    weakref.finalize(view, _keep, block).atexit = False
    return torch.from_numpy(view).view(*shape)


def _keep(block: Tensor) -> None:
    _kept.block = block
