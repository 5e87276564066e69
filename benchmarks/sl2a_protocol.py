"""The comparison of SL2A's page on one image of 256 x 256: SL2A, FINER, ReLU+PE, Gauss, SIREN, WIRE.

Heidari et al., "SL2A-INR", ICCV 2025: Adam with each method's own rate and batch, the rate times 0.1^(t / T), passes
over all pixels. There: 16 images of 512 x 512, 501 passes, not clipped, the best PSNR during training. Here: one image,
reduced, --epochs passes, but none longer than --seconds per method; PSNR of clipped values; the best at the end of a
pass and the last one. Where the time ended a fit the rate has not fallen to a tenth, and ``epochs`` says how many
passes there were. Rows are written as they come; a second run goes on, and tries again what failed.

python benchmarks/sl2a_protocol.py                       150 passes, at most 10 min per method
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from machine import DATA, arguments, as_published, earlier, square, write

import neuralfields as nf


@dataclass(frozen=True)
class Way:
    """A network, its rate (not times its class's scale) and its batch, as in the authors' script."""

    field: Callable[[int, int], nf.Field]
    rate: float
    batch: int


def relu_pe(out: int, side: int) -> nf.Field:
    """Frequencies up to the Nyquist rule of the comparisons, then ReLU layers."""
    encoding = nf.encodings.PositionalEncoding(2, octaves=max(1, int(math.log2(side / 4))))
    return nf.Chain(encoding, nf.networks.MLP(encoding.out_dim, out, width=256, depth=4))


WAYS = {
    "sl2a": Way(lambda out, side: nf.networks.SL2A(2, out, width=256, depth=3, degree=256, rank=128), 1e-3, 16384),
    "finer": Way(lambda out, side: nf.networks.Finer(2, out, width=256, depth=4, first_bias=20.0), 1e-4, 16384),
    "relu-pe": Way(relu_pe, 1e-3, 1024),
    "gauss": Way(lambda out, side: nf.networks.Gauss(2, out, width=256, depth=4), 1e-4, 1024),
    "siren": Way(lambda out, side: nf.networks.Siren(2, out, width=256, depth=4), 1e-3, 65536),
    "wire": Way(lambda out, side: nf.networks.Wire(2, out, width=256, depth=4), 1e-3, 65536),
}


def main() -> None:
    parser = arguments(__doc__ or "", "sl2a.json")
    parser.add_argument("--image", type=Path, default=DATA / "images" / "div2k512" / "test_00.png")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=600.0, help="of fitting, at most, per method")
    parser.add_argument("--only", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    settings = {name: getattr(options, name) for name in ("side", "epochs", "seconds", "threads")}
    settings["image"] = options.image.name
    rows, before = earlier(options.out, settings)
    image = square(options.image, options.side)
    for name in options.only:
        if any(row["method"] == name and "error" not in row for row in rows):
            continue
        rows = [row for row in rows if row["method"] != name]  # one that failed is tried again
        rows.append({"method": name} | fitted(image, WAYS[name], options))
        print({key: value for key, value in rows[-1].items() if key != "curve"}, flush=True)
        write(options.out, {"settings": settings, "rows": rows}, before)


def fitted(image: nf.signals.Image, way: Way, options: Any) -> dict[str, Any]:
    """Passes until all are done or the time is up; the quality after each, on the outside of the clock."""
    torch.manual_seed(0)
    field, optimizer = as_published(way.field(image.out_dim, options.side), way.rate)
    batch = min(way.batch, image.size)
    per_pass = math.ceil(image.size / batch)
    loop = nf.steps(
        field,
        image,
        steps=per_pass * options.epochs,
        batch=batch,
        optimizer=optimizer,
        decay=nf.fitting.Decay(0.0, 0.1),
    )
    curve: list[dict[str, float]] = []
    step = None
    try:
        for step in loop:
            late = step.seconds >= options.seconds
            if step.step % per_pass == 0 or late:
                epoch = step.step / per_pass
                curve.append({"epoch": epoch, "seconds": step.seconds, "psnr": image.measure(field)["psnr"]})
            if late:
                break
    except nf.NeuralFieldsError as error:
        return {"error": str(error), "curve": curve}
    assert step is not None
    best = max(curve, key=lambda at: at["psnr"])
    return {
        "params": sum(p.numel() for p in field.parameters()),
        "rate": way.rate,
        "batch": batch,
        "epochs": curve[-1]["epoch"],
        "steps": step.step,
        "seconds": step.seconds,
        "best_psnr": best["psnr"],
        "best_epoch": best["epoch"],
        "last_psnr": curve[-1]["psnr"],
        "kernels": dict(step.state.kernels),
        "curve": curve,
    }


if __name__ == "__main__":
    main()
