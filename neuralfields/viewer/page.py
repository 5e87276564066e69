"""A page with fields in it: one HTML file that anyone can open from disk, nothing loaded from outside."""

import base64
import dataclasses
import gzip
import json
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from neuralfields.errors import InputError
from neuralfields.files.atomic import write_bytes
from neuralfields.viewer.protocol import VERSION, Draw, Fit, Hello, Look, Mode, Shown, Truth

if TYPE_CHECKING:
    from neuralfields.viewer.items import Item

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; media-src blob:; "
    "base-uri 'none'; form-action 'none'"
)
_SIDE = 1024  # pixels of an image's own values that a page holds
_SPACE = 320, 240  # of a picture from one side
_SIDES = 6


@lru_cache(maxsize=1)
def bundle() -> str:
    """The page as it was built: HTML with its style and script inside, that asks a server for what it shows."""
    return (resources.files("neuralfields.viewer") / "static" / "index.html").read_text("utf-8")


def page(
    items: Sequence["Item"],
    *,
    title: str | None = None,
    fits: Sequence[Fit] = (),
    truth: bool = True,
    bits: Literal["int8", "float16"] = "float16",
    waited: Callable[[], bool] = lambda: True,
) -> bytes:
    """The HTML of a page that shows fields without a server.

    Photos of scenes are left out; an image's own values are held at up to 1024 pixels a side. Of a field that the page
    cannot compute it holds pictures: of an image the fit, the signal and the error, of a shape or a scene six sides.

    Args:
        items: the fields, with their signals.
        title: of the page; the first field's name by default.
        fits: how they were fitted, for the plot.
        truth: whether to hold the values of images that were fitted.
        bits: of tables; networks are held in float32.
        waited: whether somebody still waits for it; asked again and again while pictures are drawn.

    Raises:
        InputError: there is nothing to show.
        GivenUp: nobody waits for it.
    """
    if not items:
        raise InputError("a page shows at least one field, got none")
    computed = [item for item in items if item.shown.program is not None]
    stills = [still for item in items if item not in computed for still in _stills(item, truth, waited)]
    truths = [found for item in computed if truth and (found := _truth(item)) is not None]
    known = {found["shown"] for found in truths} | {still["shown"] for still in stills if still["mode"] == "truth"}
    shown = tuple(_alone(item.shown, item.shown.id in known) for item in items)
    hello = Hello(VERSION, title or shown[0].name, shown, False, tuple(fits))
    snapshots = [_snapshot(item, bits) for item in computed]
    held = {"hello": dataclasses.asdict(hello), "snapshots": snapshots, "truths": truths, "stills": stills}
    return _with(held).encode()


def export_page(path: str | os.PathLike[str], items: Sequence["Item"], **options: Any) -> None:
    """Write ``page(items, **options)`` to a file.

    Raises:
        InputError: as ``page``.
    """
    write_bytes(Path(path), page(items, **options))


def _alone(shown: Shown, truth: bool) -> Shown:
    """What a page without a server says of a field."""
    return dataclasses.replace(shown, name=Path(shown.name).name, truth=truth)


def _snapshot(item: "Item", bits: Literal["int8", "float16"]) -> dict[str, Any]:
    snapshot = item.snapshot(bits)
    arrays = [dataclasses.asdict(array) for array in snapshot.arrays]
    return {"shown": item.shown.id, "step": snapshot.step, "arrays": arrays, "base64": _packed(snapshot.data)}


def _truth(item: "Item") -> dict[str, Any] | None:
    """An image's values as a message of the server with its bytes; None where there are none."""
    if item.shown.kind != "image" or not item.shown.truth:
        return None
    told, data = item.truth()
    values = np.frombuffer(data, told.dtype).reshape(told.height, told.width, told.channels)
    factor = -(-max(told.height, told.width) // _SIDE)
    values = _reduced(values, factor)
    height, width, channels = values.shape
    smaller = Truth(told.shown, width, height, channels, told.factor * factor, told.dtype)
    return {"shown": told.shown, "truth": dataclasses.asdict(smaller), "base64": _packed(values.tobytes())}


def _reduced(values: np.ndarray, factor: int) -> np.ndarray:
    """Means of ``factor`` by ``factor`` pixels [height, width, channels]; fewer at the right and at the bottom."""
    if factor == 1:
        return values
    starts = [np.arange(0, side, factor) for side in values.shape[:2]]
    sums = np.add.reduceat(np.add.reduceat(values.astype(np.float64), starts[0], 0), starts[1], 1)
    counts = [np.diff([*start, side]) for start, side in zip(starts, values.shape[:2], strict=True)]
    means = sums / np.multiply.outer(*counts)[..., None]
    return (np.rint(means) if values.dtype == np.uint8 else means).astype(values.dtype)


def _stills(item: "Item", truth: bool, waited: Callable[[], bool]) -> list[dict[str, Any]]:
    """Pictures of a field as JPEG; those of a shape or a scene with the place of the eye."""
    from neuralfields.viewer.frames import draw

    return [
        {
            "shown": item.shown.id,
            "mode": asked.mode,
            "eye": None if asked.pose is None else asked.pose[3::4],
            "base64": _packed(draw(item, asked, 1, waited)[0]),
        }
        for asked in (_sides(item.shown) if item.shown.kind in ("shape", "radiance") else _flat(item.shown, truth))
    ]


def _flat(shown: Shown, truth: bool) -> list[Draw]:
    """The whole picture, or the plane in the middle."""
    width, height = shown.size or (_SIDE // 2, _SIDE // 2)
    shrink = max(1.0, max(width, height) / _SIDE)
    size = max(1, round(width / shrink)), max(1, round(height / shrink))
    modes: tuple[Mode, ...] = ("fit", "truth", "error") if truth and shown.truth else ("fit",)
    return [Draw(0, shown.id, *size, mode, None, None, None, 2, 0.0, Look()) for mode in modes]


def _sides(shown: Shown) -> list[Draw]:
    """From some of the signal's own cameras, or all around."""
    from neuralfields.geometry import Camera

    views = shown.views[:: -(-len(shown.views) // _SIDES)] if shown.views else ()
    poses = [(view.pose, view.focal[1] / view.size[1]) for view in views]
    for side in range(0 if poses else _SIDES):
        camera = Camera.orbit(30 + 360 / _SIDES * side, 20, 4.4, size=_SPACE)
        poses.append((tuple(camera.pose.flatten().tolist()), camera.focal[1] / camera.size[1]))
    return [Draw(0, shown.id, *_SPACE, "colour", None, pose, focal, 2, 0.0, Look()) for pose, focal in poses]


def _packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


def _with(held: dict[str, Any]) -> str:
    """The bundle with what it shows, under a policy that lets nothing be loaded."""
    # Within a script element "</" would end it, and "<!--" begin a comment.
    text = json.dumps(held, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />'
    block = f'<script type="application/json" id="nf-embedded">{text}</script>'
    head, body = bundle().split("<head>", 1)
    before, after = body.rsplit("</body>", 1)
    return f"{head}<head>{policy}{before}{block}</body>{after}"
