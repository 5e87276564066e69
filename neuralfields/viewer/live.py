"""A fit that is watched while it runs: between two steps its state is copied for the viewer, and wishes are obeyed."""

import itertools
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from neuralfields.field import Field
from neuralfields.fitting import State, Step
from neuralfields.protocols import Signal
from neuralfields.viewer.course import Course
from neuralfields.viewer.items import Item
from neuralfields.viewer.messages import line
from neuralfields.viewer.protocol import Action, Point, Progress
from neuralfields.viewer.server import Server
from neuralfields.viewer.session import Session

_LOOK_SECONDS, _TELL_SECONDS = 0.05, 0.2  # between two looks at who is hungry, between two points of the course
_DOZE_SECONDS = 0.1  # of a paused fit, between two looks whether Ctrl-C was pressed
_SULK_SECONDS = 5.0  # without a look, after one that has failed
_OVERTAKEN = {"pause": {"pause", "resume"}, "resume": {"pause", "resume"}}  # by a newer wish, beside its like


class Live:
    """The fits that a server's session shows, one after the other.

    Nothing that happens in a page, or goes wrong in the viewer, changes what a fit computes: its state is copied
    between two steps, and only if somebody is looking and the allowance allows it.

    Attributes:
        stopping: whether a page asks to stop this fit.
    """

    def __init__(self, session: Session, server: Server):
        self._session, self._server = session, server
        self.stopping = False
        self._wishes: list[Action] = []
        self._lock, self._awake = threading.Lock(), threading.Event()
        self._item: Item | None = None
        self._ids = itertools.count()

    def begin(
        self,
        field: Field,
        signal: Signal,
        *,
        name: str,
        save: Callable[[], None] | None = None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> str | None:
        """Show this fit from now on, with its course at least.

        Args:
            field: what is fitted, as it is before the first step.
            signal: what to.
            name: of the fit, for people.
            save: writes a checkpoint, where there is one.
            interrupted: whether a paused fit shall go on, because it was asked to end otherwise.

        Returns:
            Why its field is not shown, where that is so.
        """
        self.stopping = self._paused = self._once = False
        self._save, self._interrupted = save, interrupted
        self._looked = self._told = -math.inf
        self._saved: int | None = None
        self._before: tuple[int, float] | None = None
        self._name, problem = name, None
        self._number, self._course = next(self._ids), Course(state="running")
        try:
            self._item = Item(field, signal, name=name, id=self._number)
        except Exception as error:
            self._item, problem = None, f"{name} cannot be shown while it is fitted: {line(error)}"
        with self._lock:
            self._wishes = []
        self._session.notes = [problem] if problem else []
        self._session.control = self._ask
        self._session.replace([self._item] if self._item else [], title=name, fits={self._number: self._course})
        self._server.hub.post(self._server.hub.greet)
        return problem

    def update(self, step: Step) -> None:
        """To be called after each step; returns once the next one may be done."""
        now = time.monotonic()
        try:
            if now - self._looked > _LOOK_SECONDS or step.fraction >= 1:
                self._looked = now
                self._show(step, now)
            if self._wishes or self._paused:
                self._obey(step)
        except Exception as error:  # the fit goes on whatever happens to those who look
            self._paused, self._looked = False, now + _SULK_SECONDS
            if self._course.state == "paused":
                self._course.state = "running"
            self._greet(f"the viewer has failed, the fit goes on: {line(error)}")

    def end(self, state: State, *, finished: bool = True) -> None:
        """The fit has come to an end, or was interrupted, in this state."""
        problem = None
        try:
            if self._item is not None and finished and isinstance(state.field, Field):
                self._item.finish(state.field, state.step)
            elif self._item is not None:
                self._item.receive(copied(state), state.step, still=True)
        except Exception as error:
            problem = f"the viewer has failed, the fit has not: {line(error)}"
        self._leave(problem)

    def fail(self, told: str) -> None:
        """The fit has ended by this error."""
        self._leave(told)

    def _leave(self, problem: str | None) -> None:
        self._course.state, self._session.control = "done", None
        self._greet(problem)

    def _greet(self, problem: str | None) -> None:
        """Tell all pages anew what is shown, and what went wrong."""
        hub = self._server.hub
        hub.post(hub.greet)
        if problem:
            hub.post(lambda: hub.note("error", problem))

    def _ask(self, action: Action) -> None:
        """Obey this between two steps, once however often it is wished until then."""
        overtaken = _OVERTAKEN.get(action, {action})
        with self._lock:
            self._wishes = [*(wish for wish in self._wishes if wish not in overtaken), action]
        self._awake.set()

    def _show(self, step: Step, now: float) -> None:
        """Tell where the fit is and give the viewer a copy of the field, if either is due."""
        hub, item = self._server.hub, self._item
        if now - self._told > _TELL_SECONDS or step.fraction >= 1:
            self._told = now
            message = Progress(self._number, self._course.add(self._point(step)), self._course.state)
            hub.post(lambda: hub.progress(message))
        if item is not None and item.shown.id in hub.hungry and not item.awaited and not hub.allowance.wait:
            self._offer(step.state)

    def _offer(self, state: State, *, still: bool = False) -> None:
        if self._item is None:
            return
        hub = self._server.hub
        with hub.allowance.charged():
            self._item.receive(copied(state), state.step, still=still)
            hub.post(hub.changed)

    def _point(self, step: Step) -> Point:
        before, self._before = self._before, (step.samples, step.seconds)
        samples, seconds = (step.samples - before[0], step.seconds - before[1]) if before else (0, 0.0)
        left = step.seconds * (1 / step.fraction - 1) if step.fraction else None
        psnr = step.checked["psnr"] if step.checked else step.psnr
        return Point(
            step.step,
            step.seconds,
            step.loss,
            psnr if psnr is not None and math.isfinite(psnr) else None,
            samples / seconds if seconds > 0 else 0.0,
            _rate(step.state.optimizer.param_groups),
            left,
            step.fraction,
        )

    def _obey(self, step: Step) -> None:
        """Do what pages have asked for; a paused fit stays here."""
        if self._paused:
            self._settle(step)
        while True:
            with self._lock:
                wishes, self._wishes = self._wishes, []
            for wish in wishes:
                self._act(wish, step)
            if self._once or not self._paused or self.stopping or self._interrupted():
                break
            self._awake.wait(_DOZE_SECONDS)
            self._awake.clear()
        self._once = False

    def _act(self, action: Action, step: Step) -> None:
        if action == "save":
            self._keep(step)
        elif action == "stop":
            self.stopping = True
            self._turn("stopping", step)
        elif action == "resume":
            self._paused = False
            self._turn("running", step)
        else:
            self._once = action == "step" and self._paused
            if not self._paused:
                self._paused = True
                self._settle(step)

    def _settle(self, step: Step) -> None:
        """The fit stays here for a while: whoever looks shall see just this step."""
        self._turn("paused", step)
        self._offer(step.state, still=True)

    def _turn(self, state: Any, step: Step) -> None:
        self._course.state = state
        hub, message = self._server.hub, Progress(self._number, self._course.add(self._point(step)), state)
        hub.post(lambda: hub.progress(message))

    def _keep(self, step: Step) -> None:
        hub, level, told = self._server.hub, "info", f"{self._name}: saved at step {step.step}"
        try:
            if self._save is None:
                level, told = "error", f"{self._name} is not kept in a folder: there is nowhere to save it"
            elif self._saved != step.step:
                self._save()
                self._saved = step.step
        except Exception as error:
            level, told = "error", f"{self._name} was not saved: {line(error)}"
        hub.post(lambda: hub.note(level, told))


@torch.no_grad()
def copied(state: State) -> dict[str, Tensor]:
    """A field's tensors, averaged where an average is kept, on the CPU, in memory of their own."""
    held = {**state.field.state_dict(), **state.average}
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in held.items()}


def _rate(groups: Sequence[dict[str, Any]]) -> float:
    """The learning rate of the network, where tables have one of their own."""
    return float(next((group for group in groups if not group.get("lazy")), groups[0])["lr"])
