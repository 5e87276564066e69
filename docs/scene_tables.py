"""What the benchmarks of scenes measured, for docs/performance.md."""

from collections.abc import Callable
from typing import Any

from comparison_tables import table, where

Read = Callable[[str], dict[str, Any]]


def scenes(read: Read) -> str:
    """The table of fits, and a line on steps beside plain PyTorch."""
    report = read("scenes.json")
    names = ["scene", "recipe", "fit", "PSNR", "SSIM", "steps", "views per second", "whole command"]
    cells = [
        [
            *(row["scene"], row["recipe"], f"{row['seconds']:g} s", f"{row['metrics']['psnr']:.2f} dB"),
            *(f"{row['metrics']['ssim']:.3f}", f"{row['steps']:,}", f"{row['frames_per_second']:.1f}"),
            f"{row['whole_command']:.0f} s",
        ]
        for row in report["results"]["rows"]
    ]
    lines = [f"{where(report)}; `{report['command']}`:", "", *table(names, cells), ""]
    for note in dict.fromkeys(row["note"] for row in report["results"]["rows"] if "note" in row):
        of = [f"{row['scene']} {row['seconds']:g} s" for row in report["results"]["rows"] if row.get("note") == note]
        lines += [f"{', '.join(of)}: measured {note}.", ""]
    for row in report["results"]["per_step"]:
        ours, eager = row["milliseconds"]["cpu"], row["milliseconds"]["reference"]
        lines.append(
            f"A step of {row['scene']} takes {ours:.1f} ms, in plain PyTorch with the same recipe {eager:.0f} ms: "
            f"{row['ratio']:g} times."
        )
    return "\n".join([*lines, "", *_recipes(read("nerfs.json"))]) + "\n"


def _recipes(report: dict[str, Any]) -> list[str]:
    """The recipes beside each other after equal seconds."""
    found = report["results"]
    kept = found["settings"]
    names = ["recipe", "parameters", "steps", "rays per step", "PSNR"]
    cells = [
        [row["method"], f"{row['parameters']:,}", f"{row['steps']:,}", f"{row['batch']:,}", f"{row['psnr']:.2f} dB"]
        for row in found["rows"]
    ]
    of = f"{kept['scene']['name']}, pictures {kept['scale']} times smaller, {kept['seconds']:g} s of each"
    return [f"The recipes on {of} (`{report['command']}`):", "", *table(names, cells)]
