"""``nf fit``: signals into run folders."""

import os
import shlex
import signal as signals_of_the_system
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralfields.cli.parser import INTERRUPTED, Parser, count, each, importing, nearest, needs, say, using
from neuralfields.errors import InputError

if TYPE_CHECKING:
    from neuralfields.runs import Run

KINDS = ("image",)
_EPILOG = """examples:
  nf fit photo.png                      a good default for any image; writes runs/photo
  nf fit photo.png --until-psnr 40      stop as soon as the whole image has 40 dB
  nf fit photo.png --field siren        another kind of field, of those that nf methods lists
  nf fit *.png --seconds 20             several, one run folder each
  nf fit --resume runs/photo            after Ctrl-C, a kill or a power cut
"""


def parser() -> Parser:
    p = Parser("fit", "Fit neural fields to signals.", _EPILOG)
    p.add_argument("inputs", nargs="*", metavar="[KIND] PATH", help="files to fit; KIND (image) overrules the suffix")
    p.add_argument("--field", metavar="NAME", help="one of nf methods (default hash), or package.module:Class")
    p.add_argument("--params", type=count, metavar="N", help="about so many parameters, as in 200k; with --field NAME")
    p.add_argument("--recipe", metavar="NAME", help="everything at once: image (default) or compact")
    p.add_argument("--steps", type=int, metavar="N", help="budget in steps")
    p.add_argument("--seconds", type=float, metavar="S", help="budget in seconds of fitting")
    p.add_argument("--until-psnr", type=float, metavar="DB", help="stop once the whole signal has this PSNR")
    p.add_argument("--out", type=Path, metavar="DIR", help="the run folder (default runs/<name>); must not exist")
    p.add_argument(
        "--resume", type=Path, metavar="DIR", help="go on with an interrupted fit; only --threads may differ"
    )
    p.add_argument("--batch", type=int, metavar="N", help="samples per step")
    p.add_argument("--lr", type=float, metavar="RATE", help="learning rate of the network; that of tables follows")
    p.add_argument("--ema", type=float, metavar="SHARE", help="keep a moving average of the weights, e.g. 0.95")
    p.add_argument("--sampler", metavar="NAME", help="what chooses the samples: teaching or loss (default: at random)")
    p.add_argument("--holdout", type=float, metavar="SHARE", help="share of the pixels kept from training, e.g. 0.1")
    p.add_argument("--seed", type=int, metavar="N", help="of initialisation and sampling (default 0)")
    p.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where to compute (default auto)")
    p.add_backend()
    p.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: torch's choice)")
    p.add_argument(
        "--precision",
        choices=("highest", "medium"),
        help="of matrix products: float32 throughout (highest, the default), or factors rounded to bfloat16 (medium), "
        "which makes networks faster, wide ones most, where the CPU multiplies bfloat16; weights and sums stay float32",
    )
    p.add_trust()
    p.add_argument("--quiet", action="store_true", help="no progress line")
    p.add_argument("--json", action="store_true", help="print run.json, one line per run, instead of the summary")
    return p


def main(words: Sequence[str]) -> int:
    options = parser().read(words)
    paths, kind = _inputs(options)
    # From here on torch is needed, which takes a second to import.
    with importing():
        from neuralfields import runs

    if options.resume:
        return drain(runs.resume(options.resume, threads=options.threads, trust=options.trust), options)
    names = ("field", "params", "recipe", "steps", "seconds", "until_psnr", "batch", "lr", "ema", "sampler")
    given = {name: getattr(options, name) for name in (*names, "backend", "threads")}
    defaulted = ("holdout", "seed", "device", "precision")
    given |= {name: v for name in defaulted if (v := getattr(options, name)) is not None}
    wanted = runs.Options(kind=kind, **given)
    with using(options.backend):
        pass  # refused once, not for each file, and before any is read
    return each("fit", paths, lambda path: drain(runs.start(path, wanted, out=options.out), options))


def _inputs(options: Namespace) -> tuple[list[str], str | None]:
    paths, kind = list(options.inputs), None
    if paths and paths[0] in KINDS and (len(paths) > 1 or not Path(paths[0]).exists()):
        kind = paths.pop(0)
    if options.resume:
        fixed = ("field", "params", "recipe", "steps", "seconds", "until_psnr", "out", "batch", "lr", "ema", "sampler")
        clash = [
            f"--{name.replace('_', '-')}"
            for name in (*fixed, "holdout", "seed", "device", "backend", "precision")
            if getattr(options, name) is not None
        ]
        clash += paths
        needs(not clash, f"--resume goes on with the settings of the run, so it takes no {', '.join(clash)}")
        return [], None
    needs(bool(paths), "nothing to fit: give a file, as in nf fit photo.png, or --resume with a run folder")
    needs(options.out is None or len(paths) == 1, f"--out names one folder, but there are {len(paths)} files to fit")
    for path in map(Path, paths):
        needs(not path.is_dir(), f"{path} is a folder: give a file, or go on with a run by nf fit --resume {path}")
        needs(path.exists(), f"there is no file {path}{_beside(path)}")
    return paths, kind


def _beside(path: Path) -> str:
    """The name most like a missing one."""
    try:
        return nearest(path.name, os.listdir(path.parent), 0.75)
    except OSError:
        return f", nor a folder {path.parent}"


def drain(run: "Run", options: Namespace) -> int:
    """Fit to the end, or to the first Ctrl-C, and report."""
    from neuralfields.cli.opening import print_json
    from neuralfields.cli.progress import Progress

    again = f"go on with: nf fit --resume {shlex.quote(str(run.folder.path))}{_trust(run.info)}"
    with _stop_requests() as stop, run:
        try:
            with Progress(run, quiet=options.quiet or options.json) as progress:
                for step in run.steps():
                    progress.update(step)
                    if stop.asked and step.fraction < 1:
                        run.interrupt()
                        break
                else:
                    stop.at_once = True  # to measure a large field on a large signal takes long
                    run.finish()
        except (InputError, KeyboardInterrupt) as error:
            if run.folder.checkpoint_path.exists():
                error.args = (f"{error}; {again}",)
            raise
    if run.info["status"] == "interrupted":
        say(f"nf fit: stopped at step {run.state.step}; {again}")
    elif options.json:
        print_json(run.info)
    else:
        print(summary(run.folder.path, run.info))
    return INTERRUPTED if stop.asked else 0


@dataclass
class _Stop:
    """Whether Ctrl-C was pressed, and whether the next one is a KeyboardInterrupt."""

    asked: bool = False
    at_once: bool = False


@contextmanager
def _stop_requests() -> Iterator[_Stop]:
    """The first Ctrl-C (or SIGTERM) only asks to stop after the current step; the second one is a KeyboardInterrupt."""
    stop = _Stop()

    def ask(number: int, frame: object) -> None:
        if stop.at_once:
            raise KeyboardInterrupt
        stop.asked = stop.at_once = True
        say("nf fit: stopping after this step; Ctrl-C again leaves at once")

    # What our parent has made us ignore, as a shell does for background jobs, stays ignored.
    known = (signals_of_the_system.SIGINT, signals_of_the_system.SIGTERM)
    numbers = [n for n in known if signals_of_the_system.getsignal(n) != signals_of_the_system.SIG_IGN]
    before = {number: signals_of_the_system.signal(number, ask) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signals_of_the_system.signal(number, handler)


def summary(folder: Path, info: dict[str, Any]) -> str:
    """What was made, how good it is, and what one can do next with it."""
    metrics = info["metrics"]
    linear = info["signal"]["colour"] == "linear"
    quality = f"relative error {metrics['relative_mse']:.3g}" if linear else f"{metrics['psnr']:.2f} dB"
    if "ssim" in metrics:
        quality += f", SSIM {metrics['ssim']:.4f}"
    if "psnr_holdout" in metrics:
        quality += f", {metrics['psnr_holdout']:.2f} dB on held-out pixels"
    if info["status"] == "target missed":
        quality += f" (short of {info['settings']['until_psnr']:g} dB, the budget is used up)"
    height, width, _ = info["signal"]["shape"]
    # Not the name of the source: the user may well be in its folder.
    name, picture = shlex.quote(str(folder)), shlex.quote(f"{folder.name}-2x{'.exr' if linear else '.png'}")
    trust = _trust(info)
    return (
        f"{folder}: {quality}; {info['steps']} steps in {info['fit_seconds']:.1f} s; "
        f"{info['parameters']:,} parameters, {info['bytes'] / 1e6:.2f} MB, {metrics['bits_per_pixel']:.1f} bits/pixel\n"
        f"next: nf export {name} {picture} --size {2 * width}x{2 * height}{trust}   or: nf eval {name}{trust}"
    )


def _trust(info: dict[str, Any]) -> str:
    """The options that let the run's field be built again."""
    return "".join(f" --trust {package}" for package in info["settings"]["trust"])
