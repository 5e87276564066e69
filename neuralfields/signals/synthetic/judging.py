"""A field that was fitted to photos of a world, against the world itself."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from neuralfields import metrics
from neuralfields.geometry import Camera, Frame
from neuralfields.render import Renderable, View, render_view
from neuralfields.signals.synthetic.world import World, trace

_COLUMNS = 4


def judge(
    field: Renderable, world: World, cameras: Sequence[Camera], *, frame: Frame | None = None
) -> tuple[dict[str, float], np.ndarray]:
    """Compare what cameras see of a field with what they see of the world.

    Args:
        field: what ``render.render_view`` takes, with densities.
        world: the truth.
        cameras: one or more, with pictures of one size.
        frame: see ``render.render_view``.

    Returns:
        Means over the cameras of psnr (dB, over white where the world has a background, over black otherwise);
        depth_error, the mean distance in world units between depths, and normal_error, the mean angle in degrees
        between normals, both of the pixels whose centre shows something in the world; and missing, the share of these
        that are less than half opaque in the field. Then a picture [height, width, 3] float32 of a few of the views:
        colours, depths and normals in pairs of rows, those of the world above those of the field.
    """
    found, columns = [], []
    for truth, view in _pairs(field, world, cameras, frame):
        found.append(_errors(truth, view, float(world.masked)))
        if len(columns) < _COLUMNS:
            columns.append(_column(truth, view))
    means = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
    return means, np.concatenate(columns, 1)


def _pairs(
    field: Renderable, world: World, cameras: Sequence[Camera], frame: Frame | None
) -> Iterator[tuple[View, View]]:
    for camera in cameras:
        seen = trace(world, camera), render_view(field, camera, frame=frame, normals=True)
        truth, view = (View(*(part.float().cpu() for part in vars(one).values())) for one in seen)
        yield truth, view


def _errors(truth: View, view: View, background: float) -> dict[str, float]:
    assert truth.normals is not None and view.normals is not None
    there = truth.depth > 0
    agree = (truth.normals * view.normals).sum(-1)[there].clamp(-1, 1)
    return {
        "psnr": metrics.psnr(view.over([background] * 3), truth.over([background] * 3)),
        "depth_error": float((view.depth - truth.depth)[there].abs().mean()),
        "normal_error": float(torch.rad2deg(agree.acos()).mean()),
        "missing": float((view.opacity[there] < 0.5).float().mean()),
    }


def _column(truth: View, view: View) -> np.ndarray:
    rows = [one.picture(mode, depths=truth.reach) for mode in ("colour", "depth", "normals") for one in (truth, view)]
    return np.concatenate(rows, 0)
