"""Posed photos to radiance fields: quality after some seconds of ``nf fit``, pictures per second, and steps by PyTorch.

Quality is the mean of the held-out views' PSNR: of lego those of the test set over white, else every eighth photo's.
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

BUDGETS = {"lego_400": (3, 15, 60, 300), "fox": (60, 300), "llff_fern": (60, 300)}
COMPARED = 10  # steps of each kind of kernels in a round


def fitted(scene: str, seconds: float, recipe: str, folder: Path) -> dict[str, Any]:
    """``nf fit`` in a process of its own."""
    out, clock = folder / f"{scene}-{recipe}-{seconds:g}", time.perf_counter()
    words = ["fit", DATA / "scenes" / scene, "--recipe", recipe, "--seconds", seconds, "--out", out, "--json"]
    command = [sys.executable, "-m", "neuralfields", *map(str, words)]
    told = subprocess.run(command, text=True, stdout=subprocess.PIPE, check=False)
    if told.returncode:
        raise SystemExit(f"nf fit {scene} failed")
    info = json.loads(told.stdout)
    row = {"scene": scene, "recipe": recipe, "seconds": seconds, "steps": info["steps"], "metrics": info["metrics"]}
    row |= {"parameters": info["parameters"], "whole_command": round(time.perf_counter() - clock, 1)}
    return row | {"frames_per_second": speed(nf.load(out / "field.nf"), scene)}


def speed(field: Any, scene: str, views: int = 12) -> float:
    """Held-out views rendered per second: the median of some."""
    signal = nf.signals.PosedImages.read(DATA / "scenes" / scene)
    took = []
    for number in list(signal.judged)[:views]:
        clock = time.perf_counter()
        nf.render.render_view(field, signal.cameras[number], frame=signal.frame)
        took.append(time.perf_counter() - clock)
    return round(1 / statistics.median(took), 2)


def per_step(scene: str, rounds: int) -> dict[str, Any]:
    """Milliseconds of a step by the core and by plain PyTorch with the same recipe, in turns, after some steps."""
    signal = nf.signals.PosedImages.read(DATA / "scenes" / scene)
    took: dict[str, list[float]] = {"cpu": [], "reference": []}
    torch.manual_seed(0)
    recipe = nf.recipes.ngp(signal)
    torch.set_float32_matmul_precision(recipe.precision)
    state = nf.fitting.start(recipe.field, objective=recipe.objective, optimizer=recipe.optimizer)
    go_on = {"batch": recipe.batch, "state": state}
    _last(nf.steps(recipe.field, signal, **go_on, steps=100))
    for _ in range(rounds):
        for backend, rows in took.items():
            before = state.seconds
            with nf.ops.wherever(backend):
                _last(nf.steps(recipe.field, signal, **go_on, steps=state.step + COMPARED))
            rows.append(1e3 * (state.seconds - before) / COMPARED)
            print(scene, backend, rows[-1], flush=True)
    medians = {backend: statistics.median(rows) for backend, rows in took.items()}
    ratio = round(medians["reference"] / medians["cpu"], 1)
    return {"scene": scene, "milliseconds": medians, "ratio": ratio, "rounds": took}


def _last(steps: Any) -> None:
    for _ in steps:
        pass


def main() -> None:
    parser = arguments(__doc__ or "", "scenes.json")
    parser.add_argument("--only", nargs="+", choices=BUDGETS, default=list(BUDGETS))
    parser.add_argument("--seconds", type=float, nargs="+", help="other budgets")
    parser.add_argument("--recipe", nargs="+", default=["ngp"])
    parser.add_argument("--rounds", type=int, default=3, help="of each kind of kernels; 0 leaves them out")
    options = parser.parse_args()
    rows, ratios = [], []
    with tempfile.TemporaryDirectory() as folder:
        for scene in options.only:
            for seconds in options.seconds or BUDGETS[scene]:
                for recipe in options.recipe:
                    rows.append(fitted(scene, seconds, recipe, Path(folder)))
                    print(rows[-1], flush=True)
    if options.rounds:
        ratios.append(per_step(options.only[0], options.rounds))
    write(options.out, {"threads": torch.get_num_threads(), "rows": rows, "per_step": ratios})


if __name__ == "__main__":
    main()
