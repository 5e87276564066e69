"""The visual hull: what the silhouettes of a thing leave of space.

Laurentini, "The Visual Hull Concept for Silhouette-Based Image Understanding", PAMI 1994.
"""

import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.geometry.cameras import Camera
from neuralfields.geometry.frame import Frame

_SHARE = 0.25  # of the pictures, that must show a cell
_SLACK = 0.5  # pixels around a footprint
_LENS_SLACK = 1.1  # a lens may bend a footprint more to one side than to the other


def visual_hull(
    views: Iterable[tuple[Camera, np.ndarray]], frame: Frame, cells: int = 64, *, allowed: int = 0
) -> Tensor:
    """The cells of a frame's box that no silhouette excludes.

    A cell is excluded by a picture that shows its centre and has nothing of the thing at any pixel that the ball
    through the cell's corners may cover. Cells whose centre is in no more than a quarter of the pictures are excluded,
    too: they lie between a camera and the thing, where others do not look. Pictures are looked at one after the other,
    each at the cells that are left: a hundred of 400 x 400 take a few tenths of a second.

    Args:
        views: cameras in the world, and where each of their pictures shows the thing, [height, width] bool. Pictures
            that show nothing at all are left out.
        frame: of the box, with one scale.
        cells: along each axis.
        allowed: so many pictures may exclude a cell that is kept; for masks with faults.

    Returns:
        [cells, cells, cells] bool, indexed z, y, x.
    """
    left, centres = torch.arange(cells**3), _centres(cells, frame)
    seen, refused = torch.zeros(2, cells**3, dtype=torch.int32)
    count = 0
    radius = frame.scale * math.sqrt(3) / cells
    for camera, mask in views:
        if not mask.any():
            continue
        count += 1
        x, y, reach = _footprints(camera, centres, radius)
        width, height = camera.size
        judged = (x >= 0) & (x <= width) & (y >= 0) & (y <= height) & (reach < math.inf)
        seen[left[judged]] += 1
        refused[judged] += ~_meets(mask, x[judged], y[judged], reach[judged])
        kept = refused <= allowed
        left, centres, refused = left[kept], centres[kept], refused[kept]
    hull = torch.zeros(cells**3, dtype=torch.bool)
    hull[left] = seen[left] > _SHARE * count
    return hull.view(cells, cells, cells)


def tightened(hull: Tensor, frame: Frame, margin: float = 1.01) -> Frame:
    """The frame whose box is a cube around the cells [z, y, x] of a hull, ``margin`` times as wide as they are.

    Raises:
        InputError: the hull is empty.
    """
    if not hull.any():
        raise InputError("nothing is left of a hull: its masks have no place in common")
    places = hull.nonzero()
    low, high = places.amin(0).flip(0), places.amax(0).flip(0) + 1
    corners = frame.to_world(torch.stack([low, high]).double() * 2 / len(hull) - 1)
    centre, half = corners.mean(0), float((corners[1] - corners[0]).abs().max()) / 2 * margin
    return Frame.of_box((centre - half).tolist(), (centre + half).tolist(), frame.unit)


def _centres(cells: int, frame: Frame) -> Tensor:
    """World coordinates [cells^3, 3] of the cells' middles, x fastest."""
    line = (torch.arange(cells, dtype=torch.float64) * 2 + 1) / cells - 1
    return frame.to_world(torch.cartesian_prod(line, line, line).flip(-1))


def _footprints(camera: Camera, centres: Tensor, radius: float) -> tuple[Tensor, Tensor, Tensor]:
    """Pixel coordinates x and y [n] of balls around points, and the half sides [n] of squares around their pictures.

    They are NaN for balls that the camera is in, or has behind it.
    """
    pixels, distance = camera.project(centres)
    x, y = pixels.unbind(-1)
    sine = radius / distance
    if camera.lens is None:
        (fx, fy), (cx, cy) = camera.focal, camera.centre
        cosine = (1 + ((x - cx) / fx) ** 2 + ((y - cy) / fy) ** 2).rsqrt()
        # Tangents grow by the sine of an angle's change over the cosines before and after; the latter is at least this.
        after = torch.where(cosine > sine, cosine - sine, torch.nan)
        reach = max(camera.focal) * sine / (cosine * after)
    else:
        reach = torch.where(sine < 1, _LENS_SLACK * _bent(camera, centres, pixels, radius), torch.nan)
    return x, y, reach + _SLACK


def _bent(camera: Camera, centres: Tensor, pixels: Tensor, radius: float) -> Tensor:
    """How far pictures [n, 2] of points move where the points do, by ``radius`` across the view."""
    view = torch.nn.functional.normalize(centres - camera.eye, dim=-1)
    side = torch.nn.functional.normalize(torch.linalg.cross(view, camera.axes[1].expand_as(view)), dim=-1)
    moved = [camera.project(centres + radius * way)[0] for way in (side, torch.linalg.cross(view, side))]
    return torch.stack([(place - pixels).norm(dim=-1) for place in moved]).norm(dim=0)


def _meets(mask: np.ndarray, x: Tensor, y: Tensor, reach: Tensor) -> Tensor:
    """Which squares around places [n] in a picture have something of its mask in them."""
    height, width = mask.shape
    # Summed-area table: Crow, Summed-Area Tables for Texture Mapping, SIGGRAPH 1984.
    sums = np.zeros((height + 1, width + 1), np.int32)
    mask.cumsum(0, np.int32).cumsum(1, out=sums[1:, 1:])
    table = torch.from_numpy(sums).view(-1)
    left, right = (x - reach).floor().clamp(min=0).long(), (x + reach).ceil().clamp(max=width).long()
    top, bottom = (y - reach).floor().clamp(min=0).long(), (y + reach).ceil().clamp(max=height).long()
    top, bottom = top * (width + 1), bottom * (width + 1)
    return table[bottom + right] - table[top + right] - table[bottom + left] + table[top + left] > 0
