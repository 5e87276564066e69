"""Surfaces from points alone by the recipe ``siren_sdf``: armadillo's vertices and normals, and two scans of the bunny.

Of armadillo the whole mesh is known, so the Chamfer distance is that to it, in percent of its bounds' diagonal. Of the
bunny there are two range scans, from the front and from 45 degrees aside; their normals are estimated, and the distance
is that of the points from the surface. Nothing is cut off: ``components`` are all parts of the zero set in the box.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from machine import DATA, arguments, write

import neuralfields as nf
from neuralfields.files.meshes import read_mesh

# The second scan goes into the first one's place by p' = R^T p + t (shared/data/README.md); quaternion as (x, y, z, w).
TURN, SHIFT = (0.00548449, -0.294635, -0.0038555, 0.955586), (-0.0520211, -0.000383981, -0.0109223)
SCANNER = np.array([0.0, 0.0, 10.0])  # far away along the axis of depth, in metres


def armadillo() -> nf.signals.PointCloud:
    return nf.signals.PointCloud.read(DATA / "meshes" / "armadillo.obj")


def bunny() -> nf.signals.PointCloud:
    from scipy.spatial.transform import Rotation

    folder, turn = DATA / "pointclouds" / "bunny_scans", Rotation.from_quat(TURN).as_matrix()
    front = nf.signals.PointCloud.read(folder / "bun000.ply", viewpoint=SCANNER)
    beside = read_mesh(folder / "bun045.ply").vertices @ turn + SHIFT
    beside = nf.signals.PointCloud(beside, viewpoint=SCANNER @ turn + SHIFT)
    return nf.signals.PointCloud.joined([front, beside], name="bun000 + bun045")


def chamfer(cloud: nf.signals.PointCloud, field: nf.Field, resolution: int) -> dict[str, Any]:
    """Against armadillo's mesh, in percent of the diagonal."""
    mesh = read_mesh(DATA / "meshes" / "armadillo.obj")
    vertices = cloud.frame.to_box(torch.from_numpy(mesh.vertices)).numpy()
    truth = nf.geometry.Triangles(vertices, mesh.faces)
    found = nf.render.extract(nf.render.Surface(field), resolution).triangles
    errors = nf.metrics.surface_errors(found, truth).to_json()
    share = 100 / diagonal(cloud)
    lengths = {name: share * errors[name] for name in ("chamfer_l1", "hausdorff", "to_target", "to_prediction")}
    return {f"{name}_percent": value for name, value in lengths.items()} | {
        "normal_error": errors["normal_error"],
        "closed": found.closed,
    }


def diagonal(cloud: nf.signals.PointCloud) -> float:
    """Of the points' bounds, in box units."""
    return math.dist(cloud.points.amin(0).tolist(), cloud.points.amax(0).tolist())


CASES: dict[str, Callable[[], nf.signals.PointCloud]] = {"armadillo": armadillo, "bunny": bunny}


def main() -> None:
    parser = arguments(__doc__ or "", "scan.json")
    parser.add_argument("--only", choices=CASES, nargs="+", default=list(CASES))
    parser.add_argument("--steps", type=int, help="the recipe's own by default")
    parser.add_argument("--resolution", type=int, default=256, help="cells of the mesh that is judged, along an axis")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = {}
    for name in options.only:
        cloud = CASES[name]()
        torch.manual_seed(0)
        recipe = nf.recipes.siren_sdf(cloud)
        fit = nf.fit(recipe.field, cloud, **replace(recipe, steps=options.steps or recipe.steps).settings)
        row = {"points": cloud.size, "threads": options.threads, "steps": fit.steps, "kernels": fit.kernels}
        row |= {"fit_seconds": round(fit.seconds, 1), "step_ms": round(1e3 * fit.seconds / fit.steps, 1)}
        found = cloud.measure(recipe.field, thorough=True)
        if found["components"]:
            row["points_to_mesh_percent"] = 100 * found["points_to_mesh"] / diagonal(cloud)
            row |= chamfer(cloud, recipe.field, options.resolution) if name == "armadillo" else {}
        rows[name] = row | found
        print(name, rows[name], flush=True)
        write(options.out, {"resolution": options.resolution, "rows": rows})


if __name__ == "__main__":
    main()
