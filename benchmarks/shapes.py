"""Meshes to signed distance fields: the whole command, quality after 10 and 60 s, time to IoU 0.99 beside PyTorch.

Quality is judged by counting crossings on a lattice of 256^3 (another method and another seed than training's). Time to
0.99: the fewest steps of some that reach it, then as many by the native kernels and by plain PyTorch, in turns.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from machine import DATA, arguments, write

import neuralfields as nf

MESHES = ("armadillo.obj", "nefertiti.obj", "spot.obj", "stanford-bunny.obj", "beetle-alt.obj")
BUDGETS = (25, 50, 75, 100, 150, 200, 300, 400, 600, 800)
ASKED = 0.99


def command(path: Path, seconds: float, folder: Path) -> dict[str, Any]:
    """``nf fit`` in a process of its own."""
    out = folder / f"{path.stem}-{seconds:g}"
    words = [sys.executable, "-m", "neuralfields", "fit", path, "--seconds", seconds, "--out", out, "--json"]
    clock = time.perf_counter()
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True)
    whole = time.perf_counter() - clock
    info = json.loads(done.stdout)
    about = info["signal"]
    return {
        "mesh": path.name,
        "faces": about["shape"][1],
        "closed": about["closed"],
        "doubt": about["doubt"],
        "seconds": seconds,
        "whole_command": round(whole, 2),
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
    parser.add_argument("--rounds", type=int, default=3, help="of each kind of kernels")
    options = parser.parse_args()
    rows, ratios = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in options.seconds:
            for name in options.only:
                rows.append(command(DATA / "meshes" / name, seconds, Path(folder)))
                print(rows[-1], flush=True)
    for name in [name for name in options.only if name == MESHES[0]]:
        ratios.append(against_pytorch(DATA / "meshes" / name, options.rounds))
    write(options.out, {"threads": torch.get_num_threads(), "rows": rows, "to_iou": {"asked": ASKED, "rows": ratios}})


if __name__ == "__main__":
    main()
