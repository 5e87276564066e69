"""``nf bench``: how fast this machine is with this package, and how far from what it can do."""

import math
import os
import shutil
import sys
from argparse import BooleanOptionalAction, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from neuralfields.cli.parser import Parser, nearest, needs, say
from neuralfields.errors import InputError

_USAGE = """usage: nf bench kernels ...   each operation and kind of training step: plain PyTorch, torch.compile, ours
       nf bench fit IMAGE ... seconds until a fit of an image has 30, 35 and 40 dB, ours and plain PyTorch
       nf bench methods IMAGE ...   every method on an image with as many parameters and as much time as the others
       nf bench spectrum ...  which frequencies each method learns, and when

nf bench kernels --help, and so on, explain each."""
_KERNELS = """times are medians of interleaved calls; the floor is what the work takes at the machine's ceilings,
measured in the same run; the error is the norm of the difference from float64 over that of the values (the JSON has the
largest difference too)."""
_FIT = """the recipe is that of nf fit; the time is that of fitting, with quality checks, without reading and import.
Each fit runs in a process of its own. What was measured before Ctrl-C is kept."""
_QUICK = "quick: tiny sizes of {points} points, not those in the names; the times tell that it works, not how fast"
_TARGETS = (30.0, 35.0, 40.0)


def main(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_USAGE)
        return 0 if words else 2
    from neuralfields.cli import bench_methods

    kinds: dict[str, Callable[[Sequence[str]], int]] = {
        "kernels": _kernels,
        "fit": _fit,
        "methods": bench_methods.methods,
        "spectrum": bench_methods.spectrum,
    }
    if words[0] not in kinds:
        raise InputError(f"no benchmark {words[0]!r}{nearest(words[0], kinds)}; there are {', '.join(kinds)}")
    return kinds[words[0]](words[1:])


def _kernels(words: Sequence[str]) -> int:
    p = Parser("bench kernels", "Measure each operation and kind of training step on this machine.", _KERNELS)
    p.add_argument("--only", nargs="+", default=[], metavar="NAME", help="that one, or those with this in their name")
    p.add_argument("--list", action="store_true", help="print the names and stop; with --json as JSON")
    p.add_argument("--quick", action="store_true", help="tiny sizes: shows that everything works, not how fast")
    p.add_argument("--compile", action=BooleanOptionalAction, help="with torch.compile (default unless --quick)")
    common(p)
    options = p.read(words)
    check(options)
    from neuralfields.bench import ceilings, kernels, machine

    cases = kernels.chosen(options.only)
    if options.list:
        print_names([case.name for case in cases], as_json=options.json)
        return 0
    import torch

    from neuralfields.bench.tables import kernels_table
    from neuralfields.ops import native

    native.reason()  # refuses impossible settings, before anything is said
    if options.threads:
        torch.set_num_threads(options.threads)
    threads = torch.get_num_threads()
    say(f"ceilings of {threads} thread{'s' * (threads > 1)}")
    limits = ceilings.measure(threads, quick=options.quick)
    if limits.refusal:
        say(f"no floors: {limits.refusal}")
    compiled = not options.quick if options.compile is None else options.compile
    rows: list[dict[str, Any]] = []
    results: dict[str, Any] = {"threads": threads, "ceilings": ceilings.as_json(limits), "rows": rows}
    made = machine.report(["nf", "bench", "kernels", *words], results)
    note = _QUICK.format(points=kernels.QUICK_POINTS) if options.quick else ""
    try:
        keep(options, made)
        for row in kernels.measured(cases, quick=options.quick, compiled=compiled, tell=say):
            kernels.set_floor(row, limits)
            rows.append(row)
            keep(options, made)
            limits = limits.best(ceilings.measure(threads, quick=options.quick))
            for earlier in rows:
                kernels.set_floor(earlier, limits)
            results["ceilings"] = ceilings.as_json(limits)
        keep(options, made)
    finally:
        show(options, made, kernels_table, note)
    return 0


def print_names(names: list[str], *, as_json: bool) -> None:
    """What ``--list`` prints."""
    if as_json:
        from neuralfields.cli.opening import print_json

        print_json(names)
    else:
        print(*names, sep="\n")


def _fit(words: Sequence[str]) -> int:
    p = Parser("bench fit", "Measure how long a fit takes until the image has a PSNR.", _FIT)
    p.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="any images")
    p.add_argument("--until-psnr", nargs="+", type=float, default=_TARGETS, metavar="DB", help="default 30 35 40")
    p.add_argument("--seeds", type=int, default=1, metavar="N", help="fits of each kind; the median counts (default 1)")
    p.add_argument("--seconds", type=float, default=60.0, metavar="S", help="a fit is given up after (default 60)")
    p.add_argument(
        "--eager",
        action=BooleanOptionalAction,
        default=True,
        help="plain PyTorch too (default, where there is a native core)",
    )
    common(p)
    options = p.read(words)
    check(options)
    for name in ("seeds", "seconds"):
        needs(getattr(options, name) > 0, f"--{name} is above 0, got {getattr(options, name)}")
    for psnr in options.until_psnr:
        needs(0 < psnr < math.inf, f"--until-psnr is a PSNR in dB above 0, got {psnr}")
    for path in options.images:
        needs(path.is_file(), f"there is no file {path}")
    from neuralfields.bench import machine, quality
    from neuralfields.bench.tables import quality_table

    missing = quality.missing_core()
    if missing:
        say(f"there is no native core: it {missing}; ours is the reference here, plain PyTorch")
    backends = quality.BACKENDS if options.eager and not missing else quality.BACKENDS[:1]
    tasks = [
        quality.Task(os.fspath(path), psnr, seed, options.seconds, backend, options.threads)
        for path in options.images
        for psnr in sorted(set(options.until_psnr))
        for seed in range(options.seeds)
        for backend in backends
    ]
    results: list[dict[str, Any]] = []
    made = machine.report(["nf", "bench", "fit", *words], results)
    try:
        for number, task in enumerate(tasks, 1):
            say(f"{number}/{len(tasks)} {task.image} to {task.psnr:g} dB, seed {task.seed}, {task.backend}")
            row = quality.measured(task)
            results.append({**row, "image": Path(task.image).name})
            keep(options, made)
    finally:
        show(options, made, quality_table)
    return 0


def common(p: Parser) -> None:
    """The options that all benchmarks have."""
    p.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: torch's choice)")
    p.add_argument("--out", type=Path, metavar="FILE", help="write the results as JSON, after each measurement")
    p.add_argument("--json", action="store_true", help="print the results as JSON instead of a table")


def check(options: Namespace) -> None:
    """Refuse values of those that cannot be.

    Raises:
        InputError: there is one.
    """
    threads = options.threads
    needs(threads is None or 1 <= threads <= 1024, f"--threads is between 1 and 1024, got {threads}")
    out = options.out
    needs(out is None or out.suffix == ".json", f"--out is a .json, not {out}")
    needs(out is None or out.parent.is_dir(), f"cannot write {out}: there is no folder {out and out.parent}")


def keep(options: Namespace, made: dict[str, Any]) -> None:
    """Write what was measured so far where ``--out`` says."""
    from neuralfields.bench import machine

    if options.out:
        machine.write(options.out, made)


def show(options: Namespace, made: dict[str, Any], table: Callable[[Any, int | None], str], note: str = "") -> None:
    """What was measured so far, as JSON or as a table below ``note``."""
    results = made["results"]
    if not results:
        return
    if options.json:
        from neuralfields.cli.opening import print_json

        print_json(made)
        return
    if note:
        print(note)
    print(table(results, shutil.get_terminal_size().columns if sys.stdout.isatty() else None))
