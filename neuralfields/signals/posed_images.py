"""Photos with the cameras that took them: what a radiance field is fitted to."""

import hashlib
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from neuralfields import metrics, ops
from neuralfields.errors import InputError
from neuralfields.field import Field, FieldLike
from neuralfields.files.posed import PosedPhoto
from neuralfields.geometry import Camera, Cameras, Frame, cube_in_view, open_frame, tightened, uncontract, visual_hull
from neuralfields.geometry.focus import Depths
from neuralfields.protocols import RayBatch
from neuralfields.render import render_view
from neuralfields.signals.lattice import Lattice
from neuralfields.signals.photos import read_photos
from neuralfields.signals.pictures import Pictures, dilated, shrunk, shrunk_camera, shrunk_mask

CELLS = 64  # of the hull along each axis
_NEAR = 0.05  # box units before the eye where rays begin, if the files do not tell the nearest thing
_NEARER = 0.9  # of the nearest thing's distance
_BESIDE = 5  # pixels around what a mask shows that are drawn, too: enough to learn where it ends
_QUICK = 25  # views that a quick look at a field renders
_BLOCK = 1 << 14  # rays rendered together: a field of 200 samples on each takes a quarter of a GB
_FAULTY = 0.05  # of the masks, that are outvoted where masks contradict each other
_CONTRADICTED = 0.01  # share of what masks show, from which on they do
_LOOKS = 1000  # rays of a view that tell it
_PREVIEW_SIDES, _PREVIEW_SECONDS = (32, 64, 128, 256), 0.3
_SPREAD = (math.sqrt(5) - 1) / 2  # the golden ratio: multiples of it, modulo 1, are apart from all before


@dataclass(frozen=True, eq=False)
class JudgedView:
    """A view as a field shows it, beside the truth.

    Attributes:
        name: of the picture.
        picture, truth: [height, width, 3] in [0, 1], over the scene's background.
        counted: [height, width] bool, the pixels that count; None for all.
    """

    name: str
    picture: Tensor
    truth: Tensor
    counted: Tensor | None = None

    @cached_property
    def psnr(self) -> float:
        """In dB, of the pixels that count."""
        if self.counted is None:
            return metrics.psnr(self.picture, self.truth)
        return metrics.psnr(self.picture[self.counted], self.truth[self.counted])

    @cached_property
    def ssim(self) -> float:
        """Of the picture with the truth where pixels do not count; NaN for one smaller than the window."""
        if min(self.truth.shape[:2]) < metrics.SSIM_TAPS:
            return math.nan
        picture = self.picture
        if self.counted is not None:
            picture = torch.where(self.counted[..., None], picture, self.truth)
        return metrics.ssim(picture, self.truth)


class PosedImages:
    """Pictures with cameras, for a radiance field that can be rendered; samples are the rays of their pixels.

    Where pictures have alpha, it is taken for the mask of a thing alone in the world: the scene is bounded. The visual
    hull of the masks is carved on a grid of 64^3 cells, twice, the second time in the cube around what was left, which
    is the box of the fields. Rays are drawn of pixels within 5 of those with alpha. Pictures are judged over white.

    Without alpha the scene has no bounds: ``geometry.open_frame`` tells what its unit ball is, the rest is beyond it.

    Pixels are kept as bytes and drawn without state, by a permutation that is never stored.

    Args:
        images: [height, width, 1..4] each, of any sizes: integers in their full range, or floats in [0, 1]. Alpha is
            straight.
        cameras: in the world, with the images' sizes.
        training: how many of the images, from the first one on, are trained on; all if None. The rest are judged.
        names: of the images.
        name: what the scene is called in reports.
        depths: of the nearest and the farthest thing, in the world's unit, where they are known.
        counted: of each image, which pixels count, [height, width] bool, or None for all.

    Raises:
        InputError: images and cameras do not belong together, nothing is trained on, the masks are empty or have
            nothing in common, or all cameras are at one place.

    Attributes:
        frame: of the box.
        bounded: whether the scene has masks, and so is within the box.
        hull: [64, 64, 64] bool, indexed z, y, x: the cells of the box that may hold something; None without masks.
        near: distance from the eye, in box units, where rays may begin.
        background: [3], the colour that pictures have where the scene lets light through.
        depths: as given.
        cameras, names: of all views, in the world; those that are trained on come first.
        training: how many views are trained on.
        photos: what files tell of the views; none where there are no files.
    """

    kind, in_dim, out_dim = "scene", 6, 4
    options: ClassVar[tuple[str, ...]] = ("holdout", "scale", "split")

    def __init__(
        self,
        images: Sequence[np.ndarray] | Pictures,
        cameras: Sequence[Camera],
        *,
        training: int | None = None,
        names: Sequence[str] | None = None,
        name: str = "scene",
        depths: Depths | None = None,
        counted: Sequence[np.ndarray | None] = (),
    ):
        self.pictures = images if isinstance(images, Pictures) else Pictures.of(images)
        self.cameras, self.name = tuple(cameras), name
        self.training = len(self.pictures) if training is None else training
        self.names = tuple(names) if names is not None else tuple(str(k) for k in range(len(self.pictures)))
        self._check(counted)
        self._counted = [_both(lit, part) for lit, part in zip_longest(_lit(self.cameras), counted)]
        self._read: dict[str, Any] = {"holdout": None, "scale": 1, "split": "test"}
        self._notes: tuple[str, ...] = ()  # set by what follows
        self.photos: tuple[PosedPhoto, ...] = ()
        self.bounded = any(bool((mask < 255).any()) for mask in self._alphas())
        self.frame, self.hull = self._placed(depths)
        self.depths = depths
        self.near = _NEARER * depths[0] / self.frame.scale if depths and not self.bounded else _NEAR
        self.background = torch.full((3,), float(self.bounded))
        self._rays = Cameras(self.cameras).in_box(self.frame)

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        *,
        holdout: float | None = None,
        scale: int | None = None,
        split: str = "test",
    ) -> "PosedImages":
        """Read a folder of any format that ``files.posed`` knows.

        The pictures for testing that a scene names are judged; where it names none, every eighth is, by name, as for
        LLFF scenes. What cannot be used is left out, and noted.

        Args:
            path: the folder, or the file in it that tells the cameras.
            holdout: share of the pictures that is judged instead, e.g. 0.1 for every tenth by name of those for
                training; 0 for none, so that those trained on are judged.
            scale: pictures are made smaller by this whole number, by the means of squares. By default as little as
                brings their longer sides to 800 pixels, and all of them to a GiB.
            split: "test", or "val" to judge pictures for validation without a look at those for testing: those that the
                scene names, else every tenth of the ones for training.

        Raises:
            InputError: there is no scene, a picture cannot be read, a value is out of range, or as for ``PosedImages``.
        """
        photos = read_photos(path, holdout=holdout, scale=scale, split=split)
        made = cls(
            photos.pictures,
            photos.cameras,
            training=photos.training,
            names=photos.names,
            name=photos.name,
            depths=photos.depths,
            counted=photos.counted,
        )
        made._read = {"holdout": holdout, "scale": photos.scale, "split": split}
        made._notes = photos.notes + made._notes
        made.photos = photos.photos
        return made

    @property
    def size(self) -> int:
        """Number of pixels that rays are drawn of."""
        return self._lattice.size

    @property
    def judged(self) -> range:
        """Numbers of the views that a field is judged by: those held out, or all where there are none."""
        count = len(self.cameras)
        return range(self.training, count) if self.training < count else range(count)

    def at(self, index: Tensor) -> RayBatch:
        """The rays with these numbers [n]."""
        if self._rays.pinholes:
            rays, values, view = ops.pixel_rays(self._pixels, index)
            return RayBatch(rays, values, index=index, camera=view)
        place, view, pixels = self._pixels.find(index)
        rays = self._rays.rays(view, pixels)
        x = torch.cat([rays.origin, rays.direction], -1)
        return RayBatch(x, self._pixels.values(place), index=index, camera=view)

    def draw(self, n: int, *, seed: int, step: int) -> RayBatch:
        """Batch number ``step``: ``n`` rays at most, of pixels in random order."""
        return self.at(self._lattice.draw(n, seed=seed, step=step))

    def detail(self, n: int, *, seed: int) -> Tensor:
        """Places where the scene may be, [n, 6] with some direction: evenly in the hull's cells, if there is a hull.

        Without one they are even in the ball of contracted space (``geometry.contract``).
        """
        generator = torch.Generator().manual_seed(seed)
        if self.hull is None:
            radius = 2 * torch.rand(n, 1, generator=generator) ** (1 / 3)
            toward = torch.nn.functional.normalize(torch.randn(n, 3, generator=generator), dim=-1)
            place = uncontract(radius * toward)
        else:
            cells = self.hull.nonzero().flip(-1)
            chosen = cells[torch.randint(len(cells), (n,), generator=generator)]
            place = (chosen + torch.rand(n, 3, generator=generator)) * (2 / len(self.hull)) - 1
        return torch.cat([place, torch.tensor([0.0, 0.0, 1.0]).expand(n, 3)], -1)

    def chunks(self, n: int) -> Iterator[RayBatch]:
        """All rays that are drawn, in order, ``n`` at a time."""
        for start in range(0, self.size, n):
            yield self.at(torch.arange(start, min(start + n, self.size)))

    def prepare(self) -> None:
        """Find the pixels that rays are drawn of."""
        _ = self._lattice

    @property
    def headline(self) -> str:
        return "psnr"

    def measure(self, field: FieldLike, *, thorough: bool = False) -> dict[str, float]:
        """Means over the judged views, rendered whole, of each view's psnr (dB); ``thorough`` adds ssim.

        A quick look takes 25 of the views at most.

        Raises:
            InputError: the field cannot be rendered.
        """
        views = self.views(field, None if thorough else _QUICK)
        found = [(view.psnr, view.ssim if thorough else math.nan) for view in views]
        psnr, ssim = (known_mean(values) for values in zip(*found, strict=True))
        return {"psnr": psnr} if math.isnan(ssim) else {"psnr": psnr, "ssim": ssim}

    def watch(self, field: FieldLike) -> dict[str, float]:
        """The mean psnr (dB) of 25 at most of the views that are trained on, which may end a fit.

        Raises:
            InputError: the field cannot be rendered.
        """
        numbers = _evenly(range(self.training), _QUICK)
        return {"psnr": known_mean([self._view(field, number, 1).psnr for number in numbers])}

    def views(self, field: FieldLike, most: int | None = None, *, scale: float = 1) -> Iterator[JudgedView]:
        """The judged views as a field shows them, one after the other.

        Args:
            field: what can be rendered, in box coordinates.
            most: take so many of them at most, evenly.
            scale: 1; 0.5 to render half as many pixels along each side, beside the truth made smaller by means; or 2
                for twice as many, of which means are taken beside the truth as it is.

        Raises:
            InputError: the field cannot be rendered, or the scale is another.
        """
        if scale not in (0.5, 1, 2):
            raise InputError(f"views are rendered at scale 0.5, 1 or 2, got {scale}")
        for number in _evenly(self.judged, most):
            yield self._view(field, number, scale)

    def photo(self, number: int) -> Tensor:
        """The picture of a view over the scene's background, [height, width, 3] in [0, 1]."""
        return self._over_background(self.pictures[number])

    def preview(self, field: Field) -> np.ndarray:
        """A judged view, as large as takes a few tenths of a second, at most 256 pixels a side."""
        camera, picture = self.cameras[self.judged[0]], None
        for side in _PREVIEW_SIDES:
            clock = time.monotonic()
            factor = min(1.0, side / max(camera.size))
            size = max(1, round(camera.size[0] * factor)), max(1, round(camera.size[1] * factor))
            picture = self._rendered(field, camera.resized(size))
            if factor == 1 or 4 * (time.monotonic() - clock) > _PREVIEW_SECONDS:
                break
        assert picture is not None
        return picture.clamp(0, 1).numpy()

    @property
    def extent(self) -> str:
        """ "100 views of 400x400 and 25 to judge by"."""
        widths, heights = zip(*self.pictures.sizes, strict=True)
        size = f"{widths[0]}x{heights[0]}"
        if len(set(self.pictures.sizes)) > 1:
            size = f"{min(widths)}x{min(heights)} to {max(widths)}x{max(heights)}"
        held = len(self.cameras) - self.training
        return f"{self.training} views of {size}" + (f" and {held} to judge by" if held else "")

    @property
    def notes(self) -> list[str]:
        """What was left out or made smaller, and views that show nothing."""
        blank = [name for name, mask in zip(self.names, self._alphas(), strict=False) if not mask.any()]
        told = f"{len(blank)} pictures show nothing, their alpha is 0 everywhere: {', '.join(blank[:5])}"
        return [*self._notes, *([told] if blank else [])]

    @property
    def awaited(self) -> str:
        return ""

    def cost(self, size_in_bytes: int) -> dict[str, float]:
        """Nothing: a field of a scene is not meant to replace its pictures."""
        return {}

    def describe(self) -> dict[str, Any]:
        widths, heights = zip(*self.pictures.sizes, strict=True)
        return {
            "kind": self.kind,
            "name": self.name,
            "shape": [self.training, max(heights), max(widths)],
            "held_out": len(self.cameras) - self.training,
            "bounded": self.bounded,
            "sha256": self._sha256,
            **self._read,
        }

    def _view(self, field: FieldLike, number: int, scale: float) -> JudgedView:
        camera, image, counted = self.cameras[number], self.pictures[number], self._counted[number]
        if scale == 0.5:
            camera, image = shrunk_camera(camera, 2), shrunk(image, 2)
            counted = None if counted is None else shrunk_mask(counted, 2)
        finer = int(max(scale, 1))
        width, height = camera.size
        picture = self._rendered(field, camera.resized((width * finer, height * finer)))
        picture = picture.view(height, finer, width, finer, 3).mean((1, 3))
        told = None if counted is None else torch.from_numpy(counted)
        return JudgedView(self.names[number], picture, self._over_background(image), told)

    def _rendered(self, field: FieldLike, camera: Camera) -> Tensor:
        """A picture [height, width, 3] over the scene's background, on the CPU."""
        if not hasattr(field, "render"):
            raise InputError(f"a scene's field can be rendered, {type(field).__name__} cannot: recipes.ngp gives one")
        view = render_view(field, camera, frame=self.frame, background=self.background, block=_BLOCK)  # type: ignore[arg-type]
        return view.colour.cpu()

    def _over_background(self, image: np.ndarray) -> Tensor:
        colour, alpha = torch.from_numpy(image.astype(np.float32) / np.float32(255)).tensor_split([3], dim=-1)
        return colour * alpha + self.background * (1 - alpha) if self.pictures.alpha else colour

    def _check(self, counted: Sequence[np.ndarray | None]) -> None:
        count = len(self.pictures)
        if not count == len(self.cameras) == len(self.names) or len(counted) not in (0, count):
            raise InputError(f"{self.name}: {count} images, {len(self.cameras)} cameras and {len(self.names)} names")
        if not 1 <= self.training <= count:
            raise InputError(f"{self.name}: it is trained on 1 to all of its {count} pictures, got {self.training}")
        for size, camera, name in zip(self.pictures.sizes, self.cameras, self.names, strict=True):
            if size != tuple(camera.size):
                raise InputError(f"{name} has {size[0]}x{size[1]} pixels, its camera {camera.size[0]}x{camera.size[1]}")

    def _alphas(self) -> Iterator[np.ndarray]:
        """Alpha [height, width] of the pictures that are trained on, if they have any."""
        return (self.pictures[view][..., 3] for view in range(self.training if self.pictures.alpha else 0))

    def _silhouettes(self) -> Iterator[tuple[Camera, np.ndarray]]:
        """Cameras, and where their pictures may show the thing; those that are apart first, which exclude most."""
        for view in np.argsort(np.arange(self.training) * _SPREAD % 1).tolist():
            mask, counted = self.pictures[view][..., 3] > 0, self._counted[view]
            if mask.any():
                yield self.cameras[view], mask if counted is None else mask | ~counted

    def _placed(self, depths: Depths | None) -> tuple[Frame, Tensor | None]:
        """The box, around what the masks leave of space where there are any, and what they leave of the box."""
        if self.bounded and not any(mask.any() for mask in self._alphas()):
            raise InputError(f"{self.name} shows nothing: alpha is 0 everywhere in all {self.training} pictures")
        try:
            frame = (cube_in_view if self.bounded else open_frame)(self.cameras[: self.training], depths)
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from None
        return self._carved(frame) if self.bounded else (frame, None)

    def _carved(self, start: Frame) -> tuple[Frame, Tensor]:
        """The box around what the masks leave of another, and what they leave of it; a few are outvoted if need be."""
        frame, hull = self._twice(start, 0)
        missed = self._missed(frame, hull)
        if missed > _CONTRADICTED:
            allowed = math.ceil(_FAULTY * self.training)
            told = f"masks contradict each other, {missed:.0%} of what they show is outside of others: "
            self._notes = (f"{told}{allowed} of {self.training} pictures are outvoted everywhere",)
            frame, hull = self._twice(start, allowed)
        if not hull.any():
            raise InputError(f"{self.name}: no place is on the masks of all pictures: are the poses theirs?")
        return frame, hull

    def _twice(self, start: Frame, allowed: int) -> tuple[Frame, Tensor]:
        """The hull, carved again in the box around it."""
        rough = visual_hull(self._silhouettes(), start, CELLS, allowed=allowed)
        if not rough.any():
            return start, rough
        frame = tightened(rough, start)
        return frame, visual_hull(self._silhouettes(), frame, CELLS, allowed=allowed)

    def _missed(self, frame: Frame, hull: Tensor) -> float:
        """The share of rays through what masks show, of some views, that meet nothing of the hull."""
        found = []
        for view in _evenly(range(self.training), _QUICK):
            places = torch.from_numpy(np.flatnonzero(self.pictures[view][..., 3] > 127))
            camera = self.cameras[view].in_box(frame)
            rays = camera.rays(camera.centres(places[:: len(places) // _LOOKS + 1]))
            lines = torch.cat([rays.origin, rays.direction], -1)
            lines = lines[lines.isfinite().all(-1)]
            found.append(ops.march(lines, hull, step=1 / (2 * CELLS), limit=1)[2] == 0)
        return float(torch.cat(found).float().mean()) if any(map(len, found)) else 0.0

    @cached_property
    def _drawn(self) -> np.ndarray | None:
        """Places among all pixels of those that rays are drawn of, uint32; None for all that are trained on."""
        if not self.bounded and all(counted is None for counted in self._counted[: self.training]):
            return None
        found = []
        for view in range(self.training):
            image, counted = self.pictures[view], self._counted[view]
            drawn = dilated(image[..., 3] > 0, _BESIDE) if self.bounded else np.ones(image.shape[:2], bool)
            drawn = drawn if counted is None else drawn & counted
            found.append((np.flatnonzero(drawn) + self.pictures.starts[view]).astype(np.uint32))
        return np.concatenate(found)

    @cached_property
    def _pixels(self) -> ops.PosedPixels:
        """The pixels, those that rays are drawn of, and their cameras in the box."""
        return ops.PosedPixels(
            stored=torch.from_numpy(self.pictures.values),
            chosen=None if self._drawn is None else torch.from_numpy(self._drawn.view(np.int32)),
            first=int(self.pictures.starts[self.training]),
            starts=torch.from_numpy(self.pictures.starts),
            widths=torch.tensor([width for width, _ in self.pictures.sizes]),
            planes=self._rays.planes,
            turns=self._rays.turns,
            eyes=self._rays.pose[:, :, 3].contiguous(),
        )

    @cached_property
    def _lattice(self) -> Lattice:
        """The order in which rays are drawn."""
        count = self._pixels.size
        if not count:
            raise InputError(f"{self.name}: no pixel of its {self.training} pictures counts")
        return Lattice((count,))

    @cached_property
    def _sha256(self) -> str:
        digest = hashlib.sha256(f"{self.training} {self.pictures.sizes} {self.depths}".encode())
        for camera in self.cameras:
            digest.update(camera.pose.numpy().tobytes() + f"{camera.focal} {camera.centre} {camera.lens}".encode())
        for counted in self._counted:
            digest.update(b"" if counted is None else np.packbits(counted).tobytes())
        digest.update(self.pictures.values.data)
        return digest.hexdigest()


def _lit(cameras: Sequence[Camera]) -> list[np.ndarray | None]:
    """Which pixels [height, width] of each camera get light through its lens; None for all."""
    found: dict[Any, np.ndarray | None] = {}
    kinds = [(camera.focal, camera.centre, camera.size, camera.lens) for camera in cameras]
    for kind, camera in zip(kinds, cameras, strict=True):
        if kind not in found:
            found[kind] = _lit_by(camera)
    return [found[kind] for kind in kinds]


def _lit_by(camera: Camera) -> np.ndarray | None:
    if camera.lens is None:
        return None
    width, height = camera.size
    index = torch.arange(camera.pixels).view(height, width)

    def lit(part: Tensor) -> Tensor:
        return camera.rays(camera.centres(part)).direction.isfinite().all(-1)

    # What a lens does not show lies around the picture.
    if bool(lit(torch.cat([index[0], index[-1], index[:, 0], index[:, -1]])).all()):
        return None
    return lit(index.flatten()).view(height, width).numpy()


def _both(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    """Pixels that are in two masks; None is all of them."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _evenly(numbers: range, most: int | None) -> list[int]:
    """So many of the numbers at most, the first among them."""
    if most is None or len(numbers) <= most:
        return list(numbers)
    return [numbers[k * len(numbers) // most] for k in range(most)]


def known_mean(values: Sequence[float]) -> float:
    """Of those that are numbers: a view of which no pixel counts has no quality. NaN without any."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
