"""Every method on one image at equal parameters and equal time (or steps), one after the other.

Each fit is a process of its own: its peak memory is its own, and one that is killed for want of memory costs one row.
A method that fails is a row with the reason. The quality is looked at at moments spread evenly over the logarithm of
the budget, on the clock's outside.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neuralfields import metrics, ops, recipes, signals
from neuralfields.bench.processes import answer, ask, peak_memory_mib
from neuralfields.errors import InputError, NeuralFieldsError
from neuralfields.field import FieldLike, evaluate
from neuralfields.files.images import write_image
from neuralfields.fitting import Step, steps
from neuralfields.protocols import Signal
from neuralfields.recipes import Recipe
from neuralfields.signals import Image

BACKENDS = ("reference", "native")
_MODULE = "neuralfields.bench.methods"
_MOMENTS = 12
_FIRST_MOMENT = 0.01  # share of the budget
_CURVE_PIXELS = 1 << 15

Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """One fit by one method.

    Attributes:
        source: the image's path.
        params: about so many parameters; the method's own size if None.
        steps, seconds: the budget; with both, what is used up first ends the fit.
        backend: "reference" for plain PyTorch, "native" for what the package chooses by itself.
        threads: of torch; its own choice if None.
        probe: end after the first step, with ``kernels`` and nothing else, where the field has no kernel.
        picture: where to write the fitted image.
    """

    source: str
    method: str
    seed: int
    params: int | None
    steps: int | None
    seconds: float | None
    backend: str = "reference"
    threads: int | None = None
    probe: bool = False
    picture: str | None = None


def chosen(only: Sequence[str]) -> list[str]:
    """The methods with one of the words as their name or, where none is called so, in it; all for no words.

    Raises:
        InputError: a word is in no name.
    """
    names = list(recipes.METHODS)
    for word in only:
        if not any(word in name for name in names):
            raise InputError(f"no method has {word!r} in its name: --list prints them")

    def meant(word: str, name: str) -> bool:
        return word == name if word in names else word in name

    return [name for name in names if not only or any(meant(word, name) for word in only)]


def described(path: Path) -> dict[str, Any]:
    """Name, shape and hash of an image, by which its rows are known.

    Raises:
        InputError: it cannot be read, or has no PSNR.
    """
    image = signals.Image.read(path)
    if image.headline != "psnr":
        raise InputError(f"methods are compared by their PSNR, which needs values in [0, 1]; {path} is linear light")
    about = image.describe()
    return {"image": path.name, "shape": about["shape"], "sha256": about["sha256"]}


def measured(task: Task, module: str = _MODULE) -> Row:
    """``fit`` of a module in a process of its own; a fit that fails gives a row with its ``error``."""
    key: Row = {"method": task.method, "seed": task.seed, "backend": task.backend}
    try:
        return key | ask(module, asdict(task), "the fit")
    except NeuralFieldsError as error:
        return key | {"error": str(error).removeprefix("the fit failed: ")}


def fit(task: Task) -> Row:
    """Fit an image in this process: counts, metrics, the PSNR's course, the spectrum of the error.

    Raises:
        InputError: the image cannot be read, or the method refuses it.
        NeuralFieldsError: the fit diverged.
    """
    image = signals.Image.read(task.source)
    index = torch.randperm(image.size, generator=torch.Generator().manual_seed(1))[:_CURVE_PIXELS]
    some = image.at(index.sort().values)

    def psnr(field: FieldLike) -> float:
        return metrics.psnr(evaluate(field, some.x), some.y)

    with backend_of(task):
        recipe = made(task, image)
        step, course = run(task, recipe, image, psnr)
        if not course:
            return {"kernels": dict(step.state.kernels)}
        values, quality = whole(step, image)
    truth = torch.from_numpy(image.to_float(image.values))
    if task.picture:
        write_image(task.picture, values.clamp(0, 1).numpy(), bits=8)
    return {
        **counts(recipe, image, step),
        "psnr": quality["psnr"],
        "ssim": quality.get("ssim"),
        "curve": [{"seconds": at.seconds, "step": at.step, "psnr": value} for at, value in course],
        "bands": bands(values.clamp(0, 1) - truth, truth),
        "peak_memory_mib": peak_memory_mib(),
    }


def backend_of(task: Task) -> AbstractContextManager[None]:
    """Inside the block the operations use the task's backend, with its threads."""
    if task.threads:
        torch.set_num_threads(task.threads)
    return ops.backend("reference") if task.backend == "reference" else nullcontext()


def made(task: Task, signal: Any) -> Recipe:
    """The method's recipe with a field that depends on the seed alone."""
    torch.manual_seed(task.seed)
    return recipes.METHODS[task.method](signal, params=task.params)


def run(
    task: Task,
    recipe: Recipe,
    signal: Signal,
    look: Callable[[nn.Module], Any],
    moments: int = _MOMENTS,
    first: float = _FIRST_MOMENT,
) -> tuple[Step, list[tuple[Step, Any]]]:
    """Fit to the end of the budget.

    Returns:
        The last step, and what ``look`` saw of the field at moments from the share ``first`` of the budget to its end;
        no moments where the task was to see whether the field has kernels, and it has none.
    """
    due = [first ** (1 - i / (moments - 1)) for i in range(moments)]
    due[-1] = 1.0
    seen: list[tuple[Step, Any]] = []
    step = None
    settings = recipe.settings | {"steps": task.steps, "seconds": task.seconds, "seed": task.seed}
    for step in steps(recipe.field, signal, **settings):
        if task.probe and step.step == 1 and not has_kernels(step.state.kernels):
            return step, []
        if due and step.fraction >= due[0]:
            with step.state.averaged() as field:
                seen.append((step, look(field)))
            due = [share for share in due if share > step.fraction]
    assert step is not None
    step.state.settle()
    return step, seen


def has_kernels(kernels: dict[str, str]) -> bool:
    """Whether any op but the optimizer that all fits share had a kernel."""
    return any(kernel != "reference" for op, kernel in kernels.items() if op != "adam")


def whole(step: Step, image: Image) -> tuple[Tensor, dict[str, float]]:
    """The fitted field's values [height, width, channels], and all that the image measures of them."""
    parts: list[Tensor] = []

    def noted(x: Tensor) -> Tensor:
        parts.append(step.state.field(x))
        return parts[-1]

    quality = image.measure(noted, thorough=True)
    return torch.cat(parts).view(image.shape), quality


def counts(recipe: Recipe, signal: Signal, step: Step) -> Row:
    """What a fit took."""
    return {
        "params": recipe.parameters,
        "batch": min(recipe.batch, signal.size),
        "rates": sorted({group["initial_lr"] for group in step.state.optimizer.param_groups}),
        "steps": step.step,
        "samples": step.samples,
        "fit_seconds": step.seconds,
        "samples_per_step": step.samples / step.step,
        "kernels": dict(step.state.kernels),
        "threads": torch.get_num_threads(),
    }


def bands(error: Tensor, truth: Tensor) -> list[dict[str, float | None]]:
    """Energy of the error over that of the image, per octave of frequencies.

    Frequencies are radial, in cycles per longer side; a band begins at ``cycles``, and the first one takes what lies
    below it too. A Hann window along both axes keeps the jumps at the borders out. None where the image has nothing.

    Args:
        error, truth: [height, width, channels].
    """
    height, width = truth.shape[:2]
    window = torch.hann_window(height, False)[:, None, None] * torch.hann_window(width, False)[:, None]
    mean = truth.mean((0, 1))
    energy = [torch.fft.fft2(window * part, dim=(0, 1)).abs().square().sum(-1) for part in (error, truth - mean)]
    down, right = torch.fft.fftfreq(height)[:, None], torch.fft.fftfreq(width)
    octave = (torch.hypot(down, right) * max(height, width)).clamp(min=1).log2().floor().long().flatten()
    of_error, of_truth = (
        torch.zeros(int(octave.max()) + 1).index_add_(0, octave, part.flatten()).tolist() for part in energy
    )
    return [
        {"cycles": 2**i, "error": mine / its if its > 0 else None}
        for i, (mine, its) in enumerate(zip(of_error, of_truth, strict=True))
    ]


def main() -> int:
    """The child's."""
    return answer(lambda question: fit(Task(**question)))


if __name__ == "__main__":
    sys.exit(main())
