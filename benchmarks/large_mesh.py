"""Meshes of many millions of faces to signed distance fields: seconds and peak memory of the whole command.

Each mesh is a sample whose faces are cut into four at the middles of their edges, some times over, and read from a
binary PLY file. The surface stays as it is, so the qualities are to be those of the sample itself.
"""

import multiprocessing
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import DATA, arguments, write
from shapes import command

from neuralfields.files.meshes import read_mesh, write_mesh


def quartered(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each face cut into four at the middles of its edges."""
    after = np.roll(faces, -1, axis=1)
    keys = np.minimum(faces, after) * len(vertices) + np.maximum(faces, after)
    edges, number = np.unique(keys, return_inverse=True)
    low, high = np.divmod(edges, len(vertices))
    (a, b, c), (ab, bc, ca) = faces.T, len(vertices) + number.reshape(-1, 3).T
    corners = ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))
    middles = (vertices[low] + vertices[high]) / 2
    return np.concatenate([vertices, middles]), np.concatenate([np.stack(three, 1) for three in corners])


def make(source: Path, times: int, out: Path) -> None:
    """Write the mesh ``source`` cut so often."""
    mesh = read_mesh(source)
    vertices, faces = mesh.vertices, mesh.faces
    for _ in range(times):
        vertices, faces = quartered(vertices, faces)
    write_mesh(out, vertices, faces)


def fitted(source: Path, times: int, seconds: float, folder: Path) -> dict[str, Any]:
    """What ``nf fit`` says and takes for the mesh cut so often."""
    path = folder / f"{source.stem}-{times}.ply"
    # In a process of its own, because what a process took at most is told of its children too.
    maker = multiprocessing.get_context("spawn").Process(target=make, args=(source, times, path))
    maker.start()
    maker.join()
    if maker.exitcode:
        raise SystemExit(f"{path.name} could not be made")
    row = command(path, seconds, folder)
    per_face = (row["peak_memory_mib"] << 20) // row["faces"]
    return row | {"file_mib": path.stat().st_size >> 20, "peak_bytes_per_face": per_face}


def main() -> None:
    parser = arguments(__doc__ or "", "large_mesh.json")
    parser.add_argument("--only", nargs="+", default=["spot.obj"], help="files of the sample meshes")
    parser.add_argument("--times", type=int, nargs="+", default=[6], help="how often the faces are cut into four")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    rows = []
    for name in options.only:
        for times in options.times:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(fitted(DATA / "meshes" / name, times, options.seconds, Path(folder)))
            print(rows[-1], flush=True)
            write(options.out, {"threads": torch.get_num_threads(), "rows": rows})


if __name__ == "__main__":
    main()
