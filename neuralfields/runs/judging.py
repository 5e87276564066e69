"""How well a field shows the views that a scene is judged by, in numbers and in pictures beside the truth."""

from pathlib import Path
from typing import Any

import torch

from neuralfields.field import Field
from neuralfields.files.images import write_image
from neuralfields.signals import PosedImages
from neuralfields.signals.posed_images import known_mean

_SCALES = {"half": 0.5, "double": 2.0}


def judge_views(
    field: Field, signal: PosedImages, *, pictures: Path | None = None, scales: bool = False
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Render all judged views and compare them with the truth.

    Args:
        field: what can be rendered.
        signal: the scene.
        pictures: a folder, made if need be, for a picture of each view, the field's to the left of the truth.
        scales: also render at half and at double the resolution, see ``PosedImages.views``.

    Returns:
        Means by name: psnr, ssim, and with ``scales`` psnr_half, ssim_half, psnr_double, ssim_double. And of each view
        its name, psnr and ssim.

    Raises:
        InputError: the field cannot be rendered, or a picture not be written.
    """
    views = []
    for view in signal.views(field):
        views.append({"name": view.name, "psnr": view.psnr, "ssim": view.ssim})
        if pictures is not None:
            pictures.mkdir(exist_ok=True)
            both = torch.cat([view.picture, view.truth], 1).clamp(0, 1)
            write_image(pictures / f"{len(views) - 1:04d}-{Path(view.name).stem}.png", both.numpy(), bits=8)
    values = {name: known_mean([view[name] for view in views]) for name in ("psnr", "ssim")}
    for name, scale in _SCALES.items() if scales else ():
        found = [(view.psnr, view.ssim) for view in signal.views(field, scale=scale)]
        means = map(known_mean, zip(*found, strict=True))
        values |= dict(zip((f"psnr_{name}", f"ssim_{name}"), means, strict=True))
    return values, views
