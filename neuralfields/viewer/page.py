"""A page with fields in it: one HTML file that anyone can open from disk, nothing loaded from outside."""

import base64
import dataclasses
import gzip
import json
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from neuralfields.errors import InputError
from neuralfields.files.atomic import write_bytes
from neuralfields.viewer.protocol import VERSION, Hello, Point, Shown, Truth

if TYPE_CHECKING:
    from neuralfields.viewer.items import Item

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; media-src blob:; "
    "base-uri 'none'; form-action 'none'"
)
_SIDE = 1024  # pixels of an image's own values that a page holds


@lru_cache(maxsize=1)
def bundle() -> str:
    """The page as it was built: HTML with its style and script inside, that asks a server for what it shows."""
    return (resources.files("neuralfields.viewer") / "static" / "index.html").read_text("utf-8")


def page(
    items: Sequence["Item"],
    *,
    title: str | None = None,
    course: Sequence[Point] = (),
    truth: bool = True,
    bits: Literal["int8", "float16"] = "float16",
) -> bytes:
    """The HTML of a page that shows fields without a server.

    Photos of scenes are left out; an image's own values are held at up to 1024 pixels a side.

    Args:
        items: the fields, with their signals.
        title: of the page; the first field's name by default.
        course: how a fit went, for the plot.
        truth: whether to hold the values of images that were fitted.
        bits: of tables; networks are held in float32.

    Raises:
        InputError: there is nothing to show, or a field that the page cannot compute.
    """
    if not items:
        raise InputError("a page shows at least one field, got none")
    for item in items:
        if item.shown.program is None:
            raise InputError(f"a page by itself cannot show {item.shown.name}: {item.shown.reason}; nf view draws it")
    truths = [found for item in items if truth and (found := _truth(item)) is not None]
    known = {found["shown"] for found in truths}
    shown = tuple(_alone(item.shown, item.shown.id in known) for item in items)
    hello = Hello(VERSION, title or shown[0].name, shown, False, "done", tuple(course))
    snapshots = [_snapshot(item, bits) for item in items]
    return _with({"hello": dataclasses.asdict(hello), "snapshots": snapshots, "truths": truths}).encode()


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
