"""The tables of docs/comparison.md: what benchmarks/results has of them so far, and benchmarks/papers.json."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from neuralfields.bench import tables

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
_NOTHING = "Not measured yet.\n"
_NEAR = 0.5  # dB, a difference that another seed or image may turn round

Report = Mapping[str, Any]


def sections(results: Path = RESULTS) -> dict[str, str]:
    """What belongs between the marks of docs/comparison.md, by their names."""
    reports = {path.stem: json.loads(path.read_text()) for path in sorted(results.glob("*.json"))}
    compared = {name.removeprefix("methods_"): made for name, made in reports.items() if name.startswith("methods_")}
    single: dict[str, Callable[[Report], str]] = {
        "spectrum": spectrum,
        "teaching": teaching,
        "progressive": progressive,
        "sl2a": sl2a,
    }
    return {
        "methods": "\n".join(methods(name, made) for name, made in compared.items()) or _NOTHING,
        "orders": "\n".join(orders(name, made) for name, made in compared.items()) or _NOTHING,
        "papers": papers(compared),
        **{name: make(reports[name]) if name in reports else _NOTHING for name, make in single.items()},
    }


def methods(name: str, report: Report) -> str:
    """The tables of one file of ``nf bench methods``, one per backend."""
    rows = report["results"]["rows"]
    lines = [f"### {name}", "", f"{where(report)}; `{report['command']}`. {budget(report)}.", ""]
    for backend in dict.fromkeys(row["backend"] for row in rows):
        of_it = [row for row in rows if row["backend"] == backend]
        title = tables.BACKEND_TITLES[backend]
        lines += [f"{title[0].upper()}{title[1:]}:", "", *table(*tables.methods_cells(of_it)), ""]
        lines += [f"- {escaped(line)}" for line in tables.failures(of_it)]
        lines += [""] * bool(tables.failures(of_it))
    return "\n".join(lines)


def budget(report: Report) -> str:
    """What each method had, in words."""
    settings = report["results"]["settings"]
    parts = [
        f"{settings[name]:,g} {what}"
        for name, what in (("seconds", "s of fitting"), ("steps", "steps"))
        if settings[name]
    ]
    images = {row["image"]: row.get("shape") for row in report["results"]["rows"]}
    shapes = sorted({f"{shape[1]}×{shape[0]}" for shape in images.values() if shape})
    threads = max((row["threads"] for row in report["results"]["rows"] if "threads" in row), default=0)
    return (
        f"{len(images)} image{'s' * (len(images) > 1)} of {', '.join(shapes)}, "
        f"about {settings['params']:,} parameters, {' and at most '.join(parts)}, "
        f"{threads} thread{'s' * (threads != 1)}"
    )


def papers(compared: Mapping[str, Report]) -> str:
    """The papers' figures, each with its protocol, and beside them the means of ours; then the protocols."""
    known = json.loads((ROOT / "benchmarks" / "papers.json").read_text())
    ours = {name: means(made["results"]["rows"]) for name, made in compared.items()}
    columns = ["method", "paper dB", "SSIM", "parameters", "batch", "protocol", "known from"]
    columns += [f"{what} {name}" for name in ours for what in ("ours dB,", "parameters,")]
    cells = []
    for row in known["rows"]:
        protocol = known["protocols"][row["protocol"]]
        line = [row["title"], number(row.get("psnr"), "{:.2f}"), number(row.get("ssim"), "{:.3f}")]
        line += [number(row.get(name), "{:,}") for name in ("params", "batch")]
        line += [protocol["name"], protocol["certainty"]]
        for found in ours.values():
            psnr, params = found.get(row["method"], (None, None))
            line += [number(psnr, "{:.2f}"), number(params, "{:,}")]
        cells.append(line)
    lines = [*table(columns, cells), ""]
    lines += [
        f"- **{about['name']}** ({about['source']}; {known['certainty'][about['certainty']]}): {about['data']}; "
        f"{about['budget']}; {about['report']}. Unlike here: {about['differs']}."
        for about in known["protocols"].values()
    ]
    lines += [
        f"- **ours, {name}**: {budget(made)}; PSNR of all pixels at the end, clipped; mean over images."
        for name, made in compared.items()
    ]
    return "\n".join(lines) + "\n"


def orders(name: str, report: Report) -> str:
    """Which of two methods is better in a paper, and whether it is here, for all pairs that both have measured."""
    known = json.loads((ROOT / "benchmarks" / "papers.json").read_text())
    ours = means(report["results"]["rows"])
    columns = ["protocol", "order in the paper", f"order here, {name}", "pairs alike", "other way round"]
    columns.append(f"within {_NEAR:g} dB here")
    cells = []
    for key, protocol in known["protocols"].items():
        rows = [row for row in known["rows"] if row["protocol"] == key and "psnr" in row and row["method"] in ours]
        theirs = {row["method"]: row["psnr"] for row in sorted(rows, key=lambda row: row["psnr"])}  # the best of each
        shared = sorted(theirs, key=lambda method: -theirs[method])
        if len(shared) < 2:
            continue
        gains = [ours[better][0] - ours[worse][0] for better, worse in combinations(shared, 2)]
        here = sorted(shared, key=lambda method: -ours[method][0])
        counts = [sum(gain > _NEAR for gain in gains), sum(gain < -_NEAR for gain in gains)]
        counts.append(len(gains) - sum(counts))
        cells.append([protocol["name"], ", ".join(shared), ", ".join(here), *map(str, counts)])
    return "\n".join(table(columns, cells)) + "\n" if cells else _NOTHING


def means(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, int]]:
    """PSNR and number of parameters of each method in plain PyTorch, where it has all images; medians over seeds."""
    images = sorted({row["image"] for row in rows})
    found = {}
    for method, of_it in tables.by_method([row for row in rows if row["backend"] == "reference"]).items():
        mean = tables.mean_of_medians(of_it, images, "psnr")
        if mean is not None:
            found[method] = mean, round(statistics.median(row["params"] for row in of_it))
    return found


def spectrum(report: Report) -> str:
    """The table of ``nf bench spectrum``."""
    settings, rows = report["results"]["settings"], report["results"]["rows"]
    about = (
        f"{where(report)}; `{report['command']}`. About {settings['params']:,} parameters, {settings['steps']:,} steps:"
    )
    lines = [about, "", *table(*tables.spectrum_cells(rows)), ""]
    failed = [f"- {escaped(line)}" for line in tables.failures(rows)]
    return "\n".join([*lines, *failed, *[""] * bool(failed)])


def teaching(report: Report) -> str:
    """The table of benchmarks/int_teaching.py: both thresholds of each image."""
    settings = report["results"]["settings"]
    columns = ["image", "reached by", "dB", "all: steps", "all: seconds", "INT: steps", "INT: seconds", "time saved"]
    columns += ["all: last dB", "INT: last dB"]
    cells = []
    for row in report["results"]["rows"]:
        for which, target in row["targets"].items():
            both = [target[name] for name in ("uniform", "teaching")]
            steps_and_seconds = [
                text for at in both for text in ([f"{at['step']:,}", f"{at['seconds']:.1f}"] if at else ["-", "never"])
            ]
            saved = f"{100 * (1 - both[1]['seconds'] / both[0]['seconds']):.0f} %" if all(both) else "-"
            ends = [f"{row['final_psnr'][name]:.2f}" for name in ("uniform", "teaching")]
            title = "both" if which == "both" else "all samples"
            cells.append([row["image"], title, f"{target['psnr']:.2f}", *steps_and_seconds, saved, *ends])
    about = (
        f"{where(report)}; `{report['command']}`. SIREN {settings['depth']}×{settings['width']}, "
        f"{settings['side']}×{settings['side']} pixels, {settings['steps']:,} steps:"
    )
    return "\n".join([about, "", *table(columns, cells)]) + "\n"


def progressive(report: Report) -> str:
    """The table of benchmarks/progressive.py: what depends on sigma, and how much."""
    settings = report["results"]["settings"]
    columns = ["pixels seen", "method", "best dB", "at sigma", "mean dB over sigma", "standard deviation"]
    cells = [
        [
            f"{100 * (1 - row['holdout']):.0f} %",
            row["method"],
            f"{row['best']:.2f}",
            f"{row['best_sigma']:g}",
            f"{row['mean']:.2f}",
            f"{row['deviation']:.2f}",
        ]
        for row in report["results"]["summary"]
    ]
    about = (
        f"{where(report)}; `{report['command']}`. {settings['side']}×{settings['side']} pixels, about "
        f"{settings['params']:,} parameters, {settings['steps']:,} steps of {settings['batch']:,}; PSNR of the pixels "
        "that were not seen, where there are some:"
    )
    return "\n".join([about, "", *table(columns, cells)]) + "\n"


def sl2a(report: Report) -> str:
    """The table of benchmarks/sl2a_protocol.py, with the page's figures in a column of their own."""
    settings = report["results"]["settings"]
    known = json.loads((ROOT / "benchmarks" / "papers.json").read_text())["rows"]
    page = {row["title"].lower().replace("+", "-"): row for row in known if row["protocol"] == "sl2a"}
    columns = ["method", "parameters", "batch", "rate", "passes", "seconds", "best dB", "last dB", "page dB (512×512)"]
    cells = []
    for row in report["results"]["rows"]:
        theirs = page.get(row["method"], {}).get("psnr")
        if "error" in row:
            cells.append([row["method"], *["-"] * 5, "failed", "-", number(theirs, "{:.2f}")])
            continue
        cells.append(
            [
                row["method"],
                f"{row['params']:,}",
                f"{row['batch']:,}",
                f"{row['rate']:g}",
                f"{row['epochs']:.3g}",
                f"{row['seconds']:.0f}",
                f"{row['best_psnr']:.2f}",
                f"{row['last_psnr']:.2f}",
                number(theirs, "{:.2f}"),
            ]
        )
    about = (
        f"{where(report)}; `{report['command']}`. {settings['image']}, {settings['side']}×{settings['side']} pixels, "
        f"{settings['epochs']} passes or {settings['seconds']:g} s:"
    )
    return "\n".join([about, "", *table(columns, cells)]) + "\n"


def number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    """Lines of Markdown, numbers to the right."""
    rows = [columns, ["---", *["---:"] * (len(columns) - 1)], *cells]
    return [f"| {' | '.join(row)} |" for row in rows]


def where(report: Report) -> str:
    """The machine in words."""
    machine = report["machine"]
    return f"{machine['cpu']}, {machine['cores']} cores, torch {report['versions']['torch']}"


def escaped(text: str) -> str:
    """A text in which nothing is read as a link or a tag."""
    for mark in "[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return text
