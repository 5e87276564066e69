"""The tables of docs/performance.md on the viewer."""

from collections.abc import Callable
from typing import Any

from comparison_tables import table, where

_PICTURE = 768 * 512


def viewer(read: Callable[[str], dict[str, Any]]) -> str:
    """What a frame costs the page, and what being watched costs a fit."""
    drawn, watched = read("viewer.json"), read("viewing.json")
    side = drawn["results"]["side"]
    lines = [
        f"{where(drawn)}, Chromium's software drivers, frames of {side}x{side}; `{drawn['command']}`:",
        "",
        *table(*_frames(drawn["results"]["rows"])),
        "",
        f"{where(watched)}; `{watched['command']}`. Steps per second without and with a page that looks, in turns, the "
        "median change and the range in the middle half of the blocks, and the CPU time of the viewer's own threads:",
        "",
        *table(*_costs(watched["results"])),
    ]
    return "\n".join(lines) + "\n"


def _frames(rows: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    names = ["field", "parameters", "snapshot, MB", "kFLOP a pixel", "GFLOP in 768x512"]
    drivers = list(dict.fromkeys(row["driver"] for row in rows))
    names += [f"{driver}: {what}" for driver in drivers for what in ("ms a frame", "first, ms")]
    by = {(row["kind"], row["driver"]): row for row in rows}
    cells = []
    for kind in dict.fromkeys(row["kind"] for row in rows):
        of = [by.get((kind, driver)) for driver in drivers]
        row = next(found for found in of if found)
        flops = row["flops_per_pixel"]
        first = [kind, f"{row['parameters']:,}", f"{row['snapshot_bytes'] / 1e6:.2f}"]
        counted = [f"{flops / 1e3:.1f}", f"{flops * _PICTURE / 1e9:.1f}"]
        cells.append([*first, *counted, *(told for found in of for told in _timed(found))])
    return names, cells


def _timed(row: dict[str, Any] | None) -> list[str]:
    return [f"{row['frame_ms']:.1f}", f"{row['compile_ms']:,.0f}"] if row else ["-", "-"]


def _costs(rows: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    names = ["field", "threads", "drawn by", "steps per second", "middle half", "viewer, of a core", "sent a second"]
    cells = []
    for row in rows:
        costs = sorted(row["costs"])
        quarter = len(costs) // 4
        middle = f"{-costs[-1 - quarter]:+.1%} to {-costs[quarter]:+.1%}"
        sent = f"{row['sent_per_second']:.1f} times, {row['bytes_per_second'] / 1e6:.2f} MB"
        first = [row["method"], str(row["threads"]), row["drawn_by"]]
        cells.append([*first, f"{-row['median_cost']:+.1%}", middle, f"{row['viewer_cpu_share']:.1%}", sent])
    return names, cells
