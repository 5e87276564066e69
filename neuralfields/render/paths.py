"""Ways of a camera through a scene: from a file, around it, through the places of its photos."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neuralfields.checks import between, positive
from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.content import content, decoding
from neuralfields.geometry import Camera, se3
from neuralfields.geometry.cameras import Vector

MAX_FRAMES = 100_000
_MAX_KEYS = 100_000
_FOV = 40.0  # degrees, where a file does not say it
_NARROWEST, _WIDEST = 0.01, 175.0
_KEY_SIZE = 2, 2  # of a key's picture: frames have another
_KEY = ("time", "pose", "eye", "target", "up", "fov")
_TOP = ("keys", "seconds", "loop", "up", "fov")


@dataclass(frozen=True, eq=False)
class CameraPath:
    """Key poses in time, and what lies between them.

    Places follow a cubic through each (Catmull and Rom, A class of local interpolating splines, 1974; where times are
    uneven slopes are those of the chord between the neighbours), rotations turn steadily from key to key (Shoemake,
    Animating rotation with quaternion curves, SIGGRAPH 1985), fields of view follow a cubic too. Where targets are
    told the camera looks at what follows a cubic through them: so it keeps to one that all keys share.

    Attributes:
        poses: [k, 3, 4] float64, as for ``Camera``.
        fovs: [k] float64, from the top of the picture to its bottom, degrees.
        times: [k] float64, ascending.
        end: when the way ends: the last key's time, or, of a loop, when the first key comes again.
        loop: whether the way leads back to the first key.
        targets: [k, 3] float64, what is looked at, or None.

    Raises:
        InputError: there are no keys, numbers of them differ, or times do not ascend.
    """

    poses: Tensor
    fovs: Tensor
    times: Tensor
    end: float
    loop: bool = False
    targets: Tensor | None = None

    def __post_init__(self) -> None:
        count = len(self.times)
        if not (count and len(self.poses) == len(self.fovs) == count):
            raise InputError(f"a path has keys with a pose, a fov and a time, got {len(self.poses)} poses")
        later = torch.cat([self.times, self.times.new_tensor([self.end])]) if self.loop else self.times
        if not (later.isfinite().all() and (later.diff() > 0).all()):
            raise InputError(f"the times of a path ascend, got {[round(t, 6) for t in later.tolist()]}")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "CameraPath":
        """The path that a JSON file describes.

        It has a list ``keys``. A key has either ``pose``, the 3 x 4 or 4 x 4 matrix from the camera's coordinates to
        the world's (x right, y up, looking along -z), or ``eye`` and ``target`` with or without ``up``; where all keys
        have a target the camera looks at targets all the way. A key may have ``fov``, from the top of the picture to
        its bottom in degrees, and ``time`` in seconds, which all keys have or none. Beside ``keys`` there may be ``up``
        (default [0, 0, 1]) and ``fov`` (40) for keys without their own, ``seconds``, how long all of it takes, and
        ``loop``, true for a way back to the first key.

        >>> {"seconds": 4, "keys": [{"eye": [4, 0, 1], "target": [0, 0, 0]}, {"eye": [0, 4, 2], "target": [0, 0, 0]}]}

        Raises:
            InputError: there is no such file, or an entry is missing or of no use; the text tells which.
            FileFormatError: it is no JSON.
        """
        data = content(Path(path), "camera path")
        with decoding(str(path)):
            try:
                described = json.loads(data)
            except ValueError as error:
                raise FileFormatError(f"it is no JSON ({error})") from None
            return cls.of(described)

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "CameraPath":
        """The path that the content of such a file describes."""
        keys = described.get("keys") if isinstance(described, Mapping) else None
        if not (isinstance(keys, list) and 0 < len(keys) <= _MAX_KEYS):
            raise InputError(f"a path has a list 'keys' of 1 to {_MAX_KEYS} poses, got {_short(keys)}")
        _only(described, _TOP, "a path")
        common = {"up": [0.0, 0.0, 1.0], "fov": _FOV} | {k: described[k] for k in ("up", "fov") if k in described}
        cameras = []
        for number, key in enumerate(keys):
            if not isinstance(key, Mapping):
                raise InputError(f"a key is an object, keys[{number}] is {_short(key)}")
            _only(key, _KEY, f"keys[{number}]")
            try:
                cameras.append(_camera({**common, **key}))
            except InputError as error:
                raise InputError(f"keys[{number}]: {error}") from None
        timed = [number for number, key in enumerate(keys) if "time" in key]
        if timed and len(timed) < len(keys):
            raise InputError(f"all keys have a time or none, {len(timed)} of {len(keys)} have one")
        times = [_number(key["time"], f"keys[{number}].time") for number, key in enumerate(keys)] if timed else None
        seconds = _number(described["seconds"], "seconds") if "seconds" in described else None
        loop = described.get("loop", False)
        if not isinstance(loop, bool):
            raise InputError(f"loop is true or false, got {_short(loop)}")
        aimed = all("target" in key for key in keys)
        targets = torch.tensor([key["target"] for key in keys], dtype=torch.float64) if aimed else None
        return cls.through(cameras, times=times, seconds=seconds, loop=loop, targets=targets)

    @classmethod
    def through(
        cls,
        cameras: Sequence[Camera],
        *,
        times: Sequence[float] | None = None,
        seconds: float | None = None,
        loop: bool = False,
        targets: Tensor | None = None,
    ) -> "CameraPath":
        """The way through cameras in their order.

        Args:
            cameras: one or more; of each its pose and its field of view.
            times: of each; by default at even distances.
            seconds: how long all takes; by default as ``times`` say, else a second for each part.
            loop: whether it leads back to the first.
            targets: [k, 3], what each looks at, where the camera shall look at such places in between too.
        """
        between(1, _MAX_KEYS, cameras=len(cameras))
        count = len(cameras)
        parts = count if loop else max(count - 1, 1)
        given = torch.tensor(times or list(range(count)), dtype=torch.float64)
        if len(given) != count:
            raise InputError(f"a path has a time for each camera, got {len(given)} for {count}")
        given = given - given[0]
        last = float(given[-1]) * (parts / max(count - 1, 1)) if count > 1 else float(parts)
        if seconds is not None:
            positive(seconds=seconds)
            given, last = given * (seconds / last if last else 1.0), seconds
        poses = torch.stack([camera.pose for camera in cameras])
        fovs = torch.tensor([field_of_view(camera) for camera in cameras], dtype=torch.float64)
        return cls(poses, fovs, given, last, loop, targets)

    def at(self, times: Tensor, size: tuple[int, int]) -> list[Camera]:
        """The cameras at times [n], with pictures of this (width, height). What is beyond the ends is at the ends."""
        times = times.double().clamp(min=float(self.times[0]), max=self.end)
        key = (torch.searchsorted(self.times, times, right=True) - 1).clamp(0, self._parts - 1)
        share = ((times - self._time(key)) / (self._time(key + 1) - self._time(key)).clamp(min=1e-12)).clamp(0, 1)
        following = (key + 1) % len(self.times)
        places, fovs = self._cubic(self.poses[:, :, 3], key, share), self._cubic(self.fovs[:, None], key, share)[:, 0]
        turns = slerp(self.poses[key, :, :3], self.poses[following, :, :3], share)
        if self.targets is not None:
            turns = _aimed(turns, places - self._cubic(self.targets, key, share))
        poses = torch.cat([turns, places[..., None]], -1)
        return [_camera_of(pose, fov, size) for pose, fov in zip(poses, fovs.tolist(), strict=True)]

    def frames(self, count: int, size: tuple[int, int]) -> list[Camera]:
        """Cameras at even times from the beginning to the end; of a loop the last is one step short of the first.

        Raises:
            InputError: the count is not between 1 and 100000.
        """
        between(1, MAX_FRAMES, frames=count)
        steps = count if self.loop else max(count - 1, 1)
        start = float(self.times[0])
        return self.at(start + torch.arange(count).double() / steps * (self.end - start), size)

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return self.end - float(self.times[0])

    @property
    def _parts(self) -> int:
        return len(self.times) - (not self.loop) or 1

    def _time(self, key: Tensor) -> Tensor:
        """The times [n] of keys [n], which in a loop go on after the last and before the first."""
        count = len(self.times)
        if self.loop:
            return self.times[key % count] + key.div(count, rounding_mode="floor") * (self.end - self.times[0])
        return self.times[key.clamp(0, count - 1)]

    def _cubic(self, values: Tensor, key: Tensor, share: Tensor) -> Tensor:
        """What lies at a share [n] of the way from keys [n] to the next ones, of values [k, c]: [n, c]."""
        count = len(values)

        def value(at: Tensor) -> Tensor:
            return values[at % count if self.loop else at.clamp(0, count - 1)]

        def slope(at: Tensor) -> Tensor:
            span = (self._time(at + 1) - self._time(at - 1)).clamp(min=1e-12)
            return (value(at + 1) - value(at - 1)) / span[:, None] * (self._time(key + 1) - self._time(key))[:, None]

        u = share[:, None]
        return (
            value(key) * ((1 + 2 * u) * (1 - u) ** 2)
            + value(key + 1) * (u**2 * (3 - 2 * u))
            + slope(key) * (u * (1 - u) ** 2)
            - slope(key + 1) * (u**2 * (1 - u))
        )


def slerp(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Rotations [n, 3, 3] at shares [n] of the shortest way from ``start`` to ``end``."""
    still = torch.zeros_like(start[..., :1])
    twist = se3.log(torch.cat([start.mT @ end, still], -1))
    return start @ se3.exp(twist * share[:, None])[..., :3]


def _aimed(turns: Tensor, back: Tensor) -> Tensor:
    """Rotations [n, 3, 3] with the same direction upwards, as far as may be, that look along -``back`` [n, 3]."""
    right = torch.linalg.cross(turns[..., 1], back)
    possible = right.norm(dim=-1, keepdim=True) > 1e-9 * back.norm(dim=-1, keepdim=True)
    right, back = (torch.nn.functional.normalize(v, dim=-1) for v in (right, back))
    found = torch.stack([right, torch.linalg.cross(back, right), back], -1)
    return torch.where(possible[..., None], found, turns)


def field_of_view(camera: Camera) -> float:
    """The angle from the top of a camera's picture to its bottom, degrees, were its lens's centre in the middle."""
    return math.degrees(2 * math.atan(camera.size[1] / 2 / camera.focal[1]))


def _camera_of(pose: Tensor, fov: float, size: tuple[int, int]) -> Camera:
    fov = min(max(fov, _NARROWEST), _WIDEST)  # cubics overshoot
    return Camera(pose, size[1] / 2 / math.tan(math.radians(fov) / 2), size)


def _camera(key: Mapping[str, Any]) -> Camera:
    """The camera of a file's key, in a picture of any size."""
    fov = _number(key["fov"], "fov")
    if not _NARROWEST <= fov <= _WIDEST:
        raise InputError(f"a field of view is between {_NARROWEST:g} and {_WIDEST:g} degrees, got {fov:g}")
    if ("pose" in key) == ("eye" in key):
        raise InputError("it has either a 'pose' or an 'eye' and a 'target'")
    if "eye" in key:
        if "target" not in key:
            raise InputError("an 'eye' needs a 'target'")
        eye, target, up = (_vector(key[name], name) for name in ("eye", "target", "up"))
        return Camera.look_at(eye, target, up, fov=fov, size=_KEY_SIZE)
    try:
        pose = torch.tensor(key["pose"], dtype=torch.float64)
    except (TypeError, ValueError):
        raise InputError(f"a pose is a matrix of 3 or 4 rows of 4 numbers, got {_short(key['pose'])}") from None
    return _camera_of(pose, fov, _KEY_SIZE)


def _vector(given: Any, name: str) -> Vector:
    if not (isinstance(given, list) and len(given) == 3):
        raise InputError(f"{name} is three numbers, got {_short(given)}")
    x, y, z = (_number(value, name) for value in given)
    return x, y, z


def _number(given: Any, name: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise InputError(f"{name} is a finite number, got {_short(given)}")
    return float(given)


def _only(given: Mapping[str, Any], known: Sequence[str], name: str) -> None:
    """Raise InputError for an entry that is none of those: a slip must not be read as a default."""
    if foreign := [key for key in given if key not in known]:
        raise InputError(f"{name} has {', '.join(known)}, not {', '.join(map(repr, foreign))}")


def _short(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 60 else text[:57] + "..."
