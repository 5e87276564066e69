"""One thing that is shown: a field of the viewer's own, its signal, and what a page may ask of the two."""

import copy
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.field import Field, dtype_of
from neuralfields.files import pillow
from neuralfields.protocols import Signal
from neuralfields.signals import Image, PosedImages
from neuralfields.signals.pictures import shrunk
from neuralfields.signals.shape import Shape
from neuralfields.viewer import describing
from neuralfields.viewer.program import Program, Stored
from neuralfields.viewer.protocol import File, Photo, Probed, Shown, Truth
from neuralfields.viewer.worker import Patient

if TYPE_CHECKING:
    from neuralfields.viewer.packing import Bits

_TRUTH_PIXELS = 1 << 22


@dataclass(frozen=True)
class Snapshot:
    """A field's arrays at a step, as ``packing.pack`` gives them."""

    serial: int
    step: int
    arrays: tuple[Stored, ...]
    data: bytes


class Item:
    """A field to be looked at, with the signal it was fitted to.

    Only one thread at a time may ask it for anything; ``receive`` and ``finish`` may be called by others meanwhile.

    Args:
        field: is copied, so that it may change afterwards.
        signal: what it was fitted to, if that is known.
        name: of the field, for people.
        load: gives the signal, where that takes long; see ``complete``.

    Raises:
        InputError: the field cannot be looked at, or the signal is another field's.

    Attributes:
        shown: what a page is told.
        serial: of the newest values, which grows with every change.
        still: whether these are to stay.
    """

    def __init__(
        self,
        field: Field,
        signal: Signal | None = None,
        *,
        name: str,
        id: int = 0,
        load: Callable[[], Signal] | None = None,
    ):
        self.field = copy.deepcopy(field).cpu().eval().requires_grad_(False)
        self.signal, self._load = signal, load
        if signal is not None:
            self._adopt(signal)
        program, reason = _program(self.field)
        self.shown: Shown = describing.describe(self.field, signal, id=id, name=name, program=program, reason=reason)
        self.serial, self.step, self.still = 1, int(self.field.provenance.get("steps", 0)), True
        self._news: tuple[Mapping[str, Tensor], int] | None = None
        self._lock = threading.Lock()

    @property
    def awaited(self) -> bool:
        """Whether values that were received have not been looked at yet."""
        return self._news is not None

    def receive(self, tensors: Mapping[str, Tensor], step: int, *, still: bool) -> None:
        """Take over other values of the field, tensors that nobody changes any more; quick, and from any thread."""
        with self._lock:
            self._news = tensors, step
            self.serial += 1
            self.still = still

    def finish(self, field: Field, step: int) -> None:
        """Take over what has come of a fit, from any thread; to be told anew."""
        kept = self.field
        with self._lock:
            self.field = copy.deepcopy(field).cpu().eval().requires_grad_(False)
            self.field.frame = field.frame or kept.frame
            self._news, self.step = None, step
            self.serial += 1
            self.still = True
        self.shown = replace(self.shown, summary=describing.summary(self.field))

    def complete(self) -> bool:
        """Load the signal if that was put off; whether there is more to tell of the item now.

        Raises:
            InputError: it cannot be read.
        """
        load, self._load = self._load, None
        if load is None:
            return False
        signal = load()
        self._adopt(signal)
        self.signal = signal
        told = {name: getattr(self.shown, name) for name in ("id", "name", "program", "reason")}
        self.shown = replace(describing.describe(self.field, self.signal, **told), summary=self.shown.summary)
        return True

    def _adopt(self, signal: Signal) -> None:
        """Let the field know what it was fitted to, as far as it does not."""
        field = self.field
        if (field.in_dim, field.out_dim) != (signal.in_dim, signal.out_dim):
            raise InputError(
                f"the field goes from {field.in_dim} to {field.out_dim} values, "
                f"the {signal.kind} from {signal.in_dim} to {signal.out_dim}"
            )
        if field.frame is None:
            field.frame = signal.frame
        if "signal" not in field.provenance:
            field.provenance = {**field.provenance, "signal": signal.describe()}

    def current(self) -> Field:
        """The field with the newest values."""
        return self._newest()[0]

    def snapshot(self, bits: "Bits | None" = None) -> Snapshot:
        """The newest values as the page wants them; for items with a program.

        Args:
            bits: of tables; by default few for values that will change, more for those that are to stay.
        """
        from neuralfields.viewer.packing import pack

        assert self.shown.program is not None
        field, serial, step, still = self._newest()
        arrays, data = pack(field, self.shown.program, bits or ("float16" if still else "int8"))
        return Snapshot(serial, step, arrays, data)

    def _newest(self) -> tuple[Field, int, int, bool]:
        """The field with the newest values; their serial, their step, and whether they are to stay."""
        with self._lock:
            field, news, self._news = self.field, self._news, None
            if news is not None:
                self.step = news[1]
            about = self.serial, self.step, self.still
        if news is not None:
            field.load_state_dict(news[0])
        return field, *about

    def probe(self, request: int, x: tuple[float, ...]) -> Probed:
        """The values at a place.

        Raises:
            InputError: the number of coordinates is another, or a value is not finite.
        """
        if len(x) != self.shown.inputs:
            raise InputError(f"{self.shown.name} has {self.shown.inputs} coordinates, got {len(x)}")
        place = torch.tensor([x], dtype=torch.float32)
        values = _exact(self.current(), place)[0]
        if not values.isfinite().all():
            raise InputError(f"{self.shown.name} is not finite at {', '.join(f'{value:g}' for value in x)}")
        return Probed(request, self.shown.id, tuple(values.tolist()), _truth_at(self.signal, place))

    def truth(self) -> tuple[Truth, bytes]:
        """An image's own values, made smaller where it is very large.

        Raises:
            InputError: the signal is no image, or not there.
        """
        if not isinstance(self.signal, Image):
            raise InputError(f"there is no image to compare {self.shown.name} with")
        image = self.signal
        factor = 1
        while -(-image.shape[0] // factor) * -(-image.shape[1] // factor) > _TRUTH_PIXELS:
            factor += 1
        values = image.values
        if factor > 1:
            values = shrunk(values, factor) if values.dtype == np.uint8 else values[::factor, ::factor]
        if values.dtype != np.uint8:
            half = np.finfo(np.float16)
            values = image.to_float(values).clip(half.min, half.max).astype(half.dtype)
        height, width, channels = values.shape
        kind = "uint8" if values.dtype == np.uint8 else "float16"
        told = Truth(self.shown.id, width, height, channels, factor, kind)
        return told, np.ascontiguousarray(values).tobytes()

    def photo(self, view: int) -> tuple[Photo, bytes]:
        """The photograph of one of the views, over the scene's background.

        Raises:
            InputError: there is no such view.
        """
        if not isinstance(self.signal, PosedImages) or view >= len(self.signal.cameras):
            raise InputError(f"{self.shown.name} has no photo number {view}")
        pixels = (255 * self.signal.photo(view)).round().byte().numpy()
        height, width, _ = pixels.shape
        return Photo(self.shown.id, view, width, height), pillow.encode(pixels, "JPEG")

    def mesh(self, resolution: int, waited: Callable[[], bool] = lambda: True) -> tuple[File, bytes]:
        """The surface as a GLB file, in the units of the signal.

        Args:
            resolution: cells along each axis of the box.
            waited: whether somebody still waits for it; asked again and again while it is made.

        Raises:
            InputError: there is none.
            GivenUp: nobody waits for it.
        """
        from neuralfields.storage.export import export_mesh
        from neuralfields.storage.export_scene import export_scene_mesh

        if self.shown.kind not in ("shape", "radiance"):
            raise InputError(f"a mesh is made of a shape or a scene, {self.shown.name} is neither")
        export = export_mesh if self.shown.kind == "shape" else export_scene_mesh
        with tempfile.TemporaryDirectory(prefix="neuralfields-") as folder:
            path = Path(folder) / "mesh.glb"
            field: Any = Patient(self.current(), waited)
            export(field, path, resolution=resolution)
            return File(f"{self.shown.name}.glb", "model/gltf-binary"), path.read_bytes()


def _program(field: Field) -> tuple[Program | None, str | None]:
    """The field as a program for the page, or the reason why there is none."""
    from neuralfields.viewer.describe import NotCovered, program_of

    try:
        return program_of(field), None
    except NotCovered as error:
        return None, str(error)


@torch.no_grad()
def _exact(field: Field, x: Tensor) -> Tensor:
    """Values [n, m] in float32, also where products of matrices may be rounded more."""
    if torch.get_float32_matmul_precision() == "highest":
        return field(x.to(dtype_of(field))).float()
    return copy.deepcopy(field).double()(x.double()).float()


def _truth_at(signal: Signal | None, x: Tensor) -> tuple[float, ...] | None:
    """The signal's values at a place [1, n] in the box, if it has some there."""
    if isinstance(signal, Image) and bool((x.abs() <= 1).all()):
        height, width, _ = signal.shape
        column, row = ((x[0] + 1) / 2 * torch.tensor([width, height])).tolist()
        pixel = signal.values[min(int(row), height - 1), min(int(column), width - 1)]
        return tuple(signal.to_float(pixel).tolist())
    if isinstance(signal, Shape):
        points = x.double().numpy()
        value = signal.inside(points) if signal.form == "occupancy" else signal.distances(points)
        return (float(value[0]),) if np.isfinite(value).all() else None
    return None
