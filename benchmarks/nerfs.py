"""PSNR over seconds of the recipes for posed photos, on one scene: NeRF at reduced size beside its successors.

The networks of ``small_nerf``, and of ``nerfpp`` here, are of a quarter of the published width and half the depth.
Beside the results lies a picture of the courses. PSNR is that of views kept for validation: pictures for testing choose
nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from machine import DATA, arguments, write

import neuralfields as nf
from neuralfields.bench import pictures
from neuralfields.recipes import Recipe, mip360, nerfpp, ngp, small_nerf
from neuralfields.signals import PosedImages

_LIKE = ("batch", "optimizer", "decay")


def small_nerfpp(scene: PosedImages) -> Recipe:
    """``nerfpp`` of the sizes and the rate of ``small_nerf``."""
    like = small_nerf(scene)
    return replace(nerfpp(scene, width=64, depth=4, samples=(32, 64)), **{n: getattr(like, n) for n in _LIKE})


RECIPES: dict[str, Callable[[PosedImages], Recipe]] = {
    "ngp": ngp,
    "mip360": mip360,
    "small_nerf": small_nerf,
    "nerfpp": small_nerfpp,
}
_VIEWS = 5  # rendered at each moment


def course(name: str, scene: PosedImages, seconds: float, moments: int) -> dict[str, Any]:
    """A row: PSNR and the loss at moments that grow by one factor, up to the end."""
    torch.manual_seed(0)
    recipe = RECIPES[name](scene)
    torch.set_float32_matmul_precision(recipe.precision)
    due = [0.02 ** (1 - k / (moments - 1)) for k in range(moments)]
    curve, losses = [], []
    for step in nf.steps(recipe.field, scene, **recipe.settings | {"steps": None, "seconds": seconds}):
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
