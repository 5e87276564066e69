"""Meshes to signed distance fields: the whole command, quality after 10 and 60 s, time to IoU 0.99 beside PyTorch.

Each field of the last budget is exported on a lattice of 512^3 cells and read back. Quality is judged by counting
crossings on a lattice of 256^3 (another method and seed than training's). Time to 0.99: the fewest steps of some
that reach it, then as many by the native kernels and by plain PyTorch, in turns.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh
from machine import DATA, arguments, write

import neuralfields as nf

MESHES = ("armadillo.obj", "nefertiti.obj", "spot.obj", "stanford-bunny.obj", "beetle-alt.obj")
BUDGETS = (25, 50, 75, 100, 150, 200, 300, 400, 600, 800)
ASKED = 0.99


def nf_in_a_process(*words: object) -> tuple[str, float, int]:
    """What the command prints, the seconds it takes, and the most memory it holds in MiB."""
    clock = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "neuralfields", *map(str, words)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"nf {words[0]} failed")
    return said, time.perf_counter() - clock, usage.ru_maxrss >> 10


def exported(run: Path, source: Path, resolution: int) -> dict[str, Any]:
    """The mesh of a field at this resolution, beside the one it was fitted to; lengths in units of the box of 2."""
    out = run.with_suffix(".ply")
    _, seconds, memory = nf_in_a_process("export", run, out, "--resolution", resolution, "--least-share", 0.001)
    back, truth = trimesh.load(out, process=False), nf.signals.Mesh.read(source)
    scale = truth.frame.scale
    made = nf.geometry.Triangles(
        truth.frame.to_box(torch.from_numpy(np.array(back.vertices))).numpy(), np.array(back.faces)
    )
    about, before = nf.geometry.topology(made), nf.geometry.topology(truth.surface())
    errors = nf.metrics.surface_errors(made, truth.surface()).to_json()
    found = {
        "mesh": source.name,
        "seconds": round(seconds, 1),
        "peak_memory_mib": memory,
        "faces": len(back.faces),
        "watertight_by_trimesh": bool(back.is_watertight),
        "components": about.components,
        "components_of_input": before.components,
        "world_units_per_box_unit": scale,
        **errors,
    }
    with suppress(ImportError):
        import open3d  # pyright: ignore[reportMissingImports]

        again = open3d.io.read_triangle_mesh(str(out))
        found["faces_read_by_open3d"] = len(again.triangles)
        # Its is_watertight looks for crossings of any two faces, which takes hours here.
        found["closed_by_open3d"] = again.is_edge_manifold(False) and again.is_vertex_manifold()
    return found


def command(path: Path, seconds: float, folder: Path) -> dict[str, Any]:
    """``nf fit`` in a process of its own."""
    out = folder / f"{path.stem}-{seconds:g}"
    said, whole, memory = nf_in_a_process("fit", path, "--seconds", seconds, "--out", out, "--json")
    info = json.loads(said)
    about = info["signal"]
    return {
        "mesh": path.name,
        "faces": about["shape"][1],
        "closed": about["closed"],
        "doubt": about["doubt"],
        "seconds": seconds,
        "whole_command": round(whole, 2),
        "peak_memory_mib": memory,
        "fit_seconds": round(info["fit_seconds"], 2),
        "other_seconds": {name: round(value, 2) for name, value in info["other_seconds"].items()},
        "steps": info["steps"],
        "parameters": info["parameters"],
        "metrics": info["metrics"],
    }


def timed(signal: nf.signals.Mesh, backend: str, steps: int) -> dict[str, float]:
    """Seconds of fitting and the quality after them."""
    torch.manual_seed(0)
    recipe = nf.recipes.sdf(signal)
    with nf.ops.wherever(backend):
        fit = nf.fit(recipe.field, signal, **recipe.settings | {"steps": steps})
    return {"seconds": fit.seconds, "iou": fit.metrics["iou"]}


def against_pytorch(path: Path, rounds: int) -> dict[str, Any]:
    signal = nf.signals.Mesh.read(path)
    signal.prepare()
    steps = next(n for n in BUDGETS if timed(signal, "cpu", n)["iou"] >= ASKED)
    found: dict[str, list[dict[str, float]]] = {"cpu": [], "reference": []}
    for _ in range(rounds):
        for backend, rows in found.items():
            rows.append(timed(signal, backend, steps))
            print(path.name, backend, rows[-1], flush=True)
    medians = {backend: statistics.median(row["seconds"] for row in rows) for backend, rows in found.items()}
    ratio = medians["reference"] / medians["cpu"]
    return {"mesh": path.name, "steps": steps, "seconds": medians, "ratio": round(ratio, 1), "rounds": found}


def main() -> None:
    parser = arguments(__doc__ or "", "shapes.json")
    parser.add_argument("--seconds", type=float, nargs="+", default=[10, 60])
    parser.add_argument("--only", nargs="+", default=MESHES, help="files of the sample meshes")
    parser.add_argument("--resolution", type=int, default=512, help="of the exported meshes")
    parser.add_argument("--rounds", type=int, default=3, help="of each kind of kernels")
    options = parser.parse_args()
    rows, ratios, exports = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in options.seconds:
            for name in options.only:
                rows.append(command(DATA / "meshes" / name, seconds, Path(folder)))
                print(rows[-1], flush=True)
        for name in options.only:
            run = Path(folder) / f"{Path(name).stem}-{options.seconds[-1]:g}"
            exports.append(exported(run, DATA / "meshes" / name, options.resolution))
            print(exports[-1], flush=True)
    for name in [name for name in options.only if name == MESHES[0]]:
        ratios.append(against_pytorch(DATA / "meshes" / name, options.rounds))
    write(
        options.out,
        {
            "threads": torch.get_num_threads(),
            "rows": rows,
            "exports": exports,
            "to_iou": {"asked": ASKED, "rows": ratios},
        },
    )


if __name__ == "__main__":
    main()
