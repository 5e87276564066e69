"""Results as tables, for the terminal and, cell by cell, for the documentation."""

import math
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_TIMES = ("eager ms", "compile ms", "ours ms", "x eager")
KERNEL_COLUMNS = ("case", *_TIMES, "Mpoints/s", "GFLOP/s", "of floor", "error", "eager error")
BACKEND_TITLES = {"reference": "plain PyTorch for all", "native": "with the kernels there are"}
_FIRST_TO_GO = ("eager error", "GFLOP/s", "Mpoints/s", "error", "compile ms", "of floor")  # where a terminal is narrow


def kernels_table(results: Mapping[str, Any], width: int | None = None) -> str:
    """One line per case, and the ceilings below; columns are left out where ``width`` is too narrow for all."""
    line = ceilings_line(results["ceilings"])
    below = line if width is None else textwrap.fill(line, max(width - 1, 40), break_long_words=False)
    if not results["rows"]:
        return below
    columns, cells, left_out = list(KERNEL_COLUMNS), kernel_cells(results["rows"]), []
    for name in _FIRST_TO_GO:
        if width is None or max(map(len, _aligned(columns, cells))) < width:
            break
        at = columns.index(name)
        left_out.append(columns.pop(at))
        cells = [[*line[:at], *line[at + 1 :]] for line in cells]
    more = [f"left out in a terminal this narrow: {', '.join(left_out)}"] * bool(left_out)
    return "\n".join([*_aligned(columns, cells), "", *more, below])


def quality_table(results: Sequence[Mapping[str, Any]], width: int | None = None) -> str:
    """One line per image and target, as wide as it must be."""
    return "\n".join(_aligned(*quality_cells(results)))


def kernel_cells(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The texts of one line per case; a dash where nothing was measured."""
    cells = []
    for row in rows:
        seconds, errors = row["seconds"], row["error"]
        rate = row["flop_per_second"]
        cells.append(
            [
                row["name"],
                *(_number(seconds.get(way), 1e3) for way in ("eager", "compiled", "ours")),
                _number(row["ratio"]),
                _number(row["points_per_second"], 1e-6),
                _number(rate, 1e-9),
                _percent(row["fraction"]),
                *(f"{errors[way]['l2']:.1e}" if way in errors else "-" for way in ("ours", "eager")),
            ]
        )
    return cells


def quality_cells(results: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Headings, and one line per image and target with medians over the seeds; every one has to reach the target."""
    columns = ["image", "dB"]
    backends = [name for name in ("ours", "eager") if any(row["backend"] == name for row in results)]
    columns += [f"{_title(name, results)} {what}" for name in backends for what in ("seconds", "steps", "MiB")]
    cells = []
    for image, psnr in dict.fromkeys((row["image"], row["psnr"]) for row in results):
        line = [image, f"{psnr:g}"]
        for backend in backends:
            line += _medians([r for r in results if (r["image"], r["psnr"], r["backend"]) == (image, psnr, backend)])
        cells.append(line)
    return columns, cells


def _title(backend: str, results: Sequence[Mapping[str, Any]]) -> str:
    """What the rows of a backend are of: without the native core, ours is the reference."""
    used = {kernel for row in results if row["backend"] == backend for kernel in row["kernels"].values()}
    return "reference" if backend == "ours" and used == {"reference"} else backend


def methods_table(results: Mapping[str, Any], width: int | None = None) -> str:
    """A table per backend, the best method first, and the reasons of those that failed."""
    blocks = []
    for backend in dict.fromkeys(row["backend"] for row in results["rows"]):
        rows = [row for row in results["rows"] if row["backend"] == backend]
        columns, cells = methods_cells(rows)
        lines = _aligned(columns, cells)
        if width is not None and max(map(len, lines)) >= width:
            lines = _aligned(*methods_cells(rows, each=False))
        blocks.append("\n".join([f"{BACKEND_TITLES[backend]}:", *lines, *failures(rows)]))
    return "\n\n".join(blocks)


def methods_cells(rows: Sequence[Mapping[str, Any]], *, each: bool = True) -> tuple[list[str], list[list[str]]]:
    """Headings, and one line per method, the best first: medians over seeds, of which the means over images.

    A method that failed on an image has no mean. ``each`` shows the PSNR of every image where there are several. With
    several seeds, "seed range" is the largest difference of PSNR between a method's seeds on an image.
    """
    images = list(dict.fromkeys(row["image"] for row in rows))
    native = any(row["backend"] == "native" for row in rows)
    seeds = len({row["seed"] for row in rows}) > 1
    shown = images if each and len(images) > 1 else []
    columns = ["method", "parameters", "batch", "steps", "seconds", "Msamples/s", "MiB"]
    columns += ["kernels"] * native + [f"{Path(image).stem} dB" for image in shown]
    columns += ["SSIM", "mean dB" if len(images) > 1 else "dB"] + ["seeds", "seed range dB"] * seeds
    found = []
    for method in dict.fromkeys(row["method"] for row in rows):
        of_it = [row for row in rows if row["method"] == method and "error" not in row]
        if not of_it:
            continue
        line = [
            method,
            *(f"{round(_median(of_it, name)):,}" for name in ("params", "batch", "steps")),
            f"{_median(of_it, 'fit_seconds'):.1f}",
            f"{statistics.median(row['samples'] / row['fit_seconds'] for row in of_it) / 1e6:.3g}",
            _most_memory(of_it),
        ]
        if native:
            kernels = sorted(op for op, kernel in of_it[0]["kernels"].items() if kernel != "reference")
            line.append(" ".join(kernels) or "-")
        mean, ssim = (mean_of_medians(of_it, images, name) for name in ("psnr", "ssim"))
        line += [_fixed(psnr, 2) for psnr in _over_seeds(of_it, shown, "psnr")]
        line += [_fixed(ssim, 4), _fixed(mean, 2)]
        if seeds:
            ranges = [max(values) - min(values) for values in _by_image(of_it, images, "psnr") if len(values) > 1]
            line += [str(len({row["seed"] for row in of_it})), _fixed(max(ranges, default=None), 2)]
        found.append((-1.0 if mean is None else mean, line))
    return columns, [line for _, line in sorted(found, key=lambda pair: -pair[0])]


def failures(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each fit that failed, those for the same reason together."""
    told: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if "error" in row:
            told.setdefault((row["method"], row["error"]), []).append(row.get("image", ""))
    return [
        f"{method} failed{' on ' * any(images)}{', '.join(dict.fromkeys(images))}: {error}"
        for (method, error), images in told.items()
    ]


def spectrum_table(results: Mapping[str, Any], width: int | None = None) -> str:
    """The step from which on each tone is learned, by cycles per box."""
    columns, cells = spectrum_cells(results["rows"])
    return "\n".join([*_aligned(columns, cells), *failures(results["rows"])])


def spectrum_cells(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Headings, and one line per method, those that learn most tones first, then those that do soonest."""
    groups = by_method(rows)
    tones = next((of_it[0]["tones"] for of_it in groups.values()), [])
    columns = ["method", "parameters", "batch", *map(str, tones)]
    return columns, [
        [method, f"{of_it[0]['params']:,}", f"{of_it[0]['batch']:,}"]
        + ["-" if step is None else f"{step:,}" for step in median_learned(of_it)]
        for method, of_it in sorted(groups.items(), key=lambda pair: soonest(pair[1]))
    ]


def by_method(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of fits that did not fail."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if "error" not in row:
            found.setdefault(row["method"], []).append(row)
    return found


def mean_of_medians(rows: Sequence[Mapping[str, Any]], images: Sequence[str], name: str) -> float | None:
    """The mean over images of the medians over seeds; None where nothing was measured on one of the images."""
    known = [median for median in _over_seeds(rows, images, name) if median is not None]
    return statistics.fmean(known) if len(known) == len(images) else None


def median_learned(rows: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """The median over seeds of the steps at which each tone is learned, the lower one of two."""
    medians = (
        statistics.median_low([math.inf if step is None else step for step in steps])
        for steps in zip(*(row["learned"] for row in rows), strict=True)
    )
    return [None if step == math.inf else int(step) for step in medians]


def soonest(rows: Sequence[Mapping[str, Any]]) -> tuple[int, float]:
    """How a method of the spectrum compares: fewest tones missing, then the geometric mean of their steps."""
    steps = median_learned(rows)
    known = [step for step in steps if step is not None]
    return len(steps) - len(known), sum(map(math.log, known))


def ceilings_line(ceilings: Mapping[str, Any]) -> str:
    """The ceilings in words."""
    parts = [f"torch.mm {ceilings['mm'] / 1e9:.0f} GFLOP/s"]
    if not ceilings["refusal"]:
        parts.insert(0, f"multiply-adds {ceilings['fma'] / 1e9:.0f} GFLOP/s")
        parts += [f"bfloat16 dot products {ceilings['dot_bf16'] / 1e9:.0f} GFLOP/s"] * bool(ceilings["dot_bf16"])
        parts += [_sized("triad", ceilings["triad"], "GB/s")]
        parts += [_sized(name, ceilings[name], "G/s") for name in ("gather", "scatter")]
    return "ceilings: " + "; ".join(parts)


def _sized(name: str, rates: Mapping[str, float], unit: str) -> str:
    sizes = (f"{rate / 1e9:.3g} ({int(size) / 2**20:g} MiB)" for size, rate in rates.items())
    return f"{name} {', '.join(sizes)} {unit}"


def _median(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return statistics.median(row[name] for row in rows)


def _by_image(rows: Sequence[Mapping[str, Any]], images: Sequence[str], name: str) -> list[list[float]]:
    """What was measured on each image, one number per seed."""
    return [[row[name] for row in rows if row["image"] == image and row[name] is not None] for image in images]


def _over_seeds(rows: Sequence[Mapping[str, Any]], images: Sequence[str], name: str) -> list[float | None]:
    """The median of each image, or None where nothing was measured."""
    return [statistics.median(values) if values else None for values in _by_image(rows, images, name)]


def _fixed(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _most_memory(rows: Sequence[Mapping[str, Any]]) -> str:
    peaks = [row["peak_memory_mib"] for row in rows if row["peak_memory_mib"]]
    return f"{max(peaks)}" if peaks else "-"


def _medians(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return ["-"] * 3
    seconds = statistics.median(row["fit_seconds"] for row in rows)
    missed = not all(row["reached"] for row in rows)
    return [
        "not reached" if missed else f"{seconds:.2f}",
        f"{statistics.median(row['steps'] for row in rows):.0f}",
        _most_memory(rows),
    ]


def _number(value: float | None, scale: float = 1.0) -> str:
    """Three digits that count."""
    if value is None:
        return "-"
    value *= scale
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.3g} %"


def _aligned(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    """Lines with the first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    lines = [columns, ["-" * width for width in widths], *cells]
    return ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines]
