"""Make every picture of the documentation, and the numbers of the tutorial, with this package and Pillow.

python docs/make_pictures.py [NAME ...]     all of them, or those named; about a quarter of an hour

Fitted fields are kept in build/docs and used again; remove that folder to fit anew.
"""

import io
import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scene_pictures
import shape_pictures
import torch
import viewer_pictures
from PIL import Image, ImageDraw, ImageFont
from skimage import data

import neuralfields as nf
from neuralfields import metrics
from neuralfields.bench import pictures
from neuralfields.recipes import Recipe
from neuralfields.render.imaging import image_values

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
WORK = ROOT / "build" / "docs"
GAP, LABEL = 8, 24
EYES = (196, 104, 260, 136)
FACE = (170, 40, 298, 168)
_MARK = "#c03020"
FEW_STEPS = (10, 50, 200, 1000)

Array = np.ndarray


def main(names: Sequence[str]) -> None:
    """Make the pictures of these names, or all."""
    torch.set_num_threads(1)  # the results then are the same on any number of cores
    PICTURES.mkdir(exist_ok=True)
    WORK.mkdir(parents=True, exist_ok=True)
    for name in names or MAKERS:
        MAKERS[name]()
        print(f"{name} done", flush=True)
    told = PICTURES / "numbers.json"
    numbers = json.loads(told.read_text()) if told.exists() else {}
    numbers |= {path.stem: json.loads(path.read_text()) for path in WORK.glob("*.json")}
    told.write_text(json.dumps(dict(sorted(numbers.items())), indent=1) + "\n")


# The fits -------------------------------------------------------------------------------------------------------------


def astronaut(holdout: float = 0.0) -> nf.signals.Image:
    """The photo of the demo, 512 x 512."""
    return nf.signals.Image.from_array(data.astronaut(), name="astronaut", holdout=holdout)


def small_camera() -> nf.signals.Image:
    """``camera`` averaged over 2 x 2 pixels: 256 x 256."""
    grey = data.camera().reshape(256, 2, 256, 2).mean((1, 3)) / 255
    return nf.signals.Image.from_array(grey.astype(np.float32), name="camera, 256 x 256")


def fitted(
    name: str, recipe_for: Callable[[nf.signals.Image], Recipe], image: nf.signals.Image, **changes: Any
) -> tuple[nf.Field, dict[str, Any]]:
    """The field of a fit, from build/docs if it is there, and its numbers."""
    path, notes = WORK / f"{name}.nf", WORK / f"{name}.json"
    if not (path.exists() and notes.exists()):
        torch.manual_seed(0)
        recipe = recipe_for(image)
        settings = recipe.settings | changes
        shots, curve, steps = {}, [], 0
        for step in nf.steps(recipe.field, image, **settings):
            curve.append(step.psnr)
            steps = step.step
            if steps in FEW_STEPS:
                shots[steps] = image_values(recipe.field, size_of(image))
        recipe.field.frame = image.frame
        nf.save(recipe.field, path, dtype=recipe.dtype)  # type: ignore[arg-type]
        np.savez_compressed(WORK / f"{name}.npz", curve=curve, **{f"at{n}": shot for n, shot in shots.items()})
        numbers = {
            "steps": steps,
            "psnr": psnr(nf.load(path), image),
            "parameters": sum(p.numel() for p in recipe.field.parameters()),
            "bytes": path.stat().st_size,
            "bits_per_pixel": metrics.bits_per_pixel(path.stat().st_size, image.size),
        }
        if image.lattice.holdout:
            numbers["psnr_holdout"] = image.measure(nf.load(path), thorough=True)["psnr_holdout"]
        notes.write_text(json.dumps(numbers))
    return nf.load(path), json.loads(notes.read_text())


def psnr(field: nf.Field, image: nf.signals.Image) -> float:
    return image.measure(field)["psnr"]


def size_of(image: nf.signals.Image) -> tuple[int, int]:
    return image.shape[1], image.shape[0]


# Drawing --------------------------------------------------------------------------------------------------------------


def picture(values: Array) -> Image.Image:
    """[h, w, 1 or 3] in [0, 1] as RGB."""
    levels = (values.clip(0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(np.broadcast_to(levels, (*levels.shape[:2], 3)).copy())


def row(panels: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Panels of one height side by side, each below its label."""
    height = panels[0][1].height
    width = sum(panel.width for _, panel in panels) + GAP * (len(panels) - 1)
    sheet = Image.new("RGB", (width, height + LABEL), "white")
    draw, left = ImageDraw.Draw(sheet), 0
    for label, panel in panels:
        draw.text((left + 1, 3), label, "black", ImageFont.load_default(15))
        sheet.paste(panel, (left, LABEL))
        left += panel.width + GAP
    return sheet


def column(rows: Sequence[Image.Image]) -> Image.Image:
    """Rows one below the other."""
    sheet = Image.new("RGB", (max(r.width for r in rows), sum(r.height for r in rows) + GAP * (len(rows) - 1)), "white")
    top = 0
    for each in rows:
        sheet.paste(each, (0, top))
        top += each.height + GAP
    return sheet


def write(sheet: Image.Image, name: str) -> None:
    """Write a picture; JPEG at the highest quality below 300 KB."""
    path = PICTURES / name
    if path.suffix == ".png":
        sheet.save(path, optimize=True)
    else:
        for quality in range(92, 40, -4):
            sheet.save(path, quality=quality, optimize=True)
            if path.stat().st_size <= 300_000:
                break
    assert path.stat().st_size <= 300_000, f"{path} is larger than 300 KB"


def box_of(crop: tuple[int, int, int, int], size: int) -> tuple[float, float, float, float]:
    """A crop in pixels in coordinates of the box."""
    left, top, right, bottom = (2 * edge / size - 1 for edge in crop)
    return left, top, right, bottom


def enlarged(photo: Image.Image, crop: tuple[int, int, int, int], size: tuple[int, int], how: int) -> Image.Image:
    return photo.resize(size, Image.Resampling(how), box=crop)


# The pictures ---------------------------------------------------------------------------------------------------------


def overview() -> None:
    """The photo, and a part of it eight times larger: pixels, and the field."""
    field, numbers = fitted("image", nf.recipes.image, astronaut())
    photo = Image.fromarray(data.astronaut())
    framed = photo.copy()
    ImageDraw.Draw(framed).rectangle(FACE, outline="yellow", width=2)
    side = (384, 384)
    pixels = enlarged(photo, FACE, side, Image.Resampling.NEAREST)
    values = picture(image_values(field, side, crop=box_of(FACE, 512)))
    panels = [("photo, 512 x 512", framed.resize(side, Image.Resampling.LANCZOS)), ("a part, its pixels", pixels)]
    write(row([*panels, (f"the same part of the field ({numbers['psnr']:.1f} dB)", values)]), "overview.jpg")


def progress() -> None:
    """The field after a few steps, and the PSNR of the batches."""
    image = astronaut()
    fitted("image", nf.recipes.image, image)
    kept = np.load(WORK / "image.npz")
    panels = []
    for n in FEW_STEPS:
        shot = kept[f"at{n}"]
        value = metrics.psnr(torch.from_numpy(shot), torch.from_numpy(image.to_float(image.values)))
        panels.append((f"{n} steps: {value:.1f} dB", picture(shot).resize((256, 256), Image.Resampling.LANCZOS)))
    snapshots = row(panels)
    curve = plot(kept["curve"], (snapshots.width, 220))
    write(column([snapshots, row([("PSNR of each batch in dB, over steps", curve)])]), "progress.jpg")


def plot(values: Array, size: tuple[int, int]) -> Image.Image:
    """A curve over 1, 2, 3, …, with a grid every 10 units up and at tenths of the length."""
    width, height = size
    low, high = 10 * np.floor(values.min() / 10), 10 * np.ceil(values.max() / 10)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    left, right, top, bottom = 36, width - 24, 8, height - 24

    def place(n: float, value: float) -> tuple[float, float]:
        return left + (right - left) * n / len(values), bottom - (bottom - top) * (value - low) / (high - low)

    for value in np.arange(low, high + 1, 10):
        draw.line([place(0, value), place(len(values), value)], "#cccccc")
        draw.text((8, place(0, value)[1] - 8), f"{value:.0f}", "black", font)
    for n in range(0, len(values) + 1, max(1, len(values) // 10)):
        draw.line([place(n, low), place(n, high)], "#cccccc")
        draw.text((place(n, low)[0], bottom + 5), f"{n}", "black", font, anchor="ma")
    draw.line([place(n + 1, float(value)) for n, value in enumerate(values)], "#1f5fbf", 2)
    return sheet


def zoom() -> None:
    """A detail at sixteen times its size: pixels, bicubic interpolation, two fields."""
    image, photo, size = astronaut(), Image.fromarray(data.astronaut()), (512, 256)
    panels = [
        ("pixels", enlarged(photo, EYES, size, Image.Resampling.NEAREST)),
        ("bicubic interpolation", enlarged(photo, EYES, size, Image.Resampling.BICUBIC)),
    ]
    for name, label, recipe in (
        ("image", "hash grid", nf.recipes.image),
        ("siren", "SIREN", nf.recipes.METHODS["siren"]),
    ):
        field, numbers = fitted(name, recipe, image)
        values = picture(image_values(field, size, crop=box_of(EYES, 512)))
        panels.append((f"{label} ({numbers['psnr']:.1f} dB)", values))
    write(column([row(panels[:2]), row(panels[2:])]), "zoom.jpg")


def derivatives() -> None:
    """Values, length of the gradient and laplacian: of the image by differences, of the field by differentiation."""
    image = small_camera()
    field, numbers = fitted("siren_camera", nf.recipes.METHODS["siren"], image)
    truth = image.values[..., 0]
    x = torch.cat([batch.x for batch in image.chunks(1 << 16)])
    parts = x.split(1 << 13)
    slope = torch.cat([nf.calculus.gradient(field, part).detach().norm(dim=-1) for part in parts])
    curve = torch.cat([nf.calculus.laplacian(field, part).detach() for part in parts])
    step = 2 / 256
    down, right = np.gradient(truth, step)
    padded = np.pad(truth, 1, "edge")
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    differences = np.hypot(down, right), (around - 4 * truth) / step**2
    steep, sharp = np.quantile(differences[0], 0.99), 2 * np.quantile(np.abs(differences[1]), 0.99)
    values = nf.evaluate(field, x).view(256, 256, 1).numpy()
    rows = [
        ("image", truth, *differences),
        (f"SIREN ({numbers['psnr']:.1f} dB)", values, slope.view(256, 256).numpy(), curve.view(256, 256).numpy()),
    ]
    sheets = []
    for label, value, length, laplacian in rows:
        panels = [
            (label, picture(value.reshape(256, 256, 1))),
            ("length of the gradient", picture(grey(length / steep))),
        ]
        sheets.append(row([*panels, ("laplacian", picture(grey(laplacian / sharp + 0.5)))]))
    write(column(sheets), "derivatives.jpg")


def grey(values: Array) -> Array:
    return values.reshape(256, 256, 1)


def compact() -> None:
    """What few bytes look like: the field of the recipe compact, and a JPEG of as many bytes."""
    image, photo, size = astronaut(), Image.fromarray(data.astronaut()), (384, 384)
    truth = torch.from_numpy(image.to_float(image.values))
    panels = [("photo", enlarged(photo, FACE, size, Image.Resampling.NEAREST))]
    for name, recipe in (("image", nf.recipes.image), ("compact", nf.recipes.compact)):
        field, numbers = fitted(name, recipe, image)
        values = Image.fromarray((image_values(field, (512, 512)).clip(0, 1) * 255).round().astype(np.uint8))
        label = f"{name}: {numbers['bits_per_pixel']:.1f} bits/pixel, {numbers['psnr']:.1f} dB"
        panels.append((label, enlarged(values, FACE, size, Image.Resampling.NEAREST)))
    coded = jpeg_below(photo, numbers["bytes"])
    bits = metrics.bits_per_pixel(len(coded), image.size)
    decoded = Image.open(io.BytesIO(coded)).convert("RGB")
    quality = metrics.psnr(torch.from_numpy(np.asarray(decoded) / 255.0), truth)
    (WORK / "jpeg.json").write_text(json.dumps({"psnr": quality, "bytes": len(coded), "bits_per_pixel": bits}))
    label = f"JPEG: {bits:.1f} bits/pixel, {quality:.1f} dB"
    panels.append((label, enlarged(decoded, FACE, size, Image.Resampling.NEAREST)))
    write(column([row(panels[:2]), row(panels[2:])]), "compact.jpg")


def jpeg_below(photo: Image.Image, size: int) -> bytes:
    """The best JPEG of at most ``size`` bytes."""
    best = b""
    for quality in range(1, 96):
        buffer = io.BytesIO()
        photo.save(buffer, "JPEG", quality=quality, optimize=True)
        if len(buffer.getvalue()) <= size:
            best = buffer.getvalue()
    return best


def holdout() -> None:
    """What a fit sees when half of the pixels are held out, and what it makes of the rest."""
    image = astronaut(holdout=0.5)
    seen = image.to_float(image.values).copy()
    hidden = torch.cat([batch.index for batch in image.held_out(1 << 16) if batch.index is not None]).numpy()
    seen.reshape(-1, 3)[hidden] = 0
    panels = [("what training sees", Image.fromarray((seen * 255).round().astype(np.uint8)))]
    for name, label, recipe in (
        ("held_image", "hash grid", nf.recipes.image),
        ("held_siren", "SIREN", nf.recipes.METHODS["siren"]),
    ):
        field, numbers = fitted(name, recipe, image)
        values = Image.fromarray((image_values(field, (512, 512)).clip(0, 1) * 255).round().astype(np.uint8))
        panels.append((f"{label}: {numbers['psnr_holdout']:.1f} dB on the rest", values))
    shown = [(label, enlarged(panel, FACE, (320, 320), Image.Resampling.NEAREST)) for label, panel in panels]
    write(row(shown), "holdout.jpg")


def kernels() -> None:
    """Speed of every benchmark's case relative to eager PyTorch, from benchmarks/results/kernels.json."""
    rows = json.loads((ROOT / "benchmarks" / "results" / "kernels.json").read_text())["results"]["rows"]
    bars = {
        row["name"]: {way: row["seconds"]["eager"] / taken for way, taken in row["seconds"].items()} for row in rows
    }
    marks = {row["name"]: row["seconds"]["eager"] / row["floor_seconds"] for row in rows if row["floor_seconds"]}
    write(bar_chart(bars, marks, "floor"), "kernels.png")


def bar_chart(bars: dict[str, dict[str, float]], marks: dict[str, float], mark: str) -> Image.Image:
    """Factors on a logarithmic scale: a group of bars per name, and where there is one a mark."""
    every = [value for group in bars.values() for value in group.values()] + list(marks.values())
    low, high = min(0.5, *every), 1.3 * max(2.0, *every)
    colours = {"eager": "#b0b0b0", "compiled": "#7fa8d9", "ours": "#1f5fbf"}
    thick, line, left, top = 7, 30, 220, 44
    sheet = Image.new("RGB", (900, top + line * len(bars) + 8), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)

    def place(factor: float) -> float:
        return left + (sheet.width - left - 20) * math.log(factor / low) / math.log(high / low)

    for index, (name, colour) in enumerate([*colours.items(), (mark, _MARK)]):
        start = left + 110 * index
        draw.rectangle([start, 6, start + 10, 16], colour)
        draw.text((start + 16, 3), name, "black", font)
    for tick in (n * 10.0**power for power in range(-1, 6) for n in (1, 2, 5)):
        if low <= tick <= high:
            draw.line([(place(tick), top - 4), (place(tick), sheet.height)], "#dddddd")
            draw.text((place(tick), top - 20), f"{tick:g}", "black", font, anchor="ma")
    for index, (name, group) in enumerate(bars.items()):
        above = top + line * index + 3
        draw.text((8, above + 3), name, "black", font)
        for number, (way, factor) in enumerate(group.items()):
            start = above + number * (thick + 1)
            draw.rectangle([left, start, max(left, place(factor)), start + thick - 1], colours[way])
        if name in marks:
            draw.line([(place(marks[name]), above), (place(marks[name]), above + 3 * thick)], _MARK, 3)
    return sheet


def comparison() -> None:
    """What apps/compare_methods.py draws of a photo."""
    photo = WORK / "coffee.png"
    Image.fromarray(data.coffee()).resize((300, 200), Image.Resampling.LANCZOS).save(photo)
    out = WORK / "compared.png"
    words = [str(photo), "--seconds", "10", "--params", "100000", "--threads", "1", "--out", str(out)]
    subprocess.run([sys.executable, "apps/compare_methods.py", *words], cwd=ROOT, check=True)
    write(Image.open(out), "app_compare_methods.jpg")


def methods() -> None:
    """The course, the frequencies and the maps of the errors of benchmarks/results/methods_200k.json.

    The maps are made where build/docs/methods holds the images and what --pictures of that benchmark has left.
    """
    rows = json.loads((ROOT / "benchmarks" / "results" / "methods_200k.json").read_text())["results"]["rows"]
    plain = [row for row in rows if row["backend"] == "reference"]
    folder = WORK / "methods"
    images = [folder / name for name in dict.fromkeys(row["image"] for row in plain)]
    for name, sheet in pictures.methods(plain, images, folder).items():
        write(sheet, f"methods-{Path(name).with_suffix('.jpg')}" if name.startswith("errors") else f"methods-{name}")


def spectrum() -> None:
    """Which tones each method learns and when, from benchmarks/results/spectrum.json."""
    rows = json.loads((ROOT / "benchmarks" / "results" / "spectrum.json").read_text())["results"]["rows"]
    for name, sheet in pictures.spectra(rows).items():
        write(sheet, f"methods-{name}")


def shapes(name: str) -> None:
    """Those of shapes, each one row of panels or several; fits of the sample meshes."""
    made = shape_pictures.MAKERS[name]()
    rows = made if isinstance(made, tuple) else (made,)
    write(column([row(panels) for panels in rows]), f"{name}.jpg")


def scenes(name: str) -> None:
    """Those of scenes of posed photos."""
    write(scene_pictures.MAKERS[name](), f"{name}.png")


def viewer(name: str) -> None:
    """Those of the viewer, as Chromium shows it."""
    write(viewer_pictures.MAKERS[name](), f"{name}.jpg")


MAKERS: dict[str, Callable[[], None]] = {
    "overview": overview,
    "progress": progress,
    "compact": compact,
    "zoom": zoom,
    "derivatives": derivatives,
    "holdout": holdout,
    "comparison": comparison,
    "methods": methods,
    "spectrum": spectrum,
    "kernels": kernels,
    **{name: partial(shapes, name) for name in shape_pictures.MAKERS},
    **{name: partial(scenes, name) for name in scene_pictures.MAKERS},
    **{name: partial(viewer, name) for name in viewer_pictures.MAKERS},
}

if __name__ == "__main__":
    main(sys.argv[1:])
