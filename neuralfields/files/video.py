"""Films from pictures: MP4 by PyAV, which is an extra, and GIF."""

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from neuralfields.errors import InputError, MissingExtra
from neuralfields.files.atomic import replacing

VIDEO_SUFFIXES = frozenset({".gif", ".mp4"})
_CODECS = ("libx264", "libopenh264", "mpeg4")  # the first that PyAV's build has
_QUALITY = {"libx264": {"crf": "18"}}
_BITS_PER_SECOND = 8_000_000  # where a codec has no quality
_GIF_FPS = 50.0  # a GIF counts in hundredths of a second, and viewers slow down what is faster


def check_video(path: str | os.PathLike[str], fps: float) -> None:
    """Raise what ``write_video`` would raise before it begins."""
    suffix = Path(path).suffix.lower()
    if suffix not in VIDEO_SUFFIXES:
        raise InputError(f"cannot write a film to {path}: the suffix is one of {' '.join(sorted(VIDEO_SUFFIXES))}")
    most = _GIF_FPS if suffix == ".gif" else 1000.0
    if not 0 < fps <= most:
        raise InputError(f"a {suffix} film has above 0 and at most {most:g} pictures per second, got {fps:g}")
    if suffix == ".mp4":
        _av()


def write_video(path: str | os.PathLike[str], pictures: Iterable[np.ndarray], fps: float = 24.0) -> int:
    """Write pictures of one size as a film, whole or not at all, one at a time; the suffix decides the format.

    Args:
        path: .mp4 (H.264, 4:2:0; of an odd side the last row or column comes twice), or .gif (a loop, 256 colours).
        pictures: [height, width, 3], in [0, 1], one or more.
        fps: pictures per second.

    Returns:
        The number of pictures.

    Raises:
        InputError: the suffix or ``fps`` is another, there are no pictures, or the file cannot be written.
        MissingExtra: PyAV is not installed, for .mp4.
    """
    check_video(path, fps)
    levels = ((picture.clip(0, 1) * 255).round().astype(np.uint8) for picture in pictures)
    first = next(levels, None)
    if first is None:
        raise InputError(f"a film has one picture or more, there are none for {path}")
    write = _write_gif if Path(path).suffix.lower() == ".gif" else _write_mp4
    with replacing(path) as temporary:
        return write(temporary, chain([first], levels), fps)


def _write_gif(path: Path, pictures: Iterator[np.ndarray], fps: float) -> int:
    from PIL import Image

    count = 0

    def reduced() -> Iterator[Image.Image]:
        nonlocal count
        for picture in pictures:
            count += 1
            yield Image.fromarray(picture).quantize(256, dither=Image.Dither.FLOYDSTEINBERG)

    frames = reduced()
    first = next(frames)
    with open(path, "wb") as stream:
        first.save(stream, "GIF", save_all=True, append_images=frames, duration=round(1000 / fps), loop=0)
    return count


def _write_mp4(path: Path, pictures: Iterator[np.ndarray], fps: float) -> int:
    av = _av()
    codec, count = next(name for name in _CODECS if name in av.codecs_available), 0
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = None
        for picture in pictures:
            height, width = picture.shape[:2]
            even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            if stream is None:
                stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
                stream.height, stream.width, stream.pix_fmt = *even.shape[:2], "yuv420p"
                stream.options = _QUALITY.get(codec, {})
                if not stream.options:
                    stream.bit_rate = _BITS_PER_SECOND
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
            count += 1
        if stream is not None:
            container.mux(stream.encode())
    return count


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise MissingExtra("av", "video", "writing MP4") from error
    return av
