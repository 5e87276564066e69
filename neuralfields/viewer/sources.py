"""What ``nf view`` is given: run folders, whether their fits are finished or not, and field files."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from neuralfields.errors import FileFormatError, InputError
from neuralfields.field import Field, from_spec
from neuralfields.fitting import Decay
from neuralfields.protocols import Signal
from neuralfields.storage import RunFolder, load, load_checkpoint
from neuralfields.storage.opening import source_of
from neuralfields.viewer.course import Course
from neuralfields.viewer.items import Item
from neuralfields.viewer.protocol import Point
from neuralfields.viewer.session import Session


def opened(paths: Sequence[Path], *, signal: Path | None = None, trust: Sequence[str] = ()) -> Session:
    """The fields at these paths, side by side.

    A fit that is under way in another process is shown at its last checkpoint, and again at each new one.

    Args:
        paths: run folders and .nf files.
        signal: what all of them were fitted to, where they do not tell, or it has moved.
        trust: packages whose field classes may be imported.

    Raises:
        InputError: one is neither, cannot be read, or has no values yet.
    """
    session = Session(title=", ".join(dict.fromkeys(_name(path) for path in paths)))
    items = []
    for number, (path, name) in enumerate(zip(paths, _names(paths), strict=True)):
        items.append(_item(session, path, name, number, signal, tuple(trust)))
    session.items = tuple(items)
    return session


def _item(session: Session, path: Path, name: str, number: int, given: Path | None, trust: tuple[str, ...]) -> Item:
    if not path.is_dir():
        field, folder = load(path, trust=trust), None
        return _with_signal(session, field, folder, name, number, given)
    folder = RunFolder.open(path)
    info = folder.read_info()
    course = session.fits[number] = Course(_course(folder, info))
    if folder.field_path.exists():
        return _with_signal(session, load(folder.field_path, trust=trust), folder, name, number, given)
    field = _unfinished(folder, info, trust)
    item = _with_signal(session, field, folder, name, number, given)
    watch = _Watch(item, course, folder, trust)
    watch()
    session.watches.append(watch)
    return item


def _with_signal(
    session: Session, field: Field, folder: RunFolder | None, name: str, number: int, given: Path | None
) -> Item:
    """The item with its signal where that is read quickly, or with the means to load it later."""
    if folder is None and given is None:
        return Item(field, name=name, id=number)

    def read() -> Signal:
        return source_of(field, folder, given)

    if field.in_dim != 2:
        return Item(field, name=name, id=number, load=read)
    try:
        return Item(field, read(), name=name, id=number)
    except InputError as error:
        session.notes.append(f"{name}: {error}")
        return Item(field, name=name, id=number)


class _Watch:
    """Looks whether a fit that is not finished has got farther."""

    def __init__(self, item: Item, course: Course, folder: RunFolder, trust: tuple[str, ...]):
        self._item, self._course, self._folder, self._trust = item, course, folder, trust
        self._seen: int | None = None
        self._over = False

    def __call__(self) -> bool:
        if self._over:
            return False
        info = self._folder.read_info()
        self._course.state = "running" if info.get("status") == "running" else "paused"
        if self._folder.field_path.exists():
            return self._finish(info)
        changed = self._folder.checkpoint_path.stat().st_mtime_ns
        if changed != self._seen:
            self._seen = changed
            tensors, step = _values(self._folder)
            self._item.receive(tensors, step, still=True)
            self._catch_up(info)
        return False

    def _finish(self, info: Mapping[str, Any]) -> bool:
        """Take over what the fit has come to, once."""
        field = load(self._folder.field_path, trust=self._trust)
        self._course.state = "done"
        self._item.finish(field, int(info.get("steps", self._item.step)))
        self._catch_up(info)
        self._over = True  # last, so that what fails is tried again
        return True

    def _catch_up(self, info: Mapping[str, Any]) -> None:
        last = self._course.last
        for point in _course(self._folder, info):
            if last is None or point.step > last.step:
                self._course.add(point)


def _unfinished(folder: RunFolder, info: Mapping[str, Any], trust: tuple[str, ...]) -> Field:
    """A field without its values, which are those of the last checkpoint."""
    if not folder.checkpoint_path.exists():
        raise InputError(f"{folder.path} has no values yet ({info.get('status', 'unfinished')}): wait a few seconds")
    try:
        described = {key: value for key, value in info["signal"].items() if key != "path"}
        field = from_spec(info["field"]["spec"], trust=trust)
    except (KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{folder.path}/run.json does not tell its field: {error}") from error
    field.provenance = {"signal": described}
    return field


def _values(folder: RunFolder) -> tuple[dict[str, Tensor], int]:
    """A field's tensors in a checkpoint, their average where one is kept, and the step."""
    tensors, numbers = load_checkpoint(folder.checkpoint_path)
    found: dict[str, Tensor] = {}
    for prefix in ("field.", "average."):
        found |= {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    return found, int(numbers["step"])


def _course(folder: RunFolder, info: Mapping[str, Any]) -> Iterator[Point]:
    """The course of a fit as far as its folder tells."""
    settings = info.get("settings", {})
    recipe = settings.get("recipe", {})
    decay = Decay(**recipe.get("decay", {}))
    rate, batch = recipe.get("optimizer", {}).get("lr", 0.0), recipe.get("batch", 0)
    before = (0, 0.0)
    for entry in folder.read_metrics():
        told: list[Any] = [entry.get(key) for key in ("step", "seconds", "loss")]
        if not all(isinstance(value, int | float) and math.isfinite(value) for value in told):
            continue
        step, seconds, loss = int(told[0]), float(told[1]), float(told[2])
        used = [done / budget for done, key in ((step, "steps"), (seconds, "seconds")) if (budget := settings.get(key))]
        fraction = min(max(used, default=0.0), 1.0)
        took = seconds - before[1]
        speed = batch * (step - before[0]) / took if took > 0 else 0.0
        left = seconds * (1 / fraction - 1) if fraction else None
        psnr = entry.get("psnr", entry.get("psnr_batch"))
        psnr = psnr if isinstance(psnr, int | float) and math.isfinite(psnr) else None
        yield Point(step, seconds, loss, psnr, speed, rate * decay(fraction), left, fraction)
        before = step, seconds


def _name(path: Path) -> str:
    return path.absolute().name.removesuffix(".nf")


def _names(paths: Sequence[Path]) -> list[str]:
    """Names of the paths, with their folders' where they are the same otherwise."""
    names = [_name(path) for path in paths]
    return [name if names.count(name) == 1 else f"{path.absolute().parent.name}/{name}"
            for path, name in zip(paths, names, strict=True)]  # fmt: skip
