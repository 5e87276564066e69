"""Pictures of the benchmarks' rows, drawn with Pillow on white."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from neuralfields import signals
from neuralfields.bench.tables import by_method, soonest

Rows = Sequence[Mapping[str, Any]]
Array = np.ndarray

_HUES = ("#1f5fbf", "#c03020", "#1c8a3a", "#8a3fb0", "#d07a00", "#008c9e", "#b02878", "#6b6b00", "#444444", "#7a4a20")
_DASHES = ((), (9, 4), (2, 3))  # on, off, in pixels; with each hue once
_GRID, _GREY = "#dddddd", "#666666"
_BEST, _MOST_PANELS = 6, 11
_ERROR_SCALE = ((0.0, "#ffffff"), (0.25, "#fdd49e"), (0.5, "#ef6548"), (0.75, "#990000"), (1.0, "#2b0010"))
_BAND_SCALE = ((0.0, "#08519c"), (0.35, "#9ecae1"), (0.6, "#f7f7f7"), (0.8, "#fdae6b"), (1.0, "#c03020"))


def fit_path(folder: Path, image: str, method: str, seed: int, backend: str) -> Path:
    """Where a fitted image is kept, for the maps of its error."""
    return folder / "fits" / f"{Path(image).stem}-{method}-{seed}{'-native' * (backend == 'native')}.png"


def methods(rows: Rows, images: Sequence[Path], folder: Path) -> dict[str, Image.Image]:
    """The pictures of ``nf bench methods`` by file name, of each image that has rows; the first seed's."""
    drawn = {}
    for path in images:
        for backend in dict.fromkeys(row["backend"] for row in rows):
            of_it = [row for row in rows if row["image"] == path.name and row["backend"] == backend]
            firsts = [of[0] for of in by_method(of_it).values()]
            if not firsts:
                continue
            end = f"{path.stem}{'-native' * (backend == 'native')}.png"
            drawn[f"course-{end}"] = courses(firsts, title=path.name)
            drawn[f"bands-{end}"] = band_map(firsts, title=path.name)
            if maps := error_maps(firsts, path, folder):
                drawn[f"errors-{end}"] = maps
    return drawn


def spectra(rows: Rows) -> dict[str, Image.Image]:
    """The picture of ``nf bench spectrum``."""
    groups = sorted(by_method(rows).values(), key=soonest)
    return {"spectrum.png": spectrum_maps([of[0] for of in groups])} if groups else {}


# PSNR against time ----------------------------------------------------------------------------------------------------


def courses(rows: Rows, *, title: str) -> Image.Image:
    """PSNR in dB over seconds on a logarithmic axis, one line per method with its name at the end, the best on top."""
    ranked = sorted(rows, key=lambda row: -row["psnr"])
    lines = {row["method"]: [(max(at["seconds"], 1e-4), at["psnr"]) for at in row["curve"]] for row in ranked}
    left, right, top, bottom = 44, 700, 34, 34 + max(400, 16 * len(ranked))
    sheet, draw = _sheet(right + 200, bottom + 44)
    _text(draw, (8, 6), f"{title}: PSNR in dB over seconds of fitting", 15)
    times = [second for line in lines.values() for second, _ in line]
    heights = [value for line in lines.values() for _, value in line if math.isfinite(value)]
    first, last = min(times), max(*times, 1.01 * min(times))
    low, high = math.floor(min(heights)), math.ceil(max(heights) + 1e-9)
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if (high - low) / step <= 14)
    low, high = step * math.floor(low / step), step * math.ceil(high / step)

    def place(second: float, value: float) -> tuple[float, float]:
        share = math.log(second / first) / math.log(last / first)
        return left + share * (right - left), bottom - (min(value, high) - low) / (high - low) * (bottom - top)

    for value in range(low, high + 1, step):
        _rule(draw, place(first, value), place(last, value))
        _text(draw, (left - 6, place(first, value)[1]), f"{value}", anchor="rm")
    for second in _ticks(first, last):
        _rule(draw, place(second, low), place(second, high))
        _text(draw, (place(second, low)[0], bottom + 6), f"{second:g} s", anchor="ma")
    ends = [place(*line[-1])[1] for line in lines.values()]
    labels = spread(ends, 15, top - 8, bottom + 24)
    for (method, line), row, label, style in zip(lines.items(), ranked, labels, _styles(), strict=False):
        colour, dash = style
        points = [place(*point) for point in line]
        _polyline(draw, points, colour, dash)
        draw.line([points[-1], (right + 8, points[-1][1]), (right + 24, label)], _paler(colour), 1)
        _polyline(draw, [(right + 24, label), (right + 48, label)], colour, dash)
        _text(draw, (right + 54, label), f"{row['psnr']:.1f}  {method}", anchor="lm", fill=colour)
    return sheet


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places from ``low`` to ``high`` at least ``gap`` apart, in order, near those wanted."""
    groups: list[list[float]] = []  # [sum of where each of its members wants the group to begin, members]

    def begin(group: list[float]) -> float:
        return min(max(group[0] / group[1], low), high - gap * (group[1] - 1))

    for want in wanted:
        groups.append([want, 1])
        while len(groups) > 1 and begin(groups[-2]) + gap * groups[-2][1] > begin(groups[-1]):
            total, count = groups.pop()
            groups[-1][0] += total - gap * groups[-1][1] * count
            groups[-1][1] += count
    return [begin(group) + gap * i for group in groups for i in range(int(group[1]))]


def _ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    wide = high / low > 300
    every = [n * 10.0**power for power in powers for n in ((1,) if wide else (1, 2, 5))]
    return [tick for tick in every if low <= tick <= 1.0001 * high]


def _styles() -> list[tuple[str, tuple[int, ...]]]:
    """Colours and dashes, so that neighbours differ in colour; they repeat after thirty."""
    return [(hue, dash) for dash in _DASHES for hue in _HUES] * 10


# Errors ---------------------------------------------------------------------------------------------------------------


def error_maps(rows: Rows, path: Path, folder: Path) -> Image.Image | None:
    """The image, then the mean absolute error of the best methods and some of the others, all on one scale.

    None where no fitted image is kept in ``folder``.
    """
    ranked = sorted(rows, key=lambda row: -row["psnr"])
    kept = [
        (row, fit)
        for row in ranked
        if (fit := fit_path(folder, path.name, row["method"], row["seed"], row["backend"])).exists()
    ]
    if not kept:
        return None
    truth = _values(path)
    maps = [(row, np.abs(_values(fit) - truth).mean(-1)) for row, fit in _some(kept)]
    middle = maps[len(maps) // 2][1]
    top = _round_up(float(np.quantile(middle, 0.99)))  # so that the best ones can be told apart
    scale = min(1.0, 300 / max(truth.shape[:2])) if max(truth.shape[:2]) > 300 else 300 // max(truth.shape[:2])
    size = max(1, round(truth.shape[1] * scale)), max(1, round(truth.shape[0] * scale))
    panels = [("image", _fitted_in(_shown(truth), size))]
    for row, error in maps:
        picture = Image.fromarray(_coloured((error / top).clip(0, 1), _ERROR_SCALE))
        panels.append((f"{row['method']}  {row['psnr']:.2f} dB", _fitted_in(picture, size)))
    columns = min(4, len(panels))
    gap, label, above = 8, 20, 30
    lines = math.ceil(len(panels) / columns)
    sheet, draw = _sheet(max(columns * (size[0] + gap) + gap, 620), above + lines * (size[1] + label + gap) + 44)
    _text(draw, (gap, 6), f"{path.name}: mean absolute error, values in [0, 1]", 15)
    for i, (name, panel) in enumerate(panels):
        x, y = gap + i % columns * (size[0] + gap), above + i // columns * (size[1] + label + gap)
        _text(draw, (x, y + 2), name)
        sheet.paste(panel, (x, y + label))
        draw.rectangle([x - 1, y + label - 1, x + size[0], y + label + size[1]], outline=_GRID)
    ticks = [(share, f"{share * top:.3g}" + " and more" * (share == 1)) for share in (0, 0.25, 0.5, 0.75, 1)]
    _legend(sheet, (gap, sheet.height - 38), 320, _ERROR_SCALE, ticks)
    return sheet


def _some(ranked: list[Any]) -> list[Any]:
    """The best ones, and of the others some at even distances down to the last."""
    best, others = ranked[:_BEST], ranked[_BEST:]
    count = min(len(others), _MOST_PANELS - _BEST)
    return best + [others[round((i + 1) * len(others) / count) - 1] for i in range(count)]


def _values(path: Path) -> Array:
    """A picture [height, width, channels] as fits see it."""
    image = signals.Image.read(path)
    return image.to_float(image.values)


def _shown(values: Array) -> Image.Image:
    """Values in [0, 1] as a picture without alpha."""
    colours = values[..., :3] if values.shape[-1] > 2 else values[..., [0, 0, 0]]
    return Image.fromarray((colours.clip(0, 1) * 255).round().astype(np.uint8))


def _fitted_in(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    how = Image.Resampling.NEAREST if size[0] > picture.width else Image.Resampling.BOX
    return picture.resize(size, how)


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 5 or 8 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-6)))
    return next(n * power for n in (1, 2, 4, 5, 8, 10) if n * power >= value * (1 - 1e-9))


# Spectra --------------------------------------------------------------------------------------------------------------


def band_map(rows: Rows, *, title: str) -> Image.Image:
    """Error relative to the image in each octave of frequencies, in dB: a line per method, the best on top."""
    ranked = sorted(rows, key=lambda row: -row["psnr"])
    bands = [band["cycles"] for band in ranked[0]["bands"]]
    values = [[_decibels(band["error"]) for band in row["bands"]] for row in ranked]
    known = [value for line in values for value in line if value is not None]
    low = min(-10, 10 * math.floor(min(known, default=-40) / 10))
    cell, line, left, top = 58, 21, 190, 74
    sheet, draw = _sheet(max(left + cell * len(bands) + 16, 760), top + line * len(ranked) + 60)
    _text(draw, (8, 6), f"{title}: energy of the error over that of the image, in dB (0: nothing is learned)", 15)
    _text(draw, (left, 30), "frequency, cycles per longer side", fill=_GREY)
    for i, cycles in enumerate(bands):
        end = f"{cycles}-{2 * cycles}" if cycles > 1 else "0-2"
        _text(draw, (left + cell * (i + 0.5), top - 12), end, 12, anchor="mm")
    _text(draw, (left - 8, top - 12), "dB, method", fill=_GREY, anchor="rm")
    for j, (row, errors) in enumerate(zip(ranked, values, strict=True)):
        y = top + line * j
        _text(draw, (left - 8, y + line / 2), f"{row['method']}  {row['psnr']:.1f}", anchor="rm")
        for i, error in enumerate(errors):
            box = [left + cell * i, y, left + cell * (i + 1) - 2, y + line - 2]
            share = 0.0 if error is None else 0.8 * (error - low) / -low  # 0 dB is where the scale turns to red
            colour = "#eeeeee" if error is None else _colour(min(max(share, 0.0), 1.0), _BAND_SCALE)
            draw.rectangle(box, colour)
            text = "-" if error is None else f"{round(error)}"
            _text(draw, ((box[0] + box[2]) / 2, y + line / 2 - 1), text, 12, anchor="mm", fill=_readable(colour))
    ticks = [(0.8 * share, f"{low * (1 - share):.0f}") for share in (0, 0.5, 1)]
    _legend(sheet, (left, sheet.height - 40), 320, _BAND_SCALE, ticks)
    return sheet


def spectrum_maps(rows: Rows) -> Image.Image:
    """A map per method: frequencies upwards, steps to the right on a logarithmic axis, the colour is the error."""
    width, height, left, between, label = 210, 126, 40, 30, 40
    columns = min(5, len(rows))
    lines = math.ceil(len(rows) / columns)
    sheet, draw = _sheet(
        max(columns * (left + width + between // 2) + 16, 760), 40 + lines * (height + label + between) + 40
    )
    text = "error of each tone: frequency in cycles per box, upwards, over steps; the best methods first"
    _text(draw, (8, 6), text, 15)
    for number, row in enumerate(rows):
        x = left + number % columns * (left + width + between // 2)
        y = 40 + number // columns * (height + label + between) + 18
        _text(draw, (x, y - 17), f"{row['method']}  ({row['params']:,} parameters)")
        _tone_map(sheet, draw, row, (x, y, width, height))
    ticks = [(share, f"{10 ** (2 * share - 2):.2g}") for share in (0, 0.5, 1)]
    _legend(sheet, (left, sheet.height - 40), 320, _TONE_SCALE, ticks)
    return sheet


_TONE_SCALE = ((0.0, "#08519c"), (0.25, "#6baed6"), (0.5, "#f0f0f0"), (0.75, "#fdae6b"), (1.0, "#c03020"))


def _tone_map(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, row: Mapping[str, Any], box: tuple[int, int, int, int]
) -> None:
    left, top, width, height = box
    steps = [at["step"] for at in row["curve"]]
    last = max(steps[-1], 2)
    errors = np.array([at["errors"] for at in row["curve"]])  # [moments, tones]
    at = np.exp(np.linspace(0, math.log(last), width))
    column = np.searchsorted(steps, at, "right").clip(1, len(steps)) - 1
    shares = (np.log10(errors.clip(1e-9)) / 2 + 1).clip(0, 1)[column].T[::-1]
    tones = row["tones"]
    high = height // len(tones)
    picture = Image.fromarray(_coloured(np.repeat(shares, high, 0), _TONE_SCALE))
    sheet.paste(picture, (left, top))
    for i, tone in enumerate(reversed(tones)):
        _text(draw, (left - 4, top + high * (i + 0.5)), f"{tone}", 11, anchor="rm")
    for tick in (10**power for power in range(1 + math.floor(math.log10(last)))):
        x = left + (width - 1) * math.log(tick) / math.log(last)
        draw.line([(x, top + picture.height), (x, top + picture.height + 4)], _GREY)
        _text(draw, (x, top + picture.height + 5), f"{tick:,}", 11, anchor="ma")


def _decibels(ratio: float | None) -> float | None:
    return None if ratio is None else 10 * math.log10(max(ratio, 1e-12))


# Drawing --------------------------------------------------------------------------------------------------------------


def _sheet(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sheet = Image.new("RGB", (width, height), "white")
    return sheet, ImageDraw.Draw(sheet)


def _text(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: int = 13,
    *,
    anchor: str = "la",
    fill: str = "black",
) -> None:
    draw.text(at, text, fill, ImageFont.load_default(size), anchor=anchor)


def _rule(draw: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float]) -> None:
    draw.line([start, end], _GRID)


def _polyline(
    draw: ImageDraw.ImageDraw, points: Sequence[tuple[float, float]], colour: str, dash: tuple[int, ...]
) -> None:
    """A line through points; dashes go on around its corners."""
    if not dash:
        draw.line(list(points), colour, 2)
        return
    on, off = dash
    gone = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        length = math.hypot(x1 - x0, y1 - y0)
        at = -(gone % (on + off))
        while at < length:
            a, b = max(at, 0.0), min(at + on, length)
            if b > a:
                ends = [(x0 + (x1 - x0) * t / length, y0 + (y1 - y0) * t / length) for t in (a, b)]
                draw.line(ends, colour, 2)
            at += on + off
        gone += length


Scale = Sequence[tuple[float, str]]


def _coloured(shares: Array, scale: Scale) -> Array:
    """[...] in [0, 1] as colours [..., 3]."""
    places = [share for share, _ in scale]
    rgb = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for _, colour in scale], np.float64)
    return np.stack([np.interp(shares, places, rgb[:, i]) for i in range(3)], -1).round().astype(np.uint8)


def _colour(share: float, scale: Scale) -> str:
    red, green, blue = _coloured(np.array(share), scale)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _readable(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 120 else "black"


def _paler(colour: str) -> str:
    mixed = [(int(colour[i : i + 2], 16) + 2 * 255) // 3 for i in (1, 3, 5)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def _legend(
    sheet: Image.Image, at: tuple[int, int], width: int, scale: Scale, ticks: Sequence[tuple[float, str]]
) -> None:
    """A bar of the scale's colours with numbers below."""
    draw = ImageDraw.Draw(sheet)
    bar = np.broadcast_to(_coloured(np.linspace(0, 1, width), scale), (12, width, 3))
    sheet.paste(Image.fromarray(np.ascontiguousarray(bar)), at)
    draw.rectangle([at[0] - 1, at[1] - 1, at[0] + width, at[1] + 12], outline="#999999")
    for share, text in ticks:
        x = at[0] + share * (width - 1)
        draw.line([(x, at[1] + 12), (x, at[1] + 16)], "#999999")
        _text(draw, (x, at[1] + 17), text, 12, anchor="la" if share in (0, 1) else "ma")
