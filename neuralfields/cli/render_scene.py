"""The part of ``nf render`` for scenes: pictures, films along a path, the views that were held out."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neuralfields.checks import one_of
from neuralfields.cli.drawing import FPS, check_out, film, written
from neuralfields.cli.opening import source_of
from neuralfields.cli.parser import needs, say
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.files.images import write_image
from neuralfields.files.posed import read_scene
from neuralfields.files.posed.photos import depths_of
from neuralfields.files.video import VIDEO_SUFFIXES
from neuralfields.geometry import Camera, Frame
from neuralfields.render import VIEW_MODES, CameraPath, Surroundings, View, render_view
from neuralfields.storage import RunFolder

_SIZE = 800, 800  # where no photo tells it
_SECONDS = 6.0  # of a film without a path
_STANDING = ("azimuth", "elevation", "distance", "fov")  # where a single picture is taken from
_NUMBERS = (".npy", ".npz")  # files that hold depths and normals themselves, not a picture of them
_LOOKS, _SMALL = 8, 64  # views of a film, and their larger side, that tell how far things are


def draw(field: Field, folder: RunFolder | None, options: argparse.Namespace) -> str:
    """Write what is asked for; a line about it."""
    described = _described(field, folder)
    options.mode = options.mode or "colour"
    options.background = options.background or ("white" if described.get("bounded", True) else "black")
    one_of(VIEW_MODES, mode=options.mode)
    is_film = options.out.suffix.lower() in VIDEO_SUFFIXES
    _check(options, is_film)
    if options.test:
        return _held_out(field, folder, options)
    check_out(options.out, film=is_film, fps=options.fps)
    options.size = options.size or _size(described)
    return written(options.out, options.size, (_film if is_film else _picture)(field, described, options))


def _check(options: argparse.Namespace, is_film: bool) -> None:
    ways = [name for name in ("orbit", "spiral", "test") if getattr(options, name)]
    ways = ["a path", *(f"--{name}" for name in ways)] if options.way else [f"--{name}" for name in ways]
    needs(len(ways) < 2, f"a scene is seen in one way at a time, not by {' and '.join(ways)}")
    if options.test:
        needs(not options.out.suffix, f"--test writes many pictures: give a folder's name, not {options.out}")
        needs(options.size is None, "--test renders the views as large as the photos are: leave --size out")
    if not is_film:
        moves = options.orbit or options.spiral
        needs(not moves, f"{' and '.join(ways)} is a film: end {options.out} in .mp4 or .gif")
        for name in ("frames", "fps"):
            needs(getattr(options, name) is None, f"--{name} is of a film: end {options.out} in .mp4 or .gif")
    else:
        needs(options.background != "transparent", "a film has a background: give --background white or black")
        needs(options.frames is None or options.frames >= 1, f"--frames is 1 or more, got {options.frames}")
    if is_film or options.way or options.test:
        for name in _STANDING:
            needs(getattr(options, name) is None, f"--{name} is of a single picture without a path")


def _picture(field: Field, described: dict[str, Any], options: argparse.Namespace) -> str:
    if options.way:
        camera = CameraPath.read(options.way).frames(1, options.size)[0]
    else:
        given = {name: getattr(options, name) for name in ("elevation", "distance", "fov", "size")}
        camera = _surroundings(field, described, options).camera(options.azimuth or 0.0, **given)
    view = _seen(field, camera, options)
    as_numbers = options.out.suffix.lower() in _NUMBERS and options.mode in ("depth", "normals")
    write_image(
        options.out, _numbers(view, options.mode) if as_numbers else view.picture(options.mode, options.background)
    )
    return options.mode


def _numbers(view: View, mode: str) -> np.ndarray:
    """Distances [height, width, 1] in world units, 0 where nothing is, or normals [height, width, 3] in world axes."""
    found = view.depth[..., None] if mode == "depth" else view.normals
    assert found is not None
    return found.float().cpu().numpy()


def _film(field: Field, described: dict[str, Any], options: argparse.Namespace) -> str:
    if options.way:
        path = CameraPath.read(options.way)
    else:
        found = _surroundings(field, described, options)
        make = found.orbit if options.orbit else found.spiral if options.spiral else found.tour
        path = make(seconds=_SECONDS)
    frames = options.frames or max(1, round(path.seconds * (options.fps or FPS)))
    cameras = path.frames(frames, options.size)
    depths = _depths(field, cameras) if options.mode == "depth" else None
    pictures = (
        _seen(field, camera, options).picture(options.mode, options.background, depths=depths) for camera in cameras
    )
    return film(options, pictures, frames)


def _held_out(field: Field, folder: RunFolder | None, options: argparse.Namespace) -> str:
    """All views that a field is judged by, as pictures in a new folder."""
    scene: Any = source_of(field, folder, options.signal)
    needs(scene.kind == "scene", f"--test renders the views of a scene of photos, {scene.name} is another signal")
    try:
        options.out.mkdir(parents=True)
    except FileExistsError:
        raise InputError(f"{options.out} is there already: give the name of a new folder") from None
    for done, number in enumerate(scene.judged, 1):
        view = _seen(field, scene.cameras[number], options)
        name = f"{number:03d}-{Path(scene.names[number]).stem}.png"
        write_image(options.out / name, view.picture(options.mode, options.background), bits=8)
        if not options.quiet and done * 10 // len(scene.judged) > (done - 1) * 10 // len(scene.judged):
            say(f"view {done} of {len(scene.judged)}")
    return f"{len(scene.judged)} views, {options.mode}"


def _seen(field: Field, camera: Camera, options: argparse.Namespace) -> View:
    return render_view(field, camera, normals=options.mode == "normals")  # type: ignore[arg-type]


def _depths(field: Field, cameras: Sequence[Camera]) -> tuple[float, float] | None:
    """The nearest and the farthest that is seen anywhere along the way, roughly."""
    some = [camera.scaled(min(1.0, _SMALL / max(camera.size))) for camera in cameras[:: -(-len(cameras) // _LOOKS)]]
    found = [reach for camera in some if (reach := render_view(field, camera).reach)]  # type: ignore[arg-type]
    return (min(near for near, _ in found), max(far for _, far in found)) if found else None


def _described(field: Field, folder: RunFolder | None) -> dict[str, Any]:
    """What is known of the photos: ``PosedImages.describe``, with their path where a run knows it."""
    told = folder.read_info().get("signal") if folder else field.provenance.get("signal")
    return told if isinstance(told, dict) else {}


def _surroundings(field: Field, described: dict[str, Any], options: argparse.Namespace) -> Surroundings:
    """Where the photos were taken from; a guess by the box where they are gone."""
    path = options.signal or described.get("path")
    if path is not None and (options.signal or Path(path).exists()):
        photos = read_scene(path).photos
        return Surroundings.of([Camera.of(photo) for photo in photos], depths_of(photos))
    if not options.quiet:
        say("nf render: the photos that tell how to look at the scene are gone: --signal PATH tells where they are")
    return Surroundings.of_box(field.frame or Frame.of_box((-1, -1, -1), (1, 1, 1)))


def _size(described: dict[str, Any]) -> tuple[int, int]:
    """That of the photos."""
    shape = described.get("shape")
    return (int(shape[2]), int(shape[1])) if isinstance(shape, list) and len(shape) == 3 else _SIZE
