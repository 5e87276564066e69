"""What server and page say to each other. The page's types are generated from these classes.

Text messages are JSON objects with ``type``. Messages with bytes are binary: the length of the JSON as a 32-bit
little-endian number, the JSON padded with spaces to a multiple of 8 bytes less 4, the bytes. Coordinates are the
box's, numbers are finite. A message with ``replaces`` in its docstring takes the place of an unsent older one.

The server's address ends in ``#token=...``. ``POST /session`` with the JSON ``{"token": "..."}`` gives 204 and a cookie
for it, 403 otherwise; ``GET /session`` gives 204 where the cookie is there, 401 otherwise. Then the WebSocket ``/live``
opens. It closes with 1013 where too many pages are open, 1008 after too many bad messages, 1009 after one longer than
16 kB, 1012 when the server ends; the reason is a line for the user.
"""

from dataclasses import dataclass
from typing import Literal

from neuralfields.viewer.program import Program, Stored

VERSION = 2
MOST_POINTS = 1024  # of a fit's course, and the newest; even

Kind = Literal["image", "shape", "radiance", "slices"]
FitState = Literal["running", "paused", "stopping", "done"]
Action = Literal["pause", "resume", "step", "save", "stop"]
Mode = Literal["fit", "truth", "split", "error", "gradient", "colour", "depth", "normal", "opacity"]
MapName = Literal["viridis", "inferno", "cividis", "grey"]
Backdrop = Literal["studio", "white", "black", "checker"]


@dataclass(frozen=True)
class View:
    """A camera of a signal, in box coordinates: OpenGL's convention, looks along -z, y up.

    ``pose`` is camera to box, [3, 4] row by row; focal lengths and centre in pixels; lens distortion is left out.
    """

    name: str
    pose: tuple[float, ...]
    focal: tuple[float, float]
    centre: tuple[float, float]
    size: tuple[int, int]
    held_out: bool


@dataclass(frozen=True)
class March:
    """How ``fields.Marched`` samples rays.

    The occupancy grid is the array ``occupied`` of the snapshots, one bit a cell, x fastest.
    """

    cells: int
    step: float
    cone: float
    near: float
    stop: float
    unbounded: bool


@dataclass(frozen=True)
class Shape:
    """How a surface is found: value < ``level`` is inside if ``inside_below``, and ``steepness`` bounds the slope.

    ``metric``: values are distances in box units, so that rays may step by them.
    """

    level: float
    inside_below: bool
    metric: bool
    steepness: float


@dataclass(frozen=True)
class World:
    """From the box to the signal's own units: ``matrix`` [n, n], row by row, times the coordinates, plus ``offset``."""

    matrix: tuple[float, ...]
    offset: tuple[float, ...]
    unit: str


@dataclass(frozen=True)
class Shown:
    """Something that can be looked at: a field with its signal, or a field alone.

    ``program`` is None where the shader generator does not cover the field; ``reason`` says why, and the server draws.
    ``size`` are an image's pixels, width and height; other signals may have a ``world``. ``truth``: whether the signal
    can be asked for.
    """

    id: int
    name: str
    kind: Kind
    inputs: int
    outputs: int
    channels: tuple[str, ...]
    size: tuple[int, int] | None
    linear: bool
    truth: bool
    program: Program | None
    reason: str | None
    march: March | None
    shape: Shape | None
    world: World | None
    views: tuple[View, ...]
    parameters: int
    summary: str


@dataclass(frozen=True)
class Point:
    """A moment of a fit. ``psnr`` of the last batch; rates in samples per second; ``left`` in seconds.

    ``stays``: whether it is a part of the course from then on, or gives way to the next. A course that has more than
    ``MOST_POINTS`` of those that stay loses every second.
    """

    step: int
    seconds: float
    loss: float
    psnr: float | None
    rate: float
    learning_rate: float
    left: float | None
    fraction: float
    stays: bool = True


# From the server.


@dataclass(frozen=True)
class Fit:
    """How something that is shown is fitted, or was; ``course`` is thinned."""

    shown: int
    state: FitState
    course: tuple[Point, ...]


@dataclass(frozen=True)
class Hello:
    """The first message, and again when what is shown changes. ``live``: whether a fit can be controlled."""

    version: int
    title: str
    shown: tuple[Shown, ...]
    live: bool
    fits: tuple[Fit, ...]
    type: Literal["hello"] = "hello"


@dataclass(frozen=True)
class Progress:
    """Where a fit is. Replaces the one before of the same."""

    shown: int
    point: Point
    state: FitState
    type: Literal["progress"] = "progress"


@dataclass(frozen=True)
class Weights:
    """A snapshot of a field's arrays, bytes as ``arrays`` say. Acknowledged by ``Ack``. Replaces the one before."""

    shown: int
    serial: int
    step: int
    arrays: tuple[Stored, ...]
    type: Literal["weights"] = "weights"


@dataclass(frozen=True)
class Truth:
    """An image signal's values, as float16 or uint8 samples [height, width, channels], reduced by ``factor``."""

    shown: int
    width: int
    height: int
    channels: int
    factor: int
    dtype: Literal["uint8", "float16"]
    type: Literal["truth"] = "truth"


@dataclass(frozen=True)
class Photo:
    """A view's photograph as JPEG."""

    shown: int
    view: int
    width: int
    height: int
    type: Literal["photo"] = "photo"


@dataclass(frozen=True)
class Frame:
    """A picture that the server has drawn, as JPEG, in answer to ``Draw``; ``factor`` times coarser than asked for.

    ``legend``: the amounts at the lower and the upper end of its colour map, if it has one and they are known.
    """

    request: int
    shown: int
    factor: int
    last: bool
    milliseconds: float
    legend: tuple[float, float] | None
    type: Literal["frame"] = "frame"


@dataclass(frozen=True)
class Probed:
    """The field's value at a place in float32, and the signal's, if it has one there."""

    request: int
    shown: int
    value: tuple[float, ...]
    truth: tuple[float, ...] | None
    type: Literal["probed"] = "probed"


@dataclass(frozen=True)
class File:
    """Bytes to be saved by the browser under a name: a mesh, a page."""

    name: str
    media: str
    type: Literal["file"] = "file"


@dataclass(frozen=True)
class Note:
    """A line for the user."""

    level: Literal["info", "error"]
    text: str
    type: Literal["note"] = "note"


# From the page.


@dataclass(frozen=True)
class Ack:
    """A snapshot has arrived, and two frames of the screen have passed since."""

    shown: int
    serial: int
    type: Literal["ack"] = "ack"


@dataclass(frozen=True)
class Watch:
    """What is looked at from now on: but for notes and where fits are, nothing else is sent unasked.

    Until the first one no weights are sent, and a ``Draw`` is answered. ``weights``: ids of what the page draws itself.
    ``pictures``: whether it shows those that the server draws; if not, a ``Draw`` before it stands no longer, and one
    after it waits until it does.
    """

    weights: tuple[int, ...]
    pictures: bool
    type: Literal["watch"] = "watch"


@dataclass(frozen=True)
class Ask:
    """Wants the truth of an image (``view`` None) or the photo of a view."""

    shown: int
    view: int | None
    type: Literal["ask"] = "ask"


@dataclass(frozen=True)
class Look:
    """How values become colours in a picture that the server draws.

    ``channel``: one as grey, or None for all as colours. ``exposure``: stops by which values are brightened. ``map``:
    of errors, slopes and depths. ``scale``: the amount at the upper end of the map, found from the picture if None.
    """

    channel: int | None = None
    exposure: float = 0.0
    map: MapName = "inferno"
    scale: float | None = None
    backdrop: Backdrop = "white"


@dataclass(frozen=True)
class Draw:
    """Wants a picture drawn by the server, coarse first. Replaces the one before.

    It stands until a ``Watch`` ends it: while the field is fitted, it is drawn again with the same ``request``.

    ``window`` of the plane: left, top, right, bottom. ``pose`` [3, 4] and ``focal`` (of the height, in heights) of a
    camera, as in ``View``. ``axis`` and ``at``: the plane of ``slices``, the axis across it and its place there.
    """

    request: int
    shown: int
    width: int
    height: int
    mode: Mode
    window: tuple[float, ...] | None
    pose: tuple[float, ...] | None
    focal: float | None
    axis: int
    at: float
    look: Look
    type: Literal["draw"] = "draw"


@dataclass(frozen=True)
class Probe:
    """Wants the value at a place."""

    request: int
    shown: int
    x: tuple[float, ...]
    type: Literal["probe"] = "probe"


@dataclass(frozen=True)
class Control:
    """Wants the fit to do something."""

    action: Action
    type: Literal["control"] = "control"


@dataclass(frozen=True)
class Export:
    """Wants a file: the surface as a mesh of ``resolution`` cells, or the page with the fields in it."""

    shown: int
    what: Literal["mesh", "page"]
    resolution: int
    type: Literal["export"] = "export"


FromServer = Hello | Progress | Weights | Truth | Photo | Frame | Probed | File | Note
FromPage = Ack | Watch | Ask | Draw | Probe | Control | Export
