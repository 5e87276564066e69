"""A fit that lives in a folder: started from a file, saved as it goes, stopped and resumed at any moment."""

import copy
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch

import neuralfields
from neuralfields import ops, signals, storage
from neuralfields.errors import FileFormatError, InputError, KernelRefused
from neuralfields.field import Field, evaluate, from_spec
from neuralfields.files.images import write_image
from neuralfields.fitting import Fit, State, Step
from neuralfields.fitting.loop import start as start_state
from neuralfields.fitting.loop import steps as fitting_steps
from neuralfields.fitting.result import History, finish
from neuralfields.ops import native
from neuralfields.protocols import Source
from neuralfields.recipes import Recipe
from neuralfields.runs.calibration import calibration
from neuralfields.runs.options import Options, device_named, read_signal, recipe_of, trusted
from neuralfields.storage import RunFolder, check_new, check_space

_LOST_SECONDS = 4.0
_UNSAVED_SECONDS = 1.0
_METRICS_SECONDS = 0.25
_FIRST_PREVIEW_SECONDS = 1.5
_TRIAL_SAMPLES = 64
_UNTIL_FACTOR = 10
FINISHED = ("done", "target missed")
T = TypeVar("T")


class Run:
    """One fit in its folder. Use it as a context manager: the folder is locked inside.

    Get one with ``start`` or ``resume``, drain ``steps`` (or leave early and ``interrupt``), then ``finish``. The
    backend, the threads and the precision that its settings name hold inside too, and no longer.
    """

    def __init__(self, folder: RunFolder, signal: Source, info: dict[str, Any], trust: Sequence[str]):
        self.folder, self.signal, self.info = folder, signal, info
        settings = info["settings"]
        self.device = torch.device(info["device"])
        # Fresh and resumed runs build the field in the same way, so that they begin with the same parameters.
        torch.manual_seed(info["seed"])
        field = from_spec(info["field"]["spec"], trust=trust)
        self.recipe = Recipe.from_json(settings["recipe"], field.to(self.device))
        recipe = self.recipe
        started = {name: getattr(recipe, name) for name in ("objective", "optimizer", "ema", "sampler")}
        self.state: State = start_state(field, **started)
        self._stack = ExitStack()
        self._saved_at = self._logged_at = time.monotonic()
        self._write_seconds = 0.0
        self._keep = True  # until the lock is held and tells that nothing worth keeping is there

    def __enter__(self) -> "Run":
        self._stack.enter_context(self.folder.lock())
        try:
            self._keep = self.folder.checkpoint_path.exists() or self.folder.field_path.exists()
            if self.folder.read_info().get("status") in FINISHED:
                raise InputError(f"{self.folder.path} has just been finished by another process")
            self._stack.enter_context(_threads(self.info["threads"]))
            self._stack.enter_context(_precision(self.info["settings"]["precision"]))
            self.folder.clean_temporaries()
            if self.folder.checkpoint_path.exists():
                self.state.restore(*storage.load_checkpoint(self.folder.checkpoint_path))
            self.folder.rewind_metrics(self.state.step)
            self._stack.enter_context(ops.wherever(self._backend))
            self._set(status="running")
        except BaseException:
            self._stack.close()
            if not self._keep:
                self.folder.discard()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if isinstance(error, KeyboardInterrupt) and self._keep:
                self._set(status="interrupted")
            elif error is not None and self._keep:
                self._set(status="failed", reason=f"{kind.__name__ if kind else ''}: {error}")
        except InputError:
            pass  # a full disk, say: the error under way tells it
        finally:
            self._stack.close()
            if error is not None and not self._keep:
                self.folder.discard()

    @property
    def _backend(self) -> str | None:
        return self.info["settings"]["backend"]

    @property
    def until_psnr(self) -> float | None:
        return self.info["settings"]["until_psnr"]

    def steps(self) -> Iterator[Step]:
        """Fit, writing metrics and checkpoints so that a kill never costs more than 5 seconds."""
        settings = self.info["settings"]
        budget = {name: settings[name] for name in ("steps", "seconds", "until_psnr")}
        kept = {name: getattr(self.recipe, name) for name in ("batch", "decay", "ema")}
        arguments = kept | budget | {"seed": self.info["seed"], "state": self.state}
        self._saved_at = self._logged_at = began = previous = time.monotonic()
        previewed = False
        for step in fitting_steps(self.state.field, self.signal, **arguments):
            now = time.monotonic()
            if now - self._logged_at > _METRICS_SECONDS or step.fraction >= 1:
                self.folder.append_metrics(_entry(step))
                self._logged_at = now
            if not previewed and now - began > _FIRST_PREVIEW_SECONDS:
                self._preview()
                previewed = True
            # What is lost at worst: this interval, one more step, and the time that writing takes. On a disk so slow
            # that the limit cannot be kept, half of the time at least goes into fitting.
            since = now - self._saved_at
            due = since + 2 * (now - previous) + self._write_seconds > _LOST_SECONDS
            if due and since > 2 * self._write_seconds:
                self.save()
            previous = time.monotonic()
            yield step

    def save(self) -> None:
        """Write a checkpoint and a preview."""
        began = time.monotonic()
        storage.save_checkpoint(self.folder.checkpoint_path, self.state.tensors(), self.state.numbers())
        self._keep = True
        self._preview()
        self._saved_at, self._write_seconds = began, time.monotonic() - began

    def interrupt(self) -> None:
        """Leave the run so that it can be resumed at this very step."""
        self.save()
        self._set(status="interrupted", steps=self.state.step, fit_seconds=self.state.seconds)

    def finish(self, *, thorough: bool = True) -> Fit:
        """Measure the quality, write field.nf and the rest of run.json, and remove the checkpoint.

        ``thorough`` as for ``Signal.measure``.
        """
        if time.monotonic() - self._saved_at > _UNSAVED_SECONDS:
            self.save()  # a kill while a large signal is measured must not cost the last steps too
        clock = time.monotonic()
        if self.recipe.dtype == "float16":
            # What is measured is what will be stored.
            self.state.settle()
            self.state.field.half().float()
            self.state.average = {}
        with _precision("highest"):  # as nf eval measures
            fit = finish(self.state, self.signal, History(), until_psnr=self.until_psnr, thorough=thorough)
        evaluated = time.monotonic()
        field = fit.field
        assert isinstance(field, Field)
        field.provenance = {**field.provenance, "seed": self.info["seed"], "version": neuralfields.__version__}
        storage.save(field, self.folder.field_path, dtype=self.recipe.dtype)  # type: ignore[arg-type]
        self._keep = True
        self._preview()
        size = self.folder.field_path.stat().st_size
        self._set(
            steps=fit.steps,
            fit_seconds=fit.seconds,
            samples_per_second=fit.samples_per_second,
            parameters=fit.parameters,
            bytes=size,
            kernels=self.state.kernels,
            metrics={**fit.metrics, **self.signal.cost(size)},
            **calibration(self.folder.path, self.signal, self.state.objective),
            other_seconds={**self.info["other_seconds"], "evaluate": evaluated - clock},
            status="target missed" if fit.reached is False else "done",
        )
        self.folder.checkpoint_path.unlink(missing_ok=True)
        return fit

    def _preview(self) -> None:
        with self.state.averaged() as field:
            pixels = self.signal.preview(field)  # type: ignore[arg-type]
        write_image(self.folder.preview_path("latest.png"), pixels, bits=8)

    def _set(self, **changes: Any) -> None:
        self.info |= changes
        self.folder.write_info(self.info)


@contextmanager
def _inside(now: T, get: Callable[[], T], put: Callable[[T], None]) -> Iterator[None]:
    """Inside the block a setting of torch is ``now``."""
    before = get()
    put(now)
    try:
        yield
    finally:
        put(before)


def _precision(name: str) -> AbstractContextManager[None]:
    return _inside(name, torch.get_float32_matmul_precision, torch.set_float32_matmul_precision)


def _threads(count: int) -> AbstractContextManager[None]:
    return _inside(count, torch.get_num_threads, torch.set_num_threads)


def start(
    path: str | os.PathLike[str],
    options: Options | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Run:
    """Begin a fit of the signal at ``path`` in a new folder, ``runs/<its name>`` unless ``out`` names it.

    ``tell`` is called with a line about what takes long before the first step.

    Raises:
        InputError: the signal cannot be read, an option is unknown or contradicts another, the folder cannot be made
            or lacks space. Nothing is left behind then.
        KernelRefused: the backend asked for by name cannot do it; nothing has been made then.
    """
    options = options or Options()
    if out is not None and utf8(str(out)) != str(out):
        raise InputError(f"--out {out} is not UTF-8: choose another name")
    check_new(out)
    clock = time.monotonic()
    signal = read_signal(path, options)
    took = {"read": time.monotonic() - clock}
    if options.until_psnr and signal.headline != "psnr":
        what = f"{path} is measured by {signal.headline}"
        raise InputError(f"--until-psnr needs values in [0, 1], {what}: give --steps or --seconds")
    recipe = recipe_of(signal, options)
    took["sample"] = _sampled(signal, tell)
    took["prepare"] = _prepare(options.backend, recipe, signal, device_named(options.device))
    steps = options.steps
    if steps is None and options.seconds is None:
        steps = recipe.steps * (_UNTIL_FACTOR if options.until_psnr else 1)
    info = {
        "version": neuralfields.__version__,
        "signal": {**signal.describe(), "path": str(Path(path).absolute())},
        "field": {"spec": recipe.field.spec},
        "settings": {
            "recipe": recipe.to_json(),
            "steps": steps,
            "seconds": options.seconds,
            "until_psnr": options.until_psnr,
            "backend": options.backend,
            "precision": options.precision or recipe.precision,
            "trust": trusted(options),
        },
        "seed": options.seed,
        "parameters": recipe.parameters,
        "device": device_named(options.device),
        "threads": options.threads or torch.get_num_threads(),
        "other_seconds": took,
        "status": "running",
    }
    # Two checkpoints (values, two moments, counters, an average) and the field at once: the fit must be finished.
    check_space(out or "runs", 40 * recipe.parameters + (1 << 20))
    folder = RunFolder.create(utf8(Path(signal.name).stem), info, out=out)
    try:
        return Run(folder, signal, info, info["settings"]["trust"])
    except BaseException:
        folder.discard()
        raise


def resume(
    path: str | os.PathLike[str],
    *,
    threads: int | None = None,
    trust: Sequence[str] = (),
    tell: Callable[[str], None] = lambda text: None,
) -> Run:
    """Go on with the fit in a run folder, exactly where its last checkpoint was.

    Args:
        path: the folder.
        threads: of torch; those of the run if None, which is what makes the result the same bit for bit.
        trust: packages whose field classes may be imported.
        tell: as for ``start``.

    Raises:
        InputError: it is no run folder, the fit is finished, its signal is missing or has changed since, or its field
            is of a package that is not trusted.
        KernelRefused: its backend cannot do it here.
    """
    folder = RunFolder.open(path)
    info = folder.read_info()
    try:
        status, source, described = info["status"], info["signal"]["path"], info["signal"]
        if status in FINISHED:
            folder.checkpoint_path.unlink(missing_ok=True)  # a kill may have come before it was removed
            raise InputError(f"{path} is finished ({info['steps']} steps): there is nothing to resume")
        if info["device"] == "cuda" and not torch.cuda.is_available():
            raise InputError(f"{path} was begun on a CUDA device, and torch sees none here")
        settings, recipe = info["settings"], info["settings"]["recipe"]
        settings.update({"precision": "highest", "backend": None} | settings)  # runs of earlier versions have neither
        Options(
            **{name: settings[name] for name in ("steps", "seconds", "until_psnr", "precision")},
            **{name: recipe[name] for name in ("batch", "ema")},
            seed=info["seed"],
            backend=settings["backend"],
            threads=threads or info["threads"],
        )
        signal = signals.read_again(source, described)
        if signal.describe()["sha256"] != described["sha256"]:
            raise InputError(f"{source} has changed since {path} was begun: it cannot be resumed")
        info = {**info, "signal": {**signal.describe(), "path": source}, "threads": threads or info["threads"]}
        run = Run(folder, signal, info, trust)
        took = info.get("other_seconds", {})  # runs of earlier versions have none
        run.info["other_seconds"] = {**took, "sample": took.get("sample", 0.0) + _sampled(signal, tell)}
        _prepare(settings["backend"], run.recipe, signal, info["device"])
        return run
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileFormatError(f"{path}/run.json lacks what a resume needs: {error}") from error


def _sampled(signal: Source, tell: Callable[[str], None]) -> float:
    """Make the signal's samples, after a line about it; the seconds it took."""
    clock = time.monotonic()
    if signal.awaited:
        tell(f"{signal.name} {signal.extent}: {signal.awaited}")
    signal.prepare()
    return time.monotonic() - clock


def utf8(name: str) -> str:
    """A file name as one that safetensors can open."""
    return os.fsencode(name).decode(errors="replace").replace("\ufffd", "_")


def _prepare(backend: str | None, recipe: Recipe, signal: Source, device: str) -> float:
    """Load the native core, which may have to be compiled, and try a backend asked for by name; the seconds it took.

    The trial is one small step and one evaluation of a copy: what the backend refuses is refused here.

    Raises:
        KernelRefused: with the reason.
    """
    clock = time.monotonic()
    if backend == "reference":
        return 0.0
    native.reason()
    if backend is not None:
        _try(backend, recipe, signal, device)
    return time.monotonic() - clock


def _try(backend: str, recipe: Recipe, signal: Source, device: str) -> None:
    field = copy.deepcopy(recipe.field).to(device)
    settings = {"objective": recipe.objective, "optimizer": recipe.optimizer, "steps": 1, "batch": _TRIAL_SAMPLES}
    with ops.wherever(backend):
        kernels = next(fitting_steps(field, signal, **settings)).state.kernels
        evaluate(field, next(signal.chunks(_TRIAL_SAMPLES)).x.to(device))
    if backend not in kernels.values():
        found = ", ".join(f"{name} by {used}" for name, used in kernels.items()) or "no operation of it has kernels"
        raise KernelRefused(f"{backend} has no part in this fit: {found}")


def _entry(step: Step) -> dict[str, Any]:
    entry: dict[str, Any] = {"step": step.step, "seconds": round(step.seconds, 4), "loss": step.loss}
    if step.psnr is not None and math.isfinite(step.psnr):
        entry["psnr_batch"] = step.psnr
    if step.checked:
        entry["psnr"] = step.checked["psnr"]
    return entry | {"terms": dict(step.terms)}
