"""PSNR over seconds of the recipes for posed photos, on one scene: NeRF at reduced size beside its successors.

The networks of ``nerf`` and ``nerfpp`` are of a quarter of the published width and half the depth. Beside the results
lies a picture of the courses. PSNR is that of views kept for validation: pictures for testing choose nothing.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from machine import DATA, arguments, write

import neuralfields as nf
from neuralfields.bench import pictures
from neuralfields.recipes import Recipe, mip360, nerf, nerfpp, ngp
from neuralfields.signals import PosedImages

_SMALL: dict[str, Any] = {"width": 64, "depth": 4, "samples": (32, 64), "batch": 512}
RECIPES: dict[str, Callable[[PosedImages], Recipe]] = {
    "ngp": ngp,
    "mip360": mip360,
    "nerf": partial(nerf, **_SMALL),
    "nerfpp": partial(nerfpp, **_SMALL),
}
_VIEWS = 5  # rendered at each moment


def course(name: str, scene: PosedImages, seconds: float, moments: int) -> dict[str, Any]:
    """A row: PSNR and the loss at moments that grow by one factor, up to the end."""
    torch.manual_seed(0)
    recipe = RECIPES[name](scene)
    rate = (
        {}
        if name in ("ngp", "mip360")
        else {"optimizer": nf.fitting.Adam(lr=2e-3), "decay": nf.fitting.Decay(0.2, 0.1)}
    )
    due = [0.02 ** (1 - k / (moments - 1)) for k in range(moments)]
    curve, losses = [], []
    for step in nf.steps(recipe.field, scene, **recipe.settings | rate | {"steps": None, "seconds": seconds}):
        losses.append(step.loss)
        if due and step.fraction >= min(due[0], 1.0):
            with step.state.averaged() as field:
                psnr = sum(view.psnr for view in scene.views(field, _VIEWS)) / min(_VIEWS, len(scene.judged))
            curve.append({"seconds": step.seconds, "psnr": psnr, "loss": sum(losses[-20:]) / len(losses[-20:])})
            due = [share for share in due if share > step.fraction]
    row = {"method": name, "parameters": recipe.parameters, "steps": len(losses), "batch": recipe.batch}
    return row | {"psnr": curve[-1]["psnr"], "curve": curve}


def main() -> None:
    parser = arguments(__doc__ or "", "nerfs.json")
    parser.add_argument("scene", type=Path, nargs="?", default=DATA / "scenes" / "lego_400")
    parser.add_argument("--only", choices=RECIPES, nargs="+", default=list(RECIPES))
    parser.add_argument("--seconds", type=float, default=300, help="of each fit")
    parser.add_argument("--scale", type=int, default=2, help="pictures are made smaller by it")
    parser.add_argument("--moments", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    scene = PosedImages.read(options.scene, scale=options.scale, split="val")
    settings = {name: getattr(options, name) for name in ("seconds", "scale", "threads")} | {"scene": scene.describe()}
    rows = []
    for name in options.only:
        rows.append(course(name, scene, options.seconds, options.moments))
        print({key: value for key, value in rows[-1].items() if key != "curve"}, flush=True)
        write(options.out, {"settings": settings, "rows": rows})
        pictures.courses(rows, title=scene.name).save(options.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
