"""Posed photos to a radiance field: the field, its held-out views beside the photos, a mesh and a film.

python apps/train_nerf.py scenes/lego --seconds 60 --out lego.nf --film lego.mp4 --mesh lego.glb
"""

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

import neuralfields as nf
from neuralfields.files.images import write_image
from neuralfields.files.posed.photos import depths_of
from neuralfields.files.video import check_video, write_video
from neuralfields.storage.export import check_mesh_path
from neuralfields.storage.export_scene import export_scene_mesh

RECIPES = ("ngp", "mip360", "small_nerf", "nerf", "nerfpp")
FPS, FILM_SIZE = 24.0, (400, 400)
SHOWN = 3  # held-out views in the picture


def main(
    path: Path,
    out: Path,
    *,
    seconds: float = 60.0,
    recipe: str = "ngp",
    scale: int | None = None,
    film: Path | None = None,
    mesh: Path | None = None,
) -> None:
    """Write ``out``, the field, and beside it a picture (.png): photos above, what the field shows below.

    Args:
        path: a folder of posed photos.
        out: .nf file.
        seconds: of fitting.
        recipe: one of ``RECIPES``.
        scale: photos are made smaller by this whole factor; by default large ones are.
        film: .mp4 or .gif of a way around the scene.
        mesh: file of the surface where the density is high, with colours.

    Raises:
        InputError: a value is out of range, or a file cannot be read or written.
    """
    if not 0 < seconds < math.inf:
        raise nf.errors.InputError(f"--seconds is above 0 and finite, got {seconds}")
    if recipe not in RECIPES:
        raise nf.errors.InputError(f"--recipe is one of {', '.join(RECIPES)}, got {recipe!r}")
    if film:
        check_video(film, FPS)
    if mesh:
        check_mesh_path(mesh)
    if not out.parent.is_dir():
        raise nf.errors.InputError(f"--out is in a folder that there is, got {out}")
    photos = nf.signals.PosedImages.read(path, scale=scale)
    print("\n".join([f"{photos.name}: {photos.extent}", *photos.notes]), flush=True)
    torch.manual_seed(0)
    made = nf.recipes.RECIPES[recipe](photos)
    torch.set_float32_matmul_precision(made.precision)
    field: Any = made.field  # that has render
    fit = nf.fit(made.field, photos, **made.settings | {"steps": None, "seconds": seconds})
    print(fit, flush=True)
    nf.save(made.field, out)
    views = [view for view, _ in zip(photos.views(made.field), range(SHOWN), strict=False)]
    rows = [np.concatenate([picture.numpy() for picture in row], 1) for row in zip(*map(_pair, views), strict=True)]
    write_image(out.with_suffix(".png"), np.concatenate(rows), bits=8)
    print(f"{out}: {', '.join(f'{view.name} {view.psnr:.2f} dB' for view in views)}; beside it .png")
    if film:
        tour = nf.render.Surroundings.of(photos.cameras, depths_of(photos.photos)).tour()
        cameras = tour.frames(round(tour.seconds * FPS), FILM_SIZE)
        pictures = (nf.render.render_view(field, one, frame=photos.frame) for one in cameras)
        count = write_video(film, (view.picture() for view in pictures), FPS)
        print(f"{film}: {count} pictures")
    if mesh:
        surface = export_scene_mesh(made.field, mesh)
        print(f"{mesh}: {len(surface.vertices):,} vertices, {len(surface.faces):,} faces")


def _pair(view: nf.signals.JudgedView) -> tuple[torch.Tensor, torch.Tensor]:
    return view.truth, view.picture


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, help="a folder of posed photos")
    parser.add_argument("--out", type=Path, default=Path("scene.nf"), help="field (scene.nf)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of fitting (60)")
    parser.add_argument("--recipe", default="ngp", choices=RECIPES, help="(ngp)")
    parser.add_argument("--scale", type=int, help="photos are made smaller by this factor (large ones are by default)")
    parser.add_argument("--film", type=Path, help=".mp4 or .gif of a way around the scene")
    parser.add_argument("--mesh", type=Path, help=".glb .obj .ply …, with colours")
    try:
        main(**vars(parser.parse_args()))
    except nf.NeuralFieldsError as error:
        parser.error(str(error))
