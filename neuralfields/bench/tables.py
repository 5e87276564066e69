"""Results as tables, for the terminal and, cell by cell, for the documentation."""

import statistics
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

_TIMES = ("eager ms", "compile ms", "ours ms", "x eager")
KERNEL_COLUMNS = ("case", *_TIMES, "Mpoints/s", "GFLOP/s", "of floor", "error", "eager error")
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


def _medians(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return ["-"] * 3
    seconds = statistics.median(row["fit_seconds"] for row in rows)
    missed = not all(row["reached"] for row in rows)
    peaks = [row["peak_memory_mib"] for row in rows if row["peak_memory_mib"]]
    return [
        "not reached" if missed else f"{seconds:.2f}",
        f"{statistics.median(row['steps'] for row in rows):.0f}",
        f"{max(peaks)}" if peaks else "-",
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
