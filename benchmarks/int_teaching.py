"""INT's choice of samples (``nf.fitting.Teaching``) against all samples in each step: time and steps to equal quality.

Zhang et al., "Nonparametric Teaching of Implicit Neural Representations", ICML 2024, claim 30 % less time. A SIREN of
their size (5 sine layers of 256, rate 1e-3) is fitted twice to each image, reduced to 256 x 256, with the whole image
in each step and by ``Teaching()`` with the settings of their code, over the same number of steps T with the same
course of the rate. Ours: the rate falls exponentially to a hundredth instead of by a cosine to a thousandth, values
are in [-1, 1].

The two fits take turns, step by step, so that what else the machine does hits both. The quality is the PSNR of the
whole image, looked at each hundredth of T on the outside of both clocks. Equal quality is a PSNR that both reach: half
a dB below the lower one of the two at the end (``both``), and half a dB below that of the fit with all samples
(``uniform``), which Teaching may miss: then there is null. Rows are written as they come; a second run goes on.

python benchmarks/int_teaching.py                        three images, about an hour on 2 cores
python benchmarks/int_teaching.py photo.png --steps 200 --out teaching-photo.json
"""

from pathlib import Path
from typing import Any

import torch
from machine import DATA, arguments, as_published, earlier, square, write

import neuralfields as nf

IMAGES = [DATA / "images" / name for name in ("kodak/kodim05.png", "kodak/kodim23.png", "skimage/camera.png")]
MARGIN = 0.5  # dB


def main() -> None:
    parser = arguments(__doc__ or "", "teaching.json")
    parser.add_argument("images", nargs="*", type=Path, default=IMAGES)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    settings = {name: getattr(options, name) for name in ("side", "steps", "width", "depth", "rate", "threads")}
    rows, before = earlier(options.out, settings)
    for path in options.images:
        for seed in range(options.seeds):
            if any((row["image"], row["seed"]) == (path.name, seed) for row in rows):
                continue
            rows.append({"image": path.name, "seed": seed} | compared(square(path, options.side), seed, options))
            print({name: value for name, value in rows[-1].items() if name != "curves"}, flush=True)
            write(options.out, {"settings": settings, "rows": rows}, before)


def compared(image: nf.signals.Image, seed: int, options: Any) -> dict[str, Any]:
    """Both fits of one image, and when each has the PSNRs that count."""
    samplers = {"uniform": None, "teaching": nf.fitting.Teaching()}
    loops = {name: fitting(image, seed, options, sampler) for name, sampler in samplers.items()}
    curves: dict[str, list[dict[str, float]]] = {name: [] for name in loops}
    every = max(1, options.steps // 100)
    totals, kernels = {}, {}
    for number in range(1, options.steps + 1):
        for name, loop in loops.items():
            step = next(loop)
            if number % every == 0 or number == options.steps:
                psnr = image.measure(step.state.field)["psnr"]
                curves[name].append({"step": number, "seconds": step.seconds, "psnr": psnr})
            totals[name], kernels[name] = step.samples, dict(step.state.kernels)
    ends = {name: curve[-1]["psnr"] for name, curve in curves.items()}
    targets = {"both": min(ends.values()) - MARGIN, "uniform": ends["uniform"] - MARGIN}
    return {
        "final_psnr": ends,
        "seconds": {name: curve[-1]["seconds"] for name, curve in curves.items()},
        "samples": totals,
        "kernels": kernels,
        "targets": {
            which: {"psnr": target, **{name: reached(curve, target) for name, curve in curves.items()}}
            for which, target in targets.items()
        },
        "curves": curves,
    }


def fitting(image: nf.signals.Image, seed: int, options: Any, sampler: nf.fitting.Teaching | None) -> Any:
    """The steps of one fit."""
    torch.manual_seed(seed)
    siren = nf.networks.Siren(2, image.out_dim, width=options.width, depth=options.depth)
    field, optimizer = as_published(siren, options.rate)
    return nf.steps(
        field,
        image,
        steps=options.steps,
        batch=image.size,
        optimizer=optimizer,
        decay=nf.fitting.Decay(0.0, 0.01),
        sampler=sampler,
        seed=seed,
    )


def reached(curve: list[dict[str, float]], psnr: float) -> dict[str, float] | None:
    """The first moment looked at with this PSNR."""
    return next((at for at in curve if at["psnr"] >= psnr), None)


if __name__ == "__main__":
    main()
