"""Fit one image with each field for the same time, and draw the results beside it.

python apps/fit_image.py photo.png --seconds 10 --out comparison.jpg
"""

import argparse
from pathlib import Path

import numpy as np
import PIL.Image
import torch

import neuralfields as nf

GAP = 8


def main(path: Path, out: Path, *, seconds: float, threads: int | None) -> None:
    """Write ``out``: the image at ``path``, then one fit for each name in ``nf.recipes.METHODS``."""
    if threads:
        torch.set_num_threads(threads)
    image = nf.signals.Image.read(path)
    panels = [image.to_float(image.values)]
    for name, recipe_for in nf.recipes.METHODS.items():
        torch.manual_seed(0)
        recipe = recipe_for(image)
        fit = nf.fit(recipe.field, image, **recipe.settings | {"steps": None, "seconds": seconds})
        print(f"{name:<8} {fit}")
        panels.append(drawn(fit.field, image))
    gap = np.ones((image.shape[0], GAP, image.out_dim))
    row = np.hstack([part for panel in panels for part in (panel, gap)][:-1])
    PIL.Image.fromarray((row.clip(0, 1) * 255).round().astype(np.uint8).squeeze()).save(out)
    print(f"{out}: source, {', '.join(nf.recipes.METHODS)}")


def drawn(field: torch.nn.Module, image: nf.signals.Image) -> np.ndarray:
    """The field at the image's pixels: [height, width, channels]."""
    values = [nf.evaluate(field, batch.x) for batch in image.chunks(1 << 16)]
    return torch.cat(values).view(image.shape).numpy()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, help="an image")
    parser.add_argument("--out", type=Path, default=Path("comparison.jpg"))
    parser.add_argument("--seconds", type=float, default=10.0, help="per field")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    main(options.path, options.out, seconds=options.seconds, threads=options.threads)
