"""Time to quality: how long a fit takes until the whole image has a PSNR, ours and eager, by the same recipe and seeds.

Each measurement is a process of its own, ``python -P -m neuralfields.bench.quality JSON``, so that memory and caches
are clean. This module imports no torch before it measures: what the parent holds must not count as the child's memory.
"""

import json
import signal
import subprocess
import sys
import threading
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from neuralfields.errors import InputError, NeuralFieldsError

BACKENDS = ("ours", "eager")
_UNTIL_FACTOR = 10  # of the recipe's steps, the budget that nf fit --until-psnr has
_INTERRUPTED = 130


@dataclass(frozen=True)
class Task:
    """One fit of one image.

    Attributes:
        psnr: in dB, where the fit ends.
        seconds: of fitting, after which it is given up.
        backend: "ours", or "eager" for plain PyTorch.
        threads: of torch; its own choice if None.
    """

    image: str
    psnr: float
    seed: int
    seconds: float
    backend: str
    threads: int | None


def measured(task: Task) -> dict[str, Any]:
    """Fit in a process of its own: the task, whether and when it reached its PSNR, peak memory.

    Ctrl-C and SIGTERM end that process and are a KeyboardInterrupt here.

    Raises:
        InputError: the image cannot be read, or has no PSNR.
        NeuralFieldsError: the fit failed, or its process was killed.
    """
    return _asked(asdict(task), f"the fit of {task.image}")


def missing_core() -> str | None:
    """Why there is no native core, as the end of a sentence; None where there is one. Asked in another process too.

    Raises:
        InputError: an environment variable asks for a core that cannot be.
    """
    return _asked(None, "looking for the native core")


def _asked(question: Any, what: str) -> Any:
    """What ``main`` answers in a process of its own; ``what`` is named where that fails."""
    words = [sys.executable, "-P", "-m", "neuralfields.bench.quality", json.dumps(question)]
    pipe = subprocess.PIPE
    with _Stop() as stop, subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True) as child:
        stop.ends(child)
        try:
            out, err = child.communicate()
        except BaseException:
            child.kill()
            raise
    if stop.asked or child.returncode == _INTERRUPTED:
        raise KeyboardInterrupt
    if child.returncode == InputError.exit_status:
        raise InputError(err.strip().splitlines()[-1])
    if child.returncode:
        last = (err.strip().splitlines() or [f"its process ended with {child.returncode}"])[-1]
        raise NeuralFieldsError(f"{what} failed: {last}")
    return json.loads(out)


class _Stop:
    """Notes Ctrl-C and SIGTERM inside a block, and ends the child then: not even one just being begun outlives us.

    In the main thread only, which alone may ask for that; what our parent has made us ignore stays ignored.
    """

    def __init__(self) -> None:
        self.asked = False
        self._child: subprocess.Popen[str] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "_Stop":
        main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGINT, signal.SIGTERM) if main else ()
        heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._ask) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ends(self, child: "subprocess.Popen[str]") -> None:
        self._child = child
        if self.asked:
            child.kill()

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True
        if self._child:
            self._child.kill()


def fit(task: Task) -> dict[str, Any]:
    """Fit in this process.

    Raises:
        InputError: as ``measured``.
    """
    import torch

    from neuralfields import ops, recipes, signals, steps

    if task.threads:
        torch.set_num_threads(task.threads)
    signal = signals.read(task.image)
    if signal.headline != "psnr":
        raise InputError(f"a time to a PSNR needs values in [0, 1], {task.image} is linear light")
    torch.manual_seed(task.seed)
    recipe = recipes.image(signal)
    settings = recipe.settings | {"steps": _UNTIL_FACTOR * recipe.steps, "until_psnr": task.psnr, "seed": task.seed}
    step = None
    with ops.backend("reference") if task.backend == "eager" else nullcontext():
        for step in steps(recipe.field, signal, **settings):
            if step.seconds > task.seconds:
                break
    assert step is not None
    reached = step.checked is not None and step.checked["psnr"] >= task.psnr
    return {
        **asdict(task),
        "shape": signal.describe()["shape"],
        "threads": torch.get_num_threads(),
        "reached": reached,
        "fit_seconds": step.seconds,
        "steps": step.step,
        "samples_per_second": step.samples / step.seconds,
        "batch_psnr": step.psnr,
        "peak_memory_mib": peak_memory_mib(),
        "kernels": dict(step.state.kernels),
    }


def _missing_core() -> str | None:
    from neuralfields.ops import native

    return native.reason()


def peak_memory_mib() -> int | None:
    """The most memory this process has held, or None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)


def main() -> int:
    """The child's: a task in, or null to look for the native core; a line of JSON out; errors as a line on stderr."""
    try:
        question = json.loads(sys.argv[1])
        print(json.dumps(fit(Task(**question)) if question else _missing_core()))
    except NeuralFieldsError as error:
        print(str(error).replace("\n", "\\n"), file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
