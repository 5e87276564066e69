"""SIREN at its paper's settings on ``camera`` reduced to 256 x 256: PSNR after 300 full-batch steps, several seeds.

Sitzmann et al. 2020: 256 x (1 + 3) sine layers, omega 30, Adam 1e-4 constant, the whole image in each step, values in
[-1, 1]. Ours: pixel centres instead of a grid that reaches the border. With --picture it draws the image, the fit and
the gradients and laplacians of both.
"""

import statistics
from pathlib import Path

import numpy as np
import torch
from machine import arguments, write
from skimage.data import camera

import neuralfields as nf
from neuralfields.files.images import write_image


def reduced_camera() -> np.ndarray:
    """The 512 x 512 photo averaged over 2 x 2 pixels: [256, 256] in [0, 1]."""
    return camera().reshape(256, 2, 256, 2).mean((1, 3)).astype(np.float32) / 255


def fitted(image: nf.signals.Image, seed: int, steps: int) -> nf.Fit:
    torch.manual_seed(seed)
    field = nf.Chain(nf.networks.Siren(2, 1), nf.fields.Affine(1, scale=0.5, offset=0.5))
    rate = nf.fitting.Adam(lr=1e-4 / nf.networks.Siren.lr_scale)
    return nf.fit(field, image, steps=steps, batch=image.size, optimizer=rate, seed=seed)


def draw(path: Path, image: nf.signals.Image, field: nf.Field) -> None:
    """Above the image, below the field; from left to right the values, the gradient's length, the laplacian."""
    truth = image.to_float(image.values)[..., 0]
    x = next(iter(image.chunks(image.size))).x
    parts = x.split(8192)
    values = nf.evaluate(field, x).view(256, 256).numpy()
    slope = torch.cat([nf.calculus.gradient(field, p).detach().norm(dim=-1) for p in parts]).view(256, 256).numpy()
    curve = torch.cat([nf.calculus.laplacian(field, p).detach() for p in parts]).view(256, 256).numpy()
    # Differences of neighbours, in box units: a pixel is 2 / 256 wide.
    down, right = np.gradient(truth, 2 / 256)
    padded = np.pad(truth, 1, "edge")
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    rows = [(truth, np.hypot(down, right), (around - 4 * truth) / (2 / 256) ** 2), (values, slope, curve)]
    steepest = np.quantile(rows[0][1], 0.99)
    sharpest = np.quantile(np.abs(rows[0][2]), 0.99)
    shown = [np.hstack([v, s / steepest, c / (2 * sharpest) + 0.5]) for v, s, c in rows]
    write_image(path, np.vstack(shown)[..., None].clip(0, 1), bits=8)


def main() -> None:
    parser = arguments(__doc__ or "", "siren_camera.json")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--picture", type=Path, help="draw the derivatives of the first seed's fit here")
    options = parser.parse_args()
    image = nf.signals.Image.from_array(reduced_camera(), name="camera 256x256")
    rows = []
    for seed in range(options.seeds):
        fit = fitted(image, seed, options.steps)
        rows.append({"seed": seed, "psnr": fit.psnr, "steps": fit.steps, "fit_seconds": round(fit.seconds, 1)})
        print(rows[-1], flush=True)
        write(options.out, {"median_psnr": statistics.median(row["psnr"] for row in rows), "seeds": rows})
        if options.picture and seed == 0:
            draw(options.picture, image, fit.field)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
