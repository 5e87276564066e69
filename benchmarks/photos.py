"""Fit real images with ``nf fit``, each in a process of its own: PSNR, time, memory, size.

python benchmarks/photos.py                     every image of the sample data to its target
python benchmarks/photos.py --only astronaut --seeds 3
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import DATA, arguments, write

TARGETS = {
    "kodak/*.png": ("--until-psnr", "40"),
    "div2k512/*.png": ("--until-psnr", "40"),
    "skimage/astronaut.png": ("--until-psnr", "40"),
    "large/spider_web_gray8.png": ("--until-psnr", "40"),
    "large/earth_day.jpg": ("--until-psnr", "33"),
    "hdr/*.exr": ("--steps", "1000"),
}


def main() -> None:
    parser = arguments(__doc__ or "", "photos.json")
    parser.add_argument("--only", default="", help="images whose path holds this")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    if options.only and options.out.name == "photos.json":  # a part must not pass for the whole
        options.out = options.out.with_name(f"photos-{options.only.replace('/', '-')}.json")
    rows = []
    for pattern, budget in TARGETS.items():
        for path in sorted((DATA / "images").glob(pattern)):
            if options.only not in str(path):
                continue
            for seed in range(options.seeds):
                rows.append(fitted(path, budget, seed))
                print(json.dumps(rows[-1]), flush=True)
                write(options.out, rows)


def fitted(path: Path, budget: tuple[str, str], seed: int) -> dict[str, Any]:
    """One ``nf fit`` in a folder that is thrown away, and what it took."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [sys.executable, "-m", "neuralfields", "fit", str(path), *budget, "--seed", str(seed), "--json"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"nf fit failed on {path}")
        command_seconds = time.perf_counter() - began
    run = json.loads(output)
    return {
        "image": path.name,
        "shape": run["signal"]["shape"],
        "budget": " ".join(budget),
        "seed": seed,
        "status": run["status"],
        **{name: run["metrics"][name] for name in ("psnr", "relative_mse", "relative_l2", "bits_per_pixel")},
        "ssim": run["metrics"].get("ssim"),
        "steps": run["steps"],
        "fit_seconds": round(run["fit_seconds"], 2),
        "command_seconds": round(command_seconds, 2),
        "samples_per_second": round(run["samples_per_second"]),
        "parameters": run["parameters"],
        "peak_memory_mib": usage.ru_maxrss // 1024,
    }


if __name__ == "__main__":
    main()
