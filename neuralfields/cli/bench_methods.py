"""``nf bench methods`` and ``nf bench spectrum``: every method beside the others."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from neuralfields.cli.bench import check, common, keep, print_names, show
from neuralfields.cli.parser import Parser, count, needs, say

_RESUME = """Long runs may be interrupted: what was measured is in --out, and the same command with the same --out goes
on from there; of that only fits that failed are tried again. Other settings, another machine, other versions of this
package or of torch, and another image of a name that is in it, want another --out."""
_METHODS = f"""each method is fitted with its own rate and range, at about as many parameters as the others,
until the same time (or number of steps) is used up; one after the other, each in a process of its own. Rows have the
PSNR and SSIM, the PSNR's course, the error in each octave of frequencies, speed and peak memory.

{_RESUME}

examples:
  nf bench methods photo.png --budget-params 200k --budget-seconds 30 --out methods.json --pictures pictures
  nf bench methods *.png --only siren finer --budget-steps 1000 --backend both
"""
_SPECTRUM = f"""the signal is nine sines of equal amplitude, 1 to 256 cycles per box. The table has the step from which
on the error of each is below a tenth of its amplitude. Methods for images alone are rows with that reason.

{_RESUME}"""
_PARAMS = {"methods": "200k", "spectrum": "20k"}
_SECONDS, _STEPS = 30.0, 2000


def methods(words: Sequence[str]) -> int:
    p = _parser("methods", "Compare all methods on images, at equal parameters and equal time.", _METHODS)
    p.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="any images in [0, 1], of different names")
    p.add_argument("--budget-seconds", type=float, metavar="S", help=f"of fitting (default {_SECONDS:g}, or no limit)")
    p.add_argument(
        "--budget-steps", type=int, metavar="N", help="steps instead; with both, the first one to be used up"
    )
    p.add_argument(
        "--backend",
        choices=("reference", "native", "both"),
        default="reference",
        help="reference: plain PyTorch for all, so that it is the methods that differ (default); native: what nf fit "
        "does; both: two tables, in which fields without kernels are measured once",
    )
    options = _read(p, words)
    if options.list:
        return _print_methods(options)
    for name in ("seconds", "steps"):
        budget = getattr(options, f"budget_{name}")
        needs(budget is None or 0 < budget < float("inf"), f"--budget-{name} is above 0, got {budget}")
    needs(bool(options.images), "nothing to fit: give images, as in nf bench methods photo.png")
    for path in options.images:
        needs(path.is_file(), f"there is no file {path}")
    names = [path.name for path in options.images]
    needs(len({path.stem for path in options.images}) == len(names), f"the images' names differ, got {' '.join(names)}")
    from neuralfields.bench import methods as bench
    from neuralfields.bench.tables import methods_table

    abouts = {path: bench.described(path) for path in options.images}
    seconds = options.budget_seconds or (None if options.budget_steps else _SECONDS)
    settings = {"params": options.budget_params, "steps": options.budget_steps, "seconds": seconds}
    backends = bench.BACKENDS if options.backend == "both" else (options.backend,)
    tasks = [
        (about, bench.Task(str(path), name, seed, backend=backend, threads=options.threads, **settings))
        for backend in backends
        for path, about in abouts.items()
        for seed in range(options.seeds)
        for name in bench.chosen(options.only)
    ]
    return _measure("methods", words, options, settings, tasks, methods_table)


def spectrum(words: Sequence[str]) -> int:
    p = _parser("spectrum", "Measure which frequencies each method learns, and when.", _SPECTRUM)
    p.add_argument("--budget-steps", type=int, default=_STEPS, metavar="N", help=f"of each fit (default {_STEPS})")
    options = _read(p, words)
    if options.list:
        return _print_methods(options)
    needs(options.budget_steps > 1, f"--budget-steps is above 1, got {options.budget_steps}")
    from neuralfields.bench import methods as bench
    from neuralfields.bench.tables import spectrum_table

    settings = {"params": options.budget_params, "steps": options.budget_steps, "seconds": None}
    tasks = [
        ({}, bench.Task("", name, seed, threads=options.threads, **settings))
        for seed in range(options.seeds)
        for name in bench.chosen(options.only)
    ]
    return _measure("spectrum", words, options, settings, tasks, spectrum_table)


def _parser(kind: str, about: str, more: str) -> Parser:
    p = Parser(f"bench {kind}", about, more)
    p.add_argument("--only", nargs="+", default=[], metavar="NAME", help="that one, or those with this in their name")
    p.add_argument("--list", action="store_true", help="print the names and stop; with --json as JSON")
    default = _PARAMS[kind]
    text = f"about so many parameters for each, as in 200k or 1M (default {default})"
    p.add_argument("--budget-params", type=count, default=default, metavar="N", help=text)
    p.add_argument("--seeds", type=int, default=1, metavar="N", help="fits of each kind; the median counts (default 1)")
    p.add_argument("--pictures", type=Path, metavar="DIR", help="draw the results and keep the fits here")
    common(p)
    return p


def _read(p: Parser, words: Sequence[str]) -> Namespace:
    options = p.read(words)
    check(options)
    for name in ("seeds", "budget_params"):
        needs(getattr(options, name) > 0, f"--{name.replace('_', '-')} is above 0, got {getattr(options, name)}")
    folder = options.pictures
    needs(folder is None or folder.is_dir() or not folder.exists(), f"--pictures is a folder, {folder} is a file")
    return options


def _print_methods(options: Namespace) -> int:
    from neuralfields.bench import methods as bench

    print_names(bench.chosen(options.only), as_json=options.json)
    return 0


def _measure(
    kind: str,
    words: Sequence[str],
    options: Namespace,
    settings: dict[str, Any],
    tasks: Sequence[tuple[dict[str, Any], Any]],
    table: Callable[[Any, int | None], str],
) -> int:
    """Do the tasks that ``--out`` has no row of, each with what its row says of the signal."""
    from neuralfields.bench import machine
    from neuralfields.bench import methods as bench

    settings |= {"threads": options.threads}
    found, before = machine.earlier(options.out, f"nf bench {kind}", settings)
    hashes = {row.get("image"): row.get("sha256") for row in found}
    for about, _ in tasks:
        image, sha256 = about.get("image"), about.get("sha256")
        needs(hashes.get(image, sha256) == sha256, f"{options.out} has rows of another {image}: give another --out")
    rows = {_key(row): row for row in found}
    results: dict[str, Any] = {"settings": settings, "rows": list(rows.values())}
    made = machine.report(["nf", "bench", kind, *words], results, before)
    keys = [
        _key(about | {name: getattr(task, name) for name in ("method", "seed", "backend")}) for about, task in tasks
    ]
    done = sum("error" not in rows.get(key, {"error": ""}) for key in keys)
    if done:
        say(f"{done} of {len(tasks)} fits are in {options.out}")
    try:
        for number, (key, (about, task)) in enumerate(zip(keys, tasks, strict=True), 1):
            if "error" not in rows.get(key, {"error": ""}):
                continue
            say(f"{number}/{len(tasks)} {_told(task)}")
            plain = rows.get(_key(about | {"method": task.method, "seed": task.seed, "backend": "reference"}))
            row = bench.measured(_prepared(task, options, plain), f"neuralfields.bench.{kind}")
            if "params" not in row and "error" not in row and plain:
                row = plain | row  # it has no kernels: measured already
            rows[key] = about | row
            results["rows"] = list(rows.values())
            keep(options, made)
        keep(options, made)
    finally:
        show(options, made, table)  # first: what drawing refuses must not cost the table
        if rows and options.pictures:
            _draw(kind, options, results["rows"])
    return 0


def _prepared(task: Any, options: Namespace, plain: dict[str, Any] | None) -> Any:
    """The task, with what depends on the results so far."""
    from dataclasses import replace

    probe = task.backend == "native" and plain is not None and "error" not in plain
    if not (options.pictures and task.source):
        return replace(task, probe=probe)
    from neuralfields.bench.pictures import fit_path

    path = fit_path(options.pictures, Path(task.source).name, task.method, task.seed, task.backend)
    path.parent.mkdir(parents=True, exist_ok=True)
    return replace(task, probe=probe, picture=str(path))


def _draw(kind: str, options: Namespace, rows: Sequence[dict[str, Any]]) -> None:
    from neuralfields.bench import pictures

    options.pictures.mkdir(parents=True, exist_ok=True)
    drawn = pictures.methods(rows, options.images, options.pictures) if kind == "methods" else pictures.spectra(rows)
    for name, picture in drawn.items():
        picture.save(options.pictures / name, optimize=True)
        say(f"{options.pictures / name}")


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row.get("image"), row["method"], row["seed"], row["backend"]


def _told(task: Any) -> str:
    where = f" {task.source}" if task.source else ""
    return f"{task.method}{where}, seed {task.seed}, {task.backend}"
