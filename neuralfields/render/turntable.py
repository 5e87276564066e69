"""A shape that turns."""

from collections.abc import Iterator

import numpy as np

from neuralfields.checks import between, one_of
from neuralfields.render.framing import around, extent, reach
from neuralfields.render.shading import BACKGROUNDS, MODES, Background, Mode, check_pixels, render_surface
from neuralfields.render.surface import Surface

MAX_FRAMES = 10_000


def turntable(
    surface: Surface,
    *,
    frames: int = 72,
    azimuth: float = 30.0,
    elevation: float = 20.0,
    distance: float | None = None,
    up: str = "y",
    fov: float = 30.0,
    size: tuple[int, int] = (800, 800),
    mode: Mode = "shaded",
    background: Background = "white",
    samples: int = 8,
) -> Iterator[np.ndarray]:
    """Pictures of a camera that goes once around a shape, to the right, at one distance and one elevation.

    The last picture is one step short of the first, so that they can be shown as a loop. In "depth" all pictures have
    the same scale.

    Args:
        surface: what to draw.
        frames: pictures, 2 to 10000.
        azimuth: degrees, of the first picture.
        elevation: see ``render.framed``, as the other arguments to size.
        distance: by default as near as possible for all of the shape to be in every picture.
        up: "y" or "z".
        fov: degrees.
        size: (width, height) of a picture.
        mode: as for ``render.render_surface``, as background and samples.
        background: one of BACKGROUNDS.
        samples: rays per pixel at edges.

    Returns:
        An iterator that makes one picture at a time, as ``render.render_surface`` does.

    Raises:
        InputError: an argument is out of its range.
    """
    between(2, MAX_FRAMES, frames=frames)
    one_of(MODES, mode=mode)
    one_of(BACKGROUNDS, background=background)
    check_pixels(size)
    azimuths = [azimuth + 360 * frame / frames for frame in range(frames)]
    points = extent(surface)
    cameras = around(points, azimuths, elevation, distance=distance, up=up, fov=fov, size=size)
    depths = reach(points, cameras) if mode == "depth" else None
    return (
        render_surface(surface, camera, mode=mode, background=background, samples=samples, depths=depths)
        for camera in cameras
    )
