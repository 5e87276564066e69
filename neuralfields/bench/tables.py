"""Results as tables, for the terminal and, cell by cell, for the documentation."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

_TIMES = ("eager ms", "compile ms", "ours ms", "x eager")
KERNEL_COLUMNS = ("case", *_TIMES, "Mpoints/s", "GFLOP/s", "of floor", "error", "eager error")


def kernels_table(results: Mapping[str, Any]) -> Table:
    """One line per case, and the ceilings below."""
    return _table(KERNEL_COLUMNS, kernel_cells(results["rows"]), caption=ceilings_line(results["ceilings"]))


def quality_table(results: Sequence[Mapping[str, Any]]) -> Table:
    """One line per image and target."""
    columns, cells = quality_cells(results)
    return _table(columns, cells)


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
    """Headings, and one line per image and target with medians over the seeds."""
    columns = ["image", "dB"]
    backends = [name for name in ("ours", "eager") if any(row["backend"] == name for row in results)]
    columns += [f"{name} {what}" for name in backends for what in ("seconds", "steps", "MiB")]
    cells = []
    for image, psnr in dict.fromkeys((row["image"], row["psnr"]) for row in results):
        line = [image, f"{psnr:g}"]
        for backend in backends:
            line += _medians([r for r in results if (r["image"], r["psnr"], r["backend"]) == (image, psnr, backend)])
        cells.append(line)
    return columns, cells


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
        f"> {seconds:.0f}" if missed else f"{seconds:.2f}",
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


def _table(columns: Sequence[str], cells: Sequence[Sequence[str]], caption: str | None = None) -> Table:
    table = Table(box=box.SIMPLE, caption=caption, caption_justify="left")
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=not number)
    for line in cells:
        table.add_row(*line)
    return table
