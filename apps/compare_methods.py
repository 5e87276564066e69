"""Fit one image with several methods, each for the same time at the same size, and draw the fits and their errors.

python apps/compare_methods.py photo.png --methods hash siren fourier --seconds 10 --out comparison.png
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

import neuralfields as nf

GAP, LABEL = 8, 22
SIDE = 320  # pixels of a panel's longer side
METHODS = ("hash", "siren", "fourier")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def main(
    path: Path,
    out: Path,
    *,
    methods: Sequence[str] = METHODS,
    seconds: float = 10.0,
    params: float = 100_000,
    gain: float = 5.0,
    threads: int | None = None,
) -> None:
    """Write ``out``: the image, then each method's fit with its error times ``gain`` below.

    Args:
        methods: names in ``nf.recipes.METHODS``.
        seconds: of fitting, for each.
        params: about so many parameters, for each.

    Raises:
        InputError: a number is not above 0 and finite, a method is unknown, ``out`` is no picture or in no folder, or
            the image cannot be read.
    """
    threads = torch.get_num_threads() if threads is None else threads
    for what, value in (("seconds", seconds), ("params", params), ("gain", gain), ("threads", threads)):
        if not 0 < value < math.inf:
            raise nf.errors.InputError(f"--{what} is above 0 and finite, got {value}")
    for name in methods:
        if name not in nf.recipes.METHODS:
            raise nf.errors.InputError(f"no method is called {name!r}; there are: {', '.join(nf.recipes.METHODS)}")
    if out.suffix.lower() not in SUFFIXES or not out.parent.is_dir():
        raise nf.errors.InputError(f"--out is one of {', '.join(SUFFIXES)} in a folder that there is, got {out}")
    torch.set_num_threads(threads)
    image = nf.signals.Image.read(path)
    truth = image.to_float(image.values)
    panels = {(0, 0): panel(path.name, truth)}  # by column and row, all of one size
    for column, name in enumerate(methods, 1):
        fit = fitted(image, name, seconds, round(params))
        print(f"{name:<10} {fit}", flush=True)
        values = pixels(fit.field, image)
        panels[column, 0] = panel(f"{name}: {fit.psnr:.1f} dB", values)
        panels[column, 1] = panel(f"its error x {gain:g}", np.abs(values - truth).mean(-1, keepdims=True) * gain)
    width, height = (side + GAP for side in panels[0, 0].size)
    sheet = Image.new("RGB", ((len(methods) + 1) * width - GAP, 2 * height - GAP), "white")
    for (column, row), picture in panels.items():
        sheet.paste(picture, (column * width, row * height))
    sheet.save(out)
    print(f"{out}: {path.name}, {', '.join(methods)}")


def number(text: str) -> float:
    """ "200000", "200k" or "1.5M"."""
    return float(text.lower().replace("k", "e3").replace("m", "e6"))


def fitted(image: nf.signals.Image, name: str, seconds: float, params: int) -> nf.Fit:
    """The fit of one method, with its own rate and batch."""
    torch.manual_seed(0)
    recipe = nf.recipes.METHODS[name](image, params=params)
    return nf.fit(recipe.field, image, **recipe.settings | {"steps": None, "seconds": seconds})


def pixels(field: torch.nn.Module, image: nf.signals.Image) -> np.ndarray:
    """The field at the image's pixels: [height, width, channels]."""
    values = [nf.evaluate(field, batch.x) for batch in image.chunks(1 << 16)]
    return torch.cat(values).view(image.shape).numpy()


def panel(label: str, values: np.ndarray) -> Image.Image:
    """Values in [0, 1] below their label, at most ``SIDE`` pixels wide and high."""
    levels = (values.clip(0, 1) * 255).round().astype(np.uint8)
    shown = Image.fromarray(levels.squeeze(-1) if levels.shape[-1] == 1 else levels).convert("RGB")
    scale = SIDE / max(shown.size)
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    shown = shown.resize((max(1, round(shown.width * scale)), max(1, round(shown.height * scale))), how)
    sheet = Image.new("RGB", (shown.width, shown.height + LABEL), "white")
    ImageDraw.Draw(sheet).text((1, 3), label, "black", ImageFont.load_default(14))
    sheet.paste(shown, (0, LABEL))
    return sheet


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, help="an image")
    parser.add_argument("--out", type=Path, default=Path("comparison.png"))
    parser.add_argument("--methods", nargs="+", default=METHODS, metavar="NAME", help="of those nf methods lists")
    parser.add_argument("--seconds", type=float, default=10.0, help="of fitting, per method")
    parser.add_argument("--params", type=number, default=100_000, help="parameters of each, about; as in 200k")
    parser.add_argument("--gain", type=float, default=5.0, help="how many times the error is shown")
    parser.add_argument("--threads", type=int)
    options = vars(parser.parse_args())
    try:
        main(options.pop("path"), options.pop("out"), **options)
    except nf.NeuralFieldsError as error:
        parser.error(str(error))
