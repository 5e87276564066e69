"""What a scene of posed photos is like, and what is wrong with it, in words and numbers."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.files.posed import PosedPhoto, PosedScene, read_scene
from neuralfields.files.posed.photos import first_names
from neuralfields.geometry import Camera, Cameras
from neuralfields.geometry.survey import Survey, share_seen, survey
from neuralfields.render import CameraGroup, camera_map
from neuralfields.signals.photos import divided

_FORMATS = {"blender": "Blender", "nerfstudio": "nerfstudio, instant-ngp", "colmap": "COLMAP", "llff": "LLFF"}
_NAMED = 5  # photos that a finding names
_HARDLY = 0.05  # share of the points in a picture below which poses and points disagree
_NARROW, _WIDE = 5.0, 150.0  # degrees; views beyond are hardly meant
_LEVEL = 0.3  # length of the mean of what is up in pictures, below which they are turned in all ways
_UPRIGHT = 0.99  # share of an axis from which on a direction is called by its name
_POINTS = 20_000


@dataclass(frozen=True, eq=False)
class SceneCheck:
    """A scene that was looked at.

    Attributes:
        scene: as its files tell it.
        cameras: of its photos, in their order.
        survey: what they do together.
        held_out: numbers of the photos that a fit is judged by.
        told: whether the files tell which these are.
        findings: what is wrong, or odd, a line each.
    """

    scene: PosedScene
    cameras: Cameras
    survey: Survey
    held_out: tuple[int, ...]
    told: bool
    findings: tuple[str, ...]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "SceneCheck":
        """Read a scene and look at it.

        Raises:
            InputError: it is none, or no photo of it can be used.
        """
        scene = read_scene(path)
        cameras = Cameras([Camera.of(photo) for photo in scene.photos])
        found = survey(cameras)
        held_out, wrong = _held_out(scene)
        findings = (*scene.warnings(_NAMED), *wrong, *_findings(scene, cameras, found, held_out))
        return cls(scene, cameras, found, held_out, "test" in scene.splits, findings)

    @property
    def name(self) -> str:
        return self.scene.folder.resolve().name

    def lines(self) -> list[str]:
        """All of it, for people."""
        scene, found = self.scene, self.survey
        width, height = found.angles.mean(0).tolist()
        rows = {
            "pictures": f"{len(scene.photos)} of {_sizes(scene.photos)} pixels",
            "focal length": f"{_span([f for photo in scene.photos for f in photo.focal])} pixels",
            "field of view": f"{width:.1f} x {height:.1f} degrees",
            "lens": _lenses(scene.photos),
            "cameras": self._places(),
            "looking": self._focus(),
            "near and far": self._depths(),
            "held out": self._split(),
            "points": "none" if scene.points is None else f"{len(scene.points)}",
        }
        if times := [photo.time for photo in scene.photos if photo.time is not None]:
            rows["times"] = f"{min(times):.3g} to {max(times):.3g}"
        told = [f"  {name:<15}{text}" for name, text in rows.items()]
        return [f"{self.name}: {_FORMATS[scene.format]}", *told, *(f"! {finding}" for finding in self.findings)]

    def picture(self) -> np.ndarray:
        """The cameras from above and from the side, [height, width, 3] uint8."""
        found, count = self.survey, len(self.cameras)
        odd = {*found.far_off, *found.dark}
        odd |= set(found.outwards) if 2 * len(found.outwards) <= count else set()
        held_out = set(self.held_out)
        for_validation = {number for number, photo in enumerate(self.scene.photos) if photo.split == "val"} - held_out
        groups = [
            CameraGroup("for training", sorted(set(range(count)) - held_out - for_validation - odd)),
            CameraGroup("held out", sorted(held_out - odd)),
            CameraGroup("odd", sorted(odd)),
            CameraGroup("for validation", sorted(for_validation - odd)),
        ]
        points = None if self.scene.points is None else torch.from_numpy(self.scene.points)
        return camera_map(
            self.cameras,
            groups,
            up=found.up,
            focus=found.focus,
            points=points,
            colours=self.scene.colours,
            title=f"{self.name}: {count} views",
        )

    def to_json(self) -> dict[str, Any]:
        """The same as plain values."""
        scene, found = self.scene, self.survey
        return {
            "path": str(scene.folder),
            "format": scene.format,
            "views": len(scene.photos),
            "sizes": [[*size, count] for size, count in Counter(photo.size for photo in scene.photos).most_common()],
            "focal": np.mean([photo.focal for photo in scene.photos], 0).tolist(),
            "field_of_view": found.angles.mean(0).tolist(),
            "lenses": [[lens, count] for lens, count in Counter(photo.lens for photo in scene.photos).most_common()],
            "extent": list(found.extent),
            "spread": found.spread,
            "up": found.up.tolist(),
            "focus": None if found.focus is None else found.focus.tolist(),
            "distance": found.distance,
            "off_axis": found.off_axis,
            "near_far": self._near_far(),
            "splits": dict(Counter(photo.split or "" for photo in scene.photos)),
            "held_out": [scene.name_of(scene.photos[number]) for number in self.held_out],
            "points": 0 if scene.points is None else len(scene.points),
            "left_out": [{"name": name, "reason": reason} for name, reason in scene.left_out],
            "findings": list(self.findings),
        }

    def _places(self) -> str:
        found = self.survey
        sides = " x ".join(f"{side:.3g}" for side in found.extent)
        up = found.up.abs().argmax()
        sign = "-" if found.up[up] < 0 else "+"
        above = f"{sign}{'xyz'[up]}" if found.up[up].abs() > _UPRIGHT else _place(found.up)
        return f"in {sides} units, axes up to {found.spread:.0f} degrees apart, up is {above}"

    def _focus(self) -> str:
        found = self.survey
        if found.focus is None or found.distance is None:
            return "at no one point: their axes are parallel"
        least, mean, most = found.distance
        away = f"{mean:.3g} units away ({least:.3g} to {most:.3g})"
        return f"at {_place(found.focus)}, {away}, {found.off_axis:.1f} degrees off their axes on average"

    def _near_far(self) -> tuple[float, float] | None:
        near = [photo.near for photo in self.scene.photos if photo.near is not None]
        far = [photo.far for photo in self.scene.photos if photo.far is not None]
        return (min(near), max(far)) if near and far else None

    def _depths(self) -> str:
        found = self._near_far()
        return f"{found[0]:.3g} to {found[1]:.3g} units" if found else "not told"

    def _split(self) -> str:
        count = f"{len(self.held_out)} of {len(self.scene.photos)}"
        if self.told:
            return f"{count}, told by the files"
        return f"{count}, every eighth by name (the files tell none)" if self.held_out else "none"


def _findings(scene: PosedScene, cameras: Cameras, found: Survey, held_out: Sequence[int]) -> Iterator[str]:
    name = [scene.name_of(photo) for photo in scene.photos]

    def listed(what: str, numbers: Sequence[int]) -> Iterator[str]:
        if numbers:
            yield f"{what} ({len(numbers)}): {first_names([name[number] for number in numbers], _NAMED)}"

    yield from _depth(scene, found, held_out)
    if 2 * len(found.outwards) > len(cameras):
        how_many = f"{len(found.outwards)} of {len(cameras)} cameras"
        yield f"{how_many} look away from each other: they stand in the midst of the scene, or poses are inverted"
    else:
        yield from listed("cameras that look away from what the others look at", found.outwards)
    yield from listed("cameras far from all others", found.far_off)
    yield from listed("views with a lens that lets no light reach their corners", found.dark)
    if len(cameras) > 2 and float(cameras.pose[:, :, 1].mean(0).norm()) < _LEVEL:
        yield "no direction is upwards in most pictures: some may be upside down"
    odd = ((found.angles < _NARROW) | (found.angles > _WIDE)).any(1).nonzero()[:, 0].tolist()
    yield from listed(f"views of less than {_NARROW:g} or more than {_WIDE:g} degrees", odd)
    if scene.points is not None and (share := share_seen(cameras, torch.from_numpy(scene.points[:_POINTS]))) < _HARDLY:
        yield f"a picture shows {100 * share:.1f} % of the points on average: poses and points disagree"


def _depth(scene: PosedScene, found: Survey, held_out: Sequence[int]) -> Iterator[str]:
    """What keeps a fit from learning how far things are, and from being judged fairly."""
    many = len(scene.photos)
    if many == 1:
        yield "there is a single view: nothing tells depth"
    elif not max(found.extent) > 0:
        yield f"all {many} cameras stand at one place: nothing tells depth"
    elif found.duplicates and not any(photo.time is not None for photo in scene.photos):
        name = [scene.name_of(photo) for photo in scene.photos]
        names = [f"{name[a]} = {name[b]}" for a, b in found.duplicates]
        yield f"views with the pose of another ({len(names)}): {first_names(names, _NAMED)}"
        leaks = sum((a in held_out) != (b in held_out) for a, b in found.duplicates)
        if leaks:
            yield f"of {leaks} such pairs one is held out and one trained on: the measure will be too good"


def _held_out(scene: PosedScene) -> tuple[tuple[int, ...], list[str]]:
    """Numbers of the photos that a fit is judged by; or what is wrong with how they are split."""
    try:
        _, judged = divided(scene, None, "test")
    except InputError as error:
        return tuple(range(len(scene.photos))), [str(error)]
    number = {id(photo): k for k, photo in enumerate(scene.photos)}
    return tuple(sorted(number[id(photo)] for photo in judged)), []


def _sizes(photos: Sequence[PosedPhoto]) -> str:
    counts = Counter(photo.size for photo in photos).most_common()
    sizes = [f"{width}x{height}" + f" ({count})" * (len(counts) > 1) for (width, height), count in counts]
    return first_names(sizes, _NAMED)


def _lenses(photos: Sequence[PosedPhoto]) -> str:
    counts = Counter(photo.lens for photo in photos).most_common()
    words = [_lens(lens) + f" ({count})" * (len(counts) > 1) for lens, count in counts]
    return "; ".join(words[:2]) + (f"; and {len(words) - 2} more" if len(words) > 2 else "")


def _lens(lens: tuple[str, tuple[float, ...]] | None) -> str:
    if lens is None:
        return "none: pinholes"
    names = ("k1", "k2", "k3", "k4") if lens[0] == "fisheye" else ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
    values = [f"{name} {value:.4g}" for name, value in zip(names, lens[1], strict=False) if value]
    return " ".join([lens[0], *values])


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.2f}" if high - low < 0.005 else f"{low:.2f} to {high:.2f}"


def _place(point: Tensor) -> str:
    unit = max(float(point.abs().max()), 1.0)
    return "(" + ", ".join(f"{value:.3g}" if abs(value) > 1e-6 * unit else "0" for value in point.tolist()) + ")"
