"""Time to quality: how long a fit takes until the whole image has a PSNR, ours and eager, by the same recipe and seeds.

Each measurement is a process of its own, ``python -P -m neuralfields.bench.quality JSON``, so that memory and caches
are clean. This module imports no torch before it measures, so that a parent that only asks stays small.
"""

import sys
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from neuralfields.bench.processes import answer, ask, peak_memory_mib
from neuralfields.errors import InputError

BACKENDS = ("ours", "eager")
_MODULE = "neuralfields.bench.quality"
_UNTIL_FACTOR = 10  # of the recipe's steps, the budget that nf fit --until-psnr has


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
    return ask(_MODULE, asdict(task), f"the fit of {task.image}")


def missing_core() -> str | None:
    """Why there is no native core, as the end of a sentence; None where there is one. Asked in another process too.

    Raises:
        InputError: an environment variable asks for a core that cannot be.
    """
    return ask(_MODULE, None, "looking for the native core")


def fit(task: Task) -> dict[str, Any]:
    """Fit in this process.

    Raises:
        InputError: as ``measured``.
    """
    import torch

    from neuralfields import ops, recipes, signals, steps

    if task.threads:
        torch.set_num_threads(task.threads)
    signal = signals.Image.read(task.image)
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


def main() -> int:
    """The child's: a task in, or null to look for the native core."""
    return answer(lambda question: fit(Task(**question)) if question else _missing_core())


if __name__ == "__main__":
    sys.exit(main())
