"""SAPE and PINs against plain Fourier features at equal parameters and steps, over sigma, on all pixels and on 25 %.

Claims: SAPE (Hertz et al. 2021) is 1 to 2 dB better than static Fourier features on pixels that training never saw,
when it sees a random quarter of them, and depends less on sigma; PINs (Landgraf et al. 2022) fit better than one level.
Photo reduced to 192 x 192, values in [0, 1], linear output, ReLU networks of 3 layers (PINs: 4 networks of 2), rate
1e-3 falling to a tenth, batches of 4,096. SAPE's paper trains on images of 512 pixels a side for 5,000 steps of all
samples. The lengths of its frequencies are N(0, sigma^2), those of Gaussian features a chi distribution, on average
1.57 times as long in 2-D: compare the best sigmas and the spreads, not columns of one sigma.

Rows have the PSNR of all pixels and of those held out, PINs also that of each level. Rows are written as they come; a
second run goes on.

python benchmarks/progressive.py                         24 fits, about 8 min on 2 cores
"""

import bisect
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from machine import DATA, arguments, earlier, square, write

import neuralfields as nf

FEATURES = 256
METHODS: dict[str, Callable[[int, float, int], nf.Field]] = {
    "fourier": lambda out, sigma, width: nf.Chain(
        nf.encodings.FourierFeatures(2, features=FEATURES, sigma=sigma),
        nf.networks.MLP(FEATURES, out, width=width, depth=3),
    ),
    "sape": lambda out, sigma, width: nf.Chain(
        nf.encodings.Sape(2, features=FEATURES, sigma=sigma, cells=64),
        nf.networks.MLP(2 + FEATURES, out, width=width, depth=3),
    ),
    "pins": lambda out, sigma, width: nf.networks.Pins(2, out, features=FEATURES, sigma=sigma, width=width),
}


def main() -> None:
    parser = arguments(__doc__ or "", "progressive.json")
    parser.add_argument("--image", type=Path, default=DATA / "images" / "skimage" / "astronaut.png")
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--params", type=int, default=70_000)
    parser.add_argument("--sigmas", type=float, nargs="+", default=[5.0, 10.0, 20.0, 40.0])
    parser.add_argument("--holdouts", type=float, nargs="+", default=[0.0, 0.75])
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    settings = {name: getattr(options, name) for name in ("side", "steps", "batch", "params", "threads")}
    settings["image"] = options.image.name
    rows, before = earlier(options.out, settings)
    for holdout in options.holdouts:
        whole = square(options.image, options.side)
        image = nf.signals.Image.from_array(whole.values, name=whole.name, holdout=holdout)
        for sigma in options.sigmas:
            for name in METHODS:
                key = {"method": name, "sigma": sigma, "holdout": holdout}
                if any(key.items() <= row.items() for row in rows):
                    continue
                rows.append(key | fitted(name, sigma, image, options))
                print(rows[-1], flush=True)
                write(options.out, {"settings": settings, "summary": summary(rows), "rows": rows}, before)


def fitted(name: str, sigma: float, image: nf.signals.Image, options: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    width = width_for(name, image.out_dim, options.params)
    fit = nf.fit(
        METHODS[name](image.out_dim, sigma, width),
        image,
        steps=options.steps,
        batch=options.batch,
        decay=nf.fitting.Decay(0.0, 0.1),
    )
    measured = image.measure(fit.field, thorough=True)
    row: dict[str, Any] = {"params": fit.parameters, "width": width, "seconds": round(fit.seconds, 1)}
    row |= {kind: measured.get(kind) for kind in ("psnr", "psnr_holdout")}
    if isinstance(fit.field, nf.networks.Pins):
        pins = fit.field
        row["levels"] = [
            image.measure(lambda x, level=level: pins.levels(x)[level])["psnr"] for level in range(len(pins.stack))
        ]
    return row


def width_for(name: str, out_dim: int, params: int) -> int:
    """The width with the number of parameters nearest to that asked for."""

    def count(width: int) -> int:
        return sum(p.numel() for p in METHODS[name](out_dim, 1.0, width).parameters())

    above = bisect.bisect_left(range(4096), params, lo=2, key=count)
    return min((above - 1, above), key=lambda width: abs(count(width) - params))


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Best, mean and standard deviation over sigma, of the pixels held out where there are some."""
    found = []
    for holdout in dict.fromkeys(row["holdout"] for row in rows):
        kind = "psnr_holdout" if holdout else "psnr"
        for method in METHODS:
            values = {row["sigma"]: row[kind] for row in rows if (row["method"], row["holdout"]) == (method, holdout)}
            if values:
                best = max(values, key=lambda sigma: values[sigma])
                about = {"holdout": holdout, "method": method, "of": kind, "best_sigma": best, "best": values[best]}
                spread = statistics.pstdev(values.values())
                found.append(about | {"mean": statistics.fmean(values.values()), "deviation": spread})
    return found


if __name__ == "__main__":
    main()
