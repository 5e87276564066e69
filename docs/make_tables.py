"""Write docs/methods.md, and the results in README, docs/performance.md and docs/comparison.md.

They come from the code and benchmarks/results.

python docs/make_tables.py
"""

import json
from pathlib import Path
from typing import Any

import comparison_tables
import scene_tables
import shape_tables
import viewer_tables
from comparison_tables import table, where

from neuralfields.bench import tables
from neuralfields.cli.methods import listing

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def methods() -> str:
    """The text of docs/methods.md."""
    lines = [
        "# Methods",
        "",
        "What `nf fit --field` and `--recipe` take, and the building blocks. Made by `docs/make_tables.py` from the "
        "docstrings; `nf methods` prints the same.",
    ]
    for title, rows in listing().items():
        lines += ["", f"## {title}", "", "| name | what it is | paper |", "| --- | --- | --- |"]
        lines += [f"| `{row['name']}` | {row['summary'].replace('|', '&#124;')} | {row['paper']} |" for row in rows]
    return "\n".join(lines) + "\n"


def readme() -> str:
    """The README with the results between the two marks."""
    return between((ROOT / "README.md").read_text(), "results", results())


def performance() -> str:
    """docs/performance.md with what the benchmarks measured between its marks."""
    text = between((ROOT / "docs" / "performance.md").read_text(), "kernels", kernels())
    text = between(text, "quality", quality())
    text = between(text, "shapes", shape_tables.shapes(_read))
    text = between(text, "scenes", scene_tables.scenes(_read))
    return between(text, "viewer", viewer_tables.viewer(_read))


def comparison() -> str:
    """docs/comparison.md with what was measured so far between its marks."""
    text = (ROOT / "docs" / "comparison.md").read_text()
    for name, made in comparison_tables.sections().items():
        text = between(text, name, made)
    return text


def between(text: str, name: str, made: str) -> str:
    """A page with ``made`` between the marks of that name."""
    begin, end = f"<!-- {name}: made by docs/make_tables.py -->\n", f"<!-- end of {name} -->"
    before, rest = text.split(begin)
    return before + begin + made + end + rest.split(end)[1]


def kernels() -> str:
    """The table of ``nf bench kernels``, with the machine and its ceilings."""
    report = _read("kernels.json")
    found = report["results"]
    names, cells = tables.KERNEL_COLUMNS, tables.kernel_cells(found["rows"])
    lines = [f"{where(report)}, {found['threads']} threads; `{report['command']}`:", "", *table(names, cells), ""]
    return "\n".join([*lines, f"C{tables.ceilings_line(found['ceilings'])[1:]}."]) + "\n"


def quality() -> str:
    """The table of ``nf bench fit``."""
    report = _read("quality.json")
    lines = [f"{where(report)}; `{report['command']}`:", "", *table(*tables.quality_cells(report["results"]))]
    return "\n".join(lines) + "\n"


def results() -> str:
    """Tables of photos, then a line for each of the other benchmarks."""
    photos = _read("photos.json")
    lines = [
        f"{where(photos)}; `python benchmarks/photos.py`:",
        "",
        "| image | pixels | asked | reached | fit | whole command | peak memory |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in photos["results"]:
        height, width, _ = row["shape"]
        hdr = row["ssim"] is None
        reached = f"relative squared error {row['relative_mse']:.4f}" if hdr else f"{row['psnr']:.2f} dB"
        goal, amount = row["budget"].removeprefix("--").split()
        asked = f"{amount} dB" if goal == "until-psnr" else f"{amount} {goal}"
        lines.append(
            f"| {row['image']} | {width}×{height} | {asked} | {reached} | {row['fit_seconds']:.2f} s, "
            f"{row['steps']} steps | {row['command_seconds']:.1f} s | {row['peak_memory_mib']} MiB |"
        )
    siren, kill, mutations = (_read(f"{name}.json")["results"] for name in ("siren_camera", "kill", "mutations"))
    lines += [
        "",
        f"- SIREN at its paper's settings on camera 256×256, 300 full-batch steps: median "
        f"{siren['median_psnr']['highest']:.2f} dB of {len(siren['seeds']['highest'])} seeds, "
        f"{siren['median_psnr']['medium']:.2f} dB with `--precision medium` (`python benchmarks/siren_camera.py`).",
        f"- {kill['killed']} kills at random moments of a fit: no file damaged, at most "
        f"{kill['most_seconds_lost']:.1f} s lost, {kill['ended_bit_equal']} of {kill['ended']} resumed fits bit-equal "
        "to the undisturbed one (`python benchmarks/kill.py`).",
        f"- {mutations['mutations']:,} random mutations of a field file: {mutations['refused']:,} refused, "
        f"{mutations['accepted_same']:,} loaded to the same values, {mutations['accepted_other']:,} to others, "
        f"{len(mutations['other_errors'])} other errors (`python benchmarks/mutations.py`).",
    ]
    return "\n".join(lines) + "\n"


def _read(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / name).read_text())


if __name__ == "__main__":
    (ROOT / "docs" / "methods.md").write_text(methods())
    (ROOT / "README.md").write_text(readme())
    (ROOT / "docs" / "performance.md").write_text(performance())
    (ROOT / "docs" / "comparison.md").write_text(comparison())
