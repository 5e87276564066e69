"""How much a viewer may work beside a fit."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_SHARE = 0.008  # of the time that passes; what is too small to be counted comes on top (benchmarks/viewing.py)
_MOST = 0.05  # seconds that are saved up at most
_SILENCE = 20.0  # seconds that a piece of work can silence the viewer at most, however long it took


class Allowance:
    """Seconds of work beside a fit: a share of the time that passes. A piece of work may go into debt.

    What somebody asks for waits for this debt up to a bound; what nobody has asked for, for all of it.

    Args:
        share: of the time. With the default all that the viewer does takes less than 2 % of a core.
    """

    def __init__(self, share: float = _SHARE):
        self.share, self._saved, self._at = share, _MOST, time.monotonic()
        self._beyond = 0.0  # of the debt, beyond the bound
        self._lock = threading.Lock()

    @property
    def most(self) -> float:
        """Seconds that a piece of work ought not to take longer than; so large a debt is the largest for ``wait``."""
        return self.share * _SILENCE

    def spend(self, seconds: float) -> None:
        """Work has been done that took so long."""
        with self._lock:
            self._earn()
            left = self._saved - seconds
            self._saved = max(left, -self.most)
            self._beyond += self._saved - left

    @contextmanager
    def charged(self) -> Iterator[None]:
        """What is done inside is spent, but not what it waits for a core: that takes nothing from a fit."""
        clock, worked = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            # Threads of torch may help, whose work is not this one's.
            worked = torch.get_num_threads() * (time.thread_time() - worked)
            self.spend(min(worked, time.perf_counter() - clock))

    @property
    def wait(self) -> float:
        """Seconds until there is no debt within the bound; 0 without one."""
        with self._lock:
            self._earn()
            return max(0.0, -self._saved / self.share)

    @property
    def owed(self) -> float:
        """Seconds until there is no debt at all; 0 without one."""
        with self._lock:
            self._earn()
            return max(0.0, (self._beyond - self._saved) / self.share)

    def _earn(self) -> None:
        now = time.monotonic()
        earned = self._saved + self.share * (now - self._at)
        paid = min(max(earned, 0.0), self._beyond)
        self._beyond -= paid
        self._saved, self._at = min(_MOST, earned - paid), now
