"""A thread for work that may take long, and fields that are asked only for as long as somebody waits."""

import atexit
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

_PATIENCE = 2.0  # seconds that an end waits for the work under way
_POINTS = 1 << 13  # that a field is asked for between two looks whether somebody waits
T = TypeVar("T")


class GivenUp(Exception):
    """Nobody waits for this any more."""


class Worker:
    """Does one thing after the other, in a thread of its own that keeps no process alive.

    Attributes:
        ending: whether what is under way ought to be given up; nothing new is begun then.
    """

    def __init__(self, name: str):
        self.ending = False
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        atexit.register(self.close)  # a thread that is amid torch's code when Python ends can make it crash

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """What will come of this work: ``GivenUp`` if the end comes before it is begun."""
        future: Future[T] = Future()
        with self._lock:
            if self.ending:
                future.set_exception(GivenUp())
            else:
                self._jobs.put((future, work))
        return future

    def close(self) -> None:
        """End, and wait a little for what is under way."""
        atexit.unregister(self.close)
        with self._lock:  # nothing comes after the end
            self.ending = True
            self._jobs.put(None)
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, work = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if self.ending:
                    raise GivenUp
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)


class Patient(nn.Module):
    """A field that is asked part by part, and raises ``GivenUp`` where nobody waits for the next one."""

    def __init__(self, field: Any, waited: Callable[[], bool]):
        super().__init__()
        self._field, self._waited = field, waited

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._asked(self._field, part) for part in x.split(_POINTS)])

    def __getattr__(self, name: str) -> Any:
        if name in ("_field", "_waited"):
            return super().__getattr__(name)
        found = getattr(self._field, name)
        return (lambda *given: self._asked(found, *given)) if name in ("density", "render") else found

    def _asked(self, ask: Callable[..., Any], *given: Any) -> Any:
        if not self._waited():
            raise GivenUp
        return ask(*given)
