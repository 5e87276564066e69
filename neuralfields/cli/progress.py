"""The progress line of a fit: on a terminal one line that renews itself, elsewhere a line now and then."""

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from neuralfields.cli.parser import say
from neuralfields.fitting import Step

if TYPE_CHECKING:
    from rich.live import Live

_TERMINAL_SECONDS, _LOG_SECONDS = 0.2, 5.0


class Progress:
    """Shows PSNR, samples per second and the time left on stderr."""

    def __init__(self, run: Any, *, quiet: bool):
        self._run, self._quiet = run, quiet
        self._live = _live_line() if not quiet and sys.stderr is not None and sys.stderr.isatty() else None
        self._period = _LOG_SECONDS if self._live is None else _TERMINAL_SECONDS
        self._shown, self._began = 0.0, time.monotonic()
        self._start = run.state.samples, run.state.seconds

    def __enter__(self) -> "Progress":
        if not self._quiet:
            signal, step = self._run.signal, self._run.state.step
            again = f", resumed at step {step}" if step else ""
            recipe = self._run.recipe.name
            say(f"{signal.name} {signal.extent}, recipe {recipe} into {self._run.folder.path}{again}")
            for note in signal.notes:
                say(f"note: {note}")
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the line away."""
        if self._live:
            self._live.stop()
            self._live = None

    def update(self, step: Step) -> None:
        """Show this step if the line is due."""
        now = time.monotonic()
        if self._quiet or now - self._shown < self._period:
            return
        if self._live:
            with suppress(OSError):  # the terminal has gone; the fit goes on
                self._live.update(self._text(step), refresh=True)
        elif self._shown or now - self._began > _LOG_SECONDS:
            say(self._text(step))
        self._shown = now

    def measuring(self) -> None:
        """Tell that the quality is measured now, where that takes as long as rendering views or meshing does."""
        signal = self._run.signal
        if self._quiet or signal.kind not in ("scene", "mesh", "points"):
            return
        self.close()
        if signal.kind == "scene":
            views = len(signal.judged)
            say(f"judging by {views} view{'s' * (views > 1)}")
        else:
            say("measuring the surface")

    def _text(self, step: Step) -> str:
        samples, seconds = step.samples - self._start[0], step.seconds - self._start[1]
        rate = samples / seconds if seconds else 0.0
        quality = f"{step.psnr:5.2f} dB" if step.psnr is not None else f"loss {step.loss:.3g}"
        left = step.seconds * (1 / step.fraction - 1) if step.fraction else 0.0
        target = self._run.until_psnr
        goal = ","
        if target:
            goal = f" of {target:g}, at most" if step.psnr is not None else f", until {target:g} dB, at most"
        return f"{quality}{goal} {_clock(left)} left, step {step.step}, {rate:,.0f} samples/s"


def _live_line() -> "Live | None":
    """A line that renews itself, where stderr can show one."""
    from rich.console import Console  # a tenth of a second that only a terminal is worth
    from rich.live import Live

    console = Console(stderr=True)
    return Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d} min" if minutes else f"{seconds} s"
