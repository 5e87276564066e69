"""SIREN at its paper's settings on ``camera`` reduced to 256 x 256: PSNR after 300 full-batch steps, several seeds.

Sitzmann et al. 2020: 256 x (1 + 3) sine layers, omega 30, Adam 1e-4 constant, the whole image in each step, values in
[-1, 1]. Ours: pixel centres instead of a grid that reaches the border. docs/make_pictures.py draws the derivatives.
Each seed once with matrix products in float32 ("highest") and once in bf16 where the CPU has it ("medium").
"""

import statistics

import numpy as np
import torch
from machine import arguments, as_published, write
from skimage.data import camera

import neuralfields as nf


def reduced_camera() -> np.ndarray:
    """The 512 x 512 photo averaged over 2 x 2 pixels: [256, 256] in [0, 1]."""
    return camera().reshape(256, 2, 256, 2).mean((1, 3)).astype(np.float32) / 255


def fitted(image: nf.signals.Image, seed: int, steps: int) -> nf.Fit:
    torch.manual_seed(seed)
    field, rate = as_published(nf.networks.Siren(2, 1), 1e-4)
    return nf.fit(field, image, steps=steps, batch=image.size, optimizer=rate, seed=seed)


def main() -> None:
    parser = arguments(__doc__ or "", "siren_camera.json")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    image = nf.signals.Image.from_array(reduced_camera(), name="camera 256x256")
    found: dict[str, list[dict[str, float]]] = {"highest": [], "medium": []}
    for seed in range(options.seeds):
        for precision, rows in found.items():
            torch.set_float32_matmul_precision(precision)
            fit = fitted(image, seed, options.steps)
            rows.append({"seed": seed, "psnr": fit.psnr, "steps": fit.steps, "fit_seconds": round(fit.seconds, 1)})
            print(precision, rows[-1], flush=True)
        medians = {name: statistics.median(row["psnr"] for row in rows) for name, rows in found.items()}
        write(options.out, {"median_psnr": medians, "seeds": found})


if __name__ == "__main__":
    main()
