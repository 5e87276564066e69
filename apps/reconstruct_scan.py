"""A closed mesh from the points of one or several scans: SIREN's signed distance, then marching cubes.

python apps/reconstruct_scan.py front.ply side.ply --viewpoint 0 0 10 --viewpoint 7 0 7 --out statue.ply
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

import neuralfields as nf
from neuralfields.files.meshes import WRITABLE_MESH_SUFFIXES
from neuralfields.storage.export import export_mesh


def main(
    paths: Sequence[Path],
    out: Path,
    *,
    viewpoints: Sequence[Sequence[float]] = (),
    steps: int | None = None,
    resolution: int = 256,
    smallest: float = 0.01,
    threads: int | None = None,
) -> None:
    """Write ``out``, the surface through the points, in their unit and place; tell how well it goes through them.

    Args:
        paths: mesh or point files in one unit and place.
        viewpoints: where the scanner stood, for files without normals: one for each file, or one for all.
        steps: of fitting; the recipe's own if None.
        resolution: cells of the mesh along each axis.
        smallest: parts with a smaller share of the largest part's area are left out.

    Raises:
        InputError: a number is out of range, ``out`` is no mesh or in no folder, or a file cannot be read.
    """
    threads = torch.get_num_threads() if threads is None else threads
    for what, value in (("steps", 1 if steps is None else steps), ("threads", threads)):
        if not 0 < value < math.inf:
            raise nf.errors.InputError(f"--{what} is above 0, got {value}")
    if out.suffix.lower() not in WRITABLE_MESH_SUFFIXES or not out.parent.is_dir():
        known = ", ".join(sorted(WRITABLE_MESH_SUFFIXES))
        raise nf.errors.InputError(f"--out is one of {known} in a folder that there is, got {out}")
    torch.set_num_threads(threads)
    cloud = points_of(paths, viewpoints)
    print(f"{cloud.name}: {cloud.size:,} points, normals {cloud.describe()['normals']}", flush=True)
    torch.manual_seed(0)
    recipe = nf.recipes.siren_sdf(cloud)
    fit = nf.fit(recipe.field, cloud, **replace(recipe, steps=steps or recipe.steps).settings)
    print(f"fitted in {fit.steps} steps, {fit.seconds:.0f} s", flush=True)
    for line in quality(cloud, recipe.field):
        print(line)
    mesh = export_mesh(recipe.field, out, resolution=resolution, least_share=smallest)
    print(f"{out}: {len(mesh.vertices):,} vertices, {len(mesh.faces):,} faces")


def points_of(paths: Sequence[Path], viewpoints: Sequence[Sequence[float]]) -> nf.signals.PointCloud:
    """The files' points as one cloud."""
    if len(viewpoints) not in (0, 1, len(paths)):
        raise nf.errors.InputError(f"--viewpoint is given once, or once for each of {len(paths)} files")
    views = list(viewpoints) * len(paths) if len(viewpoints) == 1 else list(viewpoints) or [None] * len(paths)
    clouds = [nf.signals.PointCloud.read(path, viewpoint=view) for path, view in zip(paths, views, strict=True)]
    return nf.signals.PointCloud.joined(clouds, name=" + ".join(cloud.name for cloud in clouds))


def quality(cloud: nf.signals.PointCloud, field: nf.Field) -> list[str]:
    """What ``PointCloud.measure`` finds, in the points' unit, in words."""
    found, unit = cloud.measure(field, thorough=True), cloud.frame.matrix[0][0]
    if not found["components"]:
        return ["there is no surface: give more steps"]
    mean, most, reach = (unit * found[name] for name in ("points_to_mesh", "points_to_mesh_max", "reach"))
    return [
        f"distance of the points from the surface: {mean:.3g} in the mean, {most:.3g} at most",
        f"parts: {found['components']}, of which {found['components_near']} near the points",
        f"open parts that were closed: {found['unsupported']:.1%} of the surface is over {reach:.3g} from any point",
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", type=Path, nargs="+", metavar="path", help="mesh or point files in one place")
    parser.add_argument("--out", type=Path, default=Path("reconstruction.ply"))
    parser.add_argument(
        "--viewpoint", dest="viewpoints", type=float, nargs=3, action="append", default=[], metavar=("X", "Y", "Z")
    )
    parser.add_argument("--steps", type=int)
    parser.add_argument("--resolution", type=int, default=256, help="cells of the mesh along each axis")
    parser.add_argument("--smallest", type=float, default=0.01, help="share of the largest part's area, of parts kept")
    parser.add_argument("--threads", type=int)
    options = vars(parser.parse_args())
    try:
        main(options.pop("paths"), options.pop("out"), **options)
    except nf.NeuralFieldsError as error:
        parser.error(str(error))
