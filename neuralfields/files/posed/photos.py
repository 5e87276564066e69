"""What all formats of posed photos give: plain numbers beside the pictures' paths."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuralfields.errors import InputError

Pair = tuple[float, float]
_REASONS = 5  # for leaving photos out that are told
_MOST, _FARTHEST = 1e9, 1e12  # of a lens's coefficients, and of a pose's numbers
Told = tuple[str, str]  # the name of a photo, and what is wrong with it


@dataclass(frozen=True, eq=False)
class PosedPhoto:
    """A photo and what is known of the camera that took it; ``geometry.Camera.of`` takes it.

    Attributes:
        path: of the picture, which exists.
        pose: from the camera's coordinates to the world's, [3, 4] float64: a rotation, then the camera's place. The
            camera looks along its own -z, x points right and y up in its picture (OpenGL, Blender).
        focal: focal lengths in pixels of this picture, across and down.
        centre: the principal point in pixels of this picture; the centre of the first pixel is (0.5, 0.5).
        size: (width, height) of the picture, upright.
        lens: the arguments of ``geometry.Lens``, or None for a pinhole.
        near: the distance ahead of the camera at which things begin, in the world's units, where that is known.
        far: the same for where things end.
        split: "train", "val" or "test" where the files tell it.
        time: when it was taken, for things that move; mostly from 0 to 1.
        mask: of a picture that is white where this one counts.
        depth: of a file with depths.
        normal: of a picture with normals.
    """

    path: Path
    pose: np.ndarray
    focal: Pair
    centre: Pair
    size: tuple[int, int]
    lens: tuple[str, tuple[float, ...]] | None = None
    near: float | None = None
    far: float | None = None
    split: str | None = None
    time: float | None = None
    mask: Path | None = None
    depth: Path | None = None
    normal: Path | None = None


@dataclass(frozen=True, eq=False)
class PosedScene:
    """A folder of posed photos, as its files tell it; poses and points are in the files' own world coordinates.

    Attributes:
        folder: where it lies.
        format: one of ``FORMATS``.
        photos: those that can be used, at least one, in the order of the files.
        left_out: those that cannot: what the files call them, and why.
        points: [k, 3] float64, of the things seen, where the files have them.
        colours: of the points, [k, 3] uint8 sRGB.
        notes: other things worth knowing, a line each.
    """

    folder: Path
    format: str
    photos: tuple[PosedPhoto, ...]
    left_out: tuple[Told, ...] = ()
    points: np.ndarray | None = None
    colours: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def name_of(self, photo: PosedPhoto) -> str:
        """The picture's path in the scene's folder."""
        inside = photo.path.is_relative_to(self.folder)
        return photo.path.relative_to(self.folder).as_posix() if inside else photo.path.name

    def warnings(self, named: int = 5) -> list[str]:
        """What is wrong, a line each: why photos were left out, with the first names, and the notes."""
        names: dict[str, list[str]] = {}
        for name, reason in self.left_out:
            names.setdefault(reason, []).append(name)
        listed = len(self.photos) + len(self.left_out)
        common = sorted(names.items(), key=lambda of: -len(of[1]))[:_REASONS]
        out = [
            f"{len(those)} of {listed} pictures are left out because {reason}: {first_names(those, named)}"
            for reason, those in common
        ]
        if rest := len(self.left_out) - sum(len(those) for _, those in common):
            out.append(f"{rest} more of {listed} pictures are left out, for other reasons")
        return [*out, *self.notes]

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that the files tell, of "train", "val" and "test"."""
        told = {photo.split for photo in self.photos}
        return tuple(name for name in ("train", "val", "test") if name in told)


def first_names(names: Sequence[str], most: int) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


@dataclass(frozen=True)
class Optics:
    """How a camera makes pictures, as a file tells it, which may be of the same picture at another resolution.

    Attributes:
        size: (width, height) that the pixels below are counted in; None for those of the picture itself.
        focal: across and down; None where ``angle`` tells it.
        angle: of view in radians, across and down (None: pixels are square).
        centre: the principal point; None for the middle of the picture.
        lens: as for ``PosedPhoto``.
    """

    size: tuple[int, int] | None = None
    focal: Pair | None = None
    angle: tuple[float, float | None] | None = None
    centre: Pair | None = None
    lens: tuple[str, tuple[float, ...]] | None = None

    def at(self, size: tuple[int, int]) -> tuple[Pair, Pair]:
        """Focal lengths and principal point in pixels of the picture at hand, whose (width, height) is given.

        Raises:
            InputError: the picture has another shape, or the values are none of a camera.
        """
        told = self.size or size
        x, y = (now / before for now, before in zip(size, told, strict=True))
        if abs(x - y) > 1.01 * (1 / told[0] + 1 / told[1]):  # sizes were rounded
            turned = " (as EXIF turns it? save it without that note)" if _turned(size, told) else ""
            raise InputError(f"the picture has {_by(size)} pixels{turned}, its camera {_by(told)}: another shape")
        fx, fy = self._focal(told)
        cx, cy = self.centre or (told[0] / 2, told[1] / 2)
        if not (0 < fx < math.inf and 0 < fy < math.inf):
            raise InputError(f"its focal length is {fx:g}, {fy:g} pixels: it is positive and finite")
        if not all(map(math.isfinite, (cx, cy))):
            raise InputError(f"its principal point is {cx:g}, {cy:g}: it is finite")
        if self.lens and not all(abs(value) <= _MOST for value in self.lens[1]):
            raise InputError(f"its distortion is {self.lens[1]}: coefficients are between -1e9 and 1e9")
        return (fx * x, fy * y), (cx * x, cy * y)

    def _focal(self, size: tuple[int, int]) -> Pair:
        if self.focal is not None:
            return self.focal
        if self.angle is None:
            raise InputError("nothing tells its focal length")
        across, down = self.angle
        angles = [across] if down is None else [across, down]
        if not all(0 < angle < np.pi for angle in angles):
            raise InputError(f"its angle of view is {across} radians: it is between 0 and pi")
        fx = size[0] / 2 / np.tan(across / 2)
        return float(fx), float(fx if down is None else size[1] / 2 / np.tan(down / 2))


def checked_pose(matrix: np.ndarray) -> np.ndarray:
    """A pose as ``PosedPhoto`` has it from a matrix [3, 4] or [4, 4] with rounding errors and perhaps a scale.

    Raises:
        InputError: the matrix is not finite, singular, mirrors, shears, or is none of a pose; without its name.
    """
    if matrix.shape not in ((3, 4), (4, 4)):
        raise InputError(f"its matrix is {list(matrix.shape)}: [3, 4] or [4, 4] works")
    if not np.isfinite(matrix).all():
        raise InputError("its matrix holds NaN or infinity")
    if (largest := np.abs(matrix).max()) > _FARTHEST:
        raise InputError(f"its matrix holds {largest:.4g}, more than {_FARTHEST:g}")
    if len(matrix) == 4 and np.abs(matrix[3] - (0, 0, 0, 1)).max() > 1e-6:
        raise InputError(f"its matrix ends with the row {matrix[3].tolist()}, that of a pose with 0 0 0 1")
    left, scale, right = np.linalg.svd(matrix[:3, :3])
    if not scale[2] > 1e-6 * scale[0]:
        raise InputError("its matrix is singular: it makes the world flat")
    if np.linalg.det(left @ right) < 0:
        raise InputError("its matrix mirrors the world: its determinant is negative, that of a rotation 1")
    if scale[0] > 1.01 * scale[2]:
        raise InputError(f"its matrix shears: it scales by {scale[2]:.4g} to {scale[0]:.4g}, a rotation by 1")
    return np.concatenate([left @ right, matrix[:3, 3:]], 1)


def from_opencv(pose: np.ndarray) -> np.ndarray:
    """A pose [3, 4] of a camera that looks along +z with y down, as ours; and the other way round."""
    return pose * np.array([1.0, -1.0, -1.0, 1.0])


def distance_of(value: object) -> float | None:
    """The distance that a file tells; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < _FARTHEST else None


def depths_of(photos: Sequence[PosedPhoto]) -> Pair | None:
    """The nearest and the farthest thing in any of them, in the world's unit; None where not all of them tell it."""
    told = [(photo.near, photo.far) for photo in photos if photo.near is not None and photo.far is not None]
    if len(told) < len(photos):
        return None
    return min(near for near, _ in told), max(far for _, far in told)


def finite_points(points: np.ndarray, colours: np.ndarray | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Those [k, 3] that are somewhere, with their colours; None and None for none."""
    kept = np.isfinite(points).all(1)
    if not kept.any():
        return None, None
    return points[kept], None if colours is None else colours[kept]


def plain_focal(photo: PosedPhoto, what: str) -> float:
    """The focal length of a pinhole camera with square pixels and the principal point in the middle.

    Raises:
        InputError: the camera is another one, which ``what`` has no words for.
    """
    (fx, fy), (cx, cy), (width, height) = photo.focal, photo.centre, photo.size
    middle = math.isclose(cx, width / 2) and math.isclose(cy, height / 2)
    if photo.lens is not None or not (middle and math.isclose(fx, fy)):
        raise InputError(
            f"{photo.path.name}: {what} has no lenses, shifts or oblong pixels; nerfstudio and COLMAP have"
        )
    return fx


def _turned(size: tuple[int, int], told: tuple[int, int]) -> bool:
    """Whether a size is another's, lying on its side."""
    return abs(size[1] / told[0] - size[0] / told[1]) <= 1 / told[0] + 1 / told[1]


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
