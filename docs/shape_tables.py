"""What the benchmarks of shapes measured, for docs/performance.md."""

from collections.abc import Callable
from typing import Any

from comparison_tables import table, where

_FIELDS = {"recipe": "default", "eikonal": "default, eikonal term", "siren": "SIREN, omega 10, eikonal term"}

Read = Callable[[str], dict[str, Any]]


def shapes(read: Read) -> str:
    """All tables."""
    parts = (_fits, _exports, _points, _known, _many, _large)
    return "\n".join(line for part in parts for line in [*part(read), ""])


def _fits(read: Read) -> list[str]:
    report = read("shapes.json")
    names = ["mesh", "faces", "budget", "IoU", "near the surface", "normals off by", "whole command", "peak memory"]
    cells = []
    for row in report["results"]["rows"]:
        found = row["metrics"]
        cells.append(
            [
                *(row["mesh"], f"{row['faces']:,}", f"{row['seconds']:g} s", f"{found['iou']:.4f}"),
                *(f"{found['iou_near']:.3f}", f"{found['normal_error']:.1f}°"),
                *(f"{row['whole_command']:.1f} s", f"{row['peak_memory_mib']} MiB"),
            ]
        )
    ratio = report["results"]["to_iou"]
    lines = [f"{where(report)}; `{report['command']}`:", "", *table(names, cells), ""]
    for row in ratio["rows"]:
        ours, eager = row["seconds"]["cpu"], row["seconds"]["reference"]
        lines.append(
            f"IoU {ratio['asked']} of {row['mesh']} is reached after {ours:.2f} s ({row['steps']} steps), by plain "
            f"PyTorch with the same recipe after {eager:.2f} s: {row['ratio']:g} times."
        )
    return lines


def _exports(read: Read) -> list[str]:
    names = [
        "exported at 512³",
        "time",
        "peak memory",
        "faces",
        "watertight",
        "parts (input's)",
        "mean distance",
        "Hausdorff",
    ]
    cells = [
        [
            *(row["mesh"], f"{row['seconds']} s", f"{row['peak_memory_mib']} MiB", f"{row['faces']:,}"),
            "yes" if row["watertight_by_trimesh"] else "no",
            f"{row['components']} ({row['components_of_input']})",
            f"{(row['to_target'] + row['to_prediction']) / 2:.1e}",
            f"{row['hausdorff']:.1e}",
        ]
        for row in read("shapes.json")["results"]["exports"]
    ]
    return [*table(names, cells), "", "Lengths are in units of the box, whose side is 2; watertight by trimesh."]


def _points(read: Read) -> list[str]:
    report = read("scan.json")
    lines = [f"From points alone, `{report['command']}`:", ""]
    for name, row in report["results"]["rows"].items():
        line = f"- {name}: {row['points']:,} points, {row['steps']} steps in {row['fit_seconds']:.0f} s, "
        line += f"{row['components']} part(s), points to mesh {row['points_to_mesh_percent']:.3f} % of the diagonal"
        if "chamfer_l1_percent" in row:
            line += f", Chamfer distance to the mesh {row['chamfer_l1_percent']:.3f} %"
        if row.get("unsupported"):
            line += f"; {100 * row['unsupported']:.0f} % of the area has no points near it"
        lines.append(line + ".")
    return lines


def _known(read: Read) -> list[str]:
    report = read("known_shapes.json")
    names = ["shape", "field", "IoU", "error near the surface", "error anywhere", "gradient's length off, median"]
    names += ["90th percentile", "laplacian off, median"]
    cells = [
        [
            *(row["shape"], _FIELDS[row["field"]], f"{row['iou']:.4f}", f"{row['mean_error_near']:.1e}"),
            *(f"{row['mean_error']:.1e}", f"{row['gradient_off_median']:.3f}", f"{row['gradient_off_p90']:.3f}"),
            f"{100 * row['laplacian_off_median']:.0f} %" if "laplacian_off_median" in row else "",
        ]
        for row in report["results"]["rows"]
        if "mean_error" in row
    ]
    lines = [f"Distances that are known, `{report['command']}`:", "", *table(names, cells), ""]
    for row in report["results"]["rows"]:
        if "mean_error" not in row:
            lines.append(f"- {row['shape']}: IoU {row['iou']:.4f}, near the surface {row['iou_near']:.3f}.")
    edges = report["results"]["edges"]
    for of, found in (("level function", edges["truth"]), ("field", edges["field"])):
        errors = ", ".join(f"{row['mean_cells']:.3f} by {way}" for way, row in found.items())
        lines.append(f"- Edges of the part's {of} in meshes of {edges['cells']} cells are off by {errors} (cells).")
    return lines


def _many(read: Read) -> list[str]:
    report = read("many.json")
    found = report["results"]
    ways = ", ".join(f"{way} {seconds:.2f} s" for way, seconds in found["seconds_per_shape"].items())
    count = f"{found['shapes']} shapes, {found['parameters']:,} parameters each"
    return [f"{count}, time per shape: {ways} (`{report['command']}`)."]


def _large(read: Read) -> list[str]:
    report = read("large_mesh.json")
    lines = []
    for row in report["results"]["rows"]:
        line = f"{row['faces']:,} faces (`{report['command']}`): peak memory {row['peak_memory_mib']:,} "
        line += (
            f"MiB, {row['peak_bytes_per_face']} bytes per face; IoU {row['metrics']['iou']:.4f} after {row['steps']} "
        )
        lines.append(f"{line}steps.")
    note = report["results"].get("note")
    return [*lines, *([f"In that run {note}."] if note else [])]
