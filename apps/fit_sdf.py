"""A mesh to a signed distance field and back: the field, its surface as a mesh, and a picture of it.

python apps/fit_sdf.py bunny.obj --seconds 10 --out bunny-field.glb
"""

import argparse
import math
from pathlib import Path

import torch

import neuralfields as nf
from neuralfields.files.images import write_image
from neuralfields.files.meshes import WRITABLE_MESH_SUFFIXES
from neuralfields.storage.export import export_mesh


def main(
    path: Path,
    out: Path,
    *,
    form: str = "sdf",
    seconds: float = 10.0,
    resolution: int = 256,
    threads: int | None = None,
) -> None:
    """Write ``out``, the mesh, and beside it the field (.nf) and a picture (.png); print how good they are.

    Args:
        form: "sdf", "occupancy" or "udf".
        seconds: of fitting.
        resolution: cells of the mesh along each axis.

    Raises:
        InputError: a number is not above 0 and finite, ``out`` is no mesh or in no folder, or the mesh cannot be read.
    """
    threads = torch.get_num_threads() if threads is None else threads
    for what, value in (("seconds", seconds), ("threads", threads)):
        if not 0 < value < math.inf:
            raise nf.errors.InputError(f"--{what} is above 0 and finite, got {value}")
    if out.suffix.lower() not in WRITABLE_MESH_SUFFIXES or not out.parent.is_dir():
        known = ", ".join(sorted(WRITABLE_MESH_SUFFIXES))
        raise nf.errors.InputError(f"--out is one of {known} in a folder that there is, got {out}")
    torch.set_num_threads(threads)
    mesh = nf.signals.Mesh.read(path, form=form)
    print("\n".join([f"{mesh.name}: {mesh.extent}", *mesh.notes]), flush=True)
    torch.manual_seed(0)
    recipe = nf.recipes.sdf(mesh)
    fit = nf.fit(recipe.field, mesh, **recipe.settings | {"steps": None, "seconds": seconds})
    print(fit, flush=True)
    for name, value in mesh.measure(fit.field, thorough=True).items():
        print(f"  {name:<18}{value:.6g}")
    nf.save(recipe.field, out.with_suffix(".nf"))
    made = export_mesh(recipe.field, out, resolution=resolution)
    write_image(out.with_suffix(".png"), nf.render.render_surface(nf.render.Surface.of(recipe.field)))
    print(f"{out}: {len(made.vertices):,} vertices, {len(made.faces):,} faces; beside it .nf and .png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, help="a mesh")
    parser.add_argument("--out", type=Path, default=Path("field.glb"), help="OBJ, PLY, STL, GLB or OFF")
    parser.add_argument("--as", dest="form", default="sdf", choices=nf.render.FORMS)
    parser.add_argument("--seconds", type=float, default=10.0, help="of fitting")
    parser.add_argument("--resolution", type=int, default=256, help="cells of the mesh along each axis")
    parser.add_argument("--threads", type=int)
    options = vars(parser.parse_args())
    try:
        main(options.pop("path"), options.pop("out"), **options)
    except nf.NeuralFieldsError as error:
        parser.error(str(error))
