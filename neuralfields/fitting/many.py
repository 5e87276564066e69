"""Many small fields at once: one thread for each, instead of several threads for one after the other."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any, TypeVar, Unpack

import torch
from torch import nn

from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.fitting.loop import Settings
from neuralfields.fitting.result import Fit, fit

T = TypeVar("T")
R = TypeVar("R")


def fit_many(
    fields: Sequence[nn.Module], signals: Sequence[Any], *, threads: int | None = None, **settings: Unpack[Settings]
) -> list[Fit]:
    """Fit each field to its signal, all with the same settings, as many at a time as there are threads.

    Steps of a small field are too short to be worth dividing: threads would wait for each other most of the time. Each
    result is that of ``fit`` with one thread, bit for bit.

    Args:
        fields: as for ``fit``, each with parameters of its own.
        signals: as many.
        threads: how many are fitted at a time; as many as torch uses by default.
        settings: those of ``steps``, but no ``state``.

    Raises:
        InputError: there are not as many signals as fields, one field stands there twice, or as for ``steps``.
        NeuralFieldsError: as for ``steps``.
    """
    if len(fields) != len(signals) or len({id(field) for field in fields}) < len(fields):
        raise InputError(f"each field has one signal, got {len(fields)} fields and {len(signals)} signals")
    if "state" in settings:
        raise InputError("a state is of one fit: leave it out")
    pairs = list(zip(fields, signals, strict=True))
    found: list[Fit | None] = [None] * len(pairs)
    for number, result in together(lambda number: fit(*pairs[number], **settings), range(len(pairs)), threads):
        found[number] = result
    return [result for result in found if result is not None]


def together(do: Callable[[T], R], things: Iterable[T], threads: int | None = None) -> Iterator[tuple[T, R]]:
    """Each thing with what ``do`` makes of it, in the order they are ready; several at a time, a thread each.

    The blocks around the call (``ops.backend`` and others) hold inside too. What an error, or leaving the loop, finds
    not yet begun is not begun; what is under way is finished first.
    """
    carried = ops.carried(do)

    def alone(thing: T) -> R:
        torch.set_num_threads(1)  # of this thread alone
        return carried(thing)

    before = torch.get_num_threads()
    left, running, most = iter(things), dict[Future[R], T](), threads or before
    try:
        with ThreadPoolExecutor(most) as pool:
            for thing in islice(left, most):
                running[pool.submit(alone, thing)] = thing
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    thing, result = running.pop(future), future.result()
                    for following in islice(left, 1):
                        running[pool.submit(alone, following)] = following
                    yield thing, result
    finally:
        torch.set_num_threads(before)  # threads begun from now on get what was set last, by whichever thread
