"""``nf fit``: signals into run folders."""

import os
import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralfields.cli.parser import (
    INTERRUPTED,
    Parser,
    count,
    each,
    importing,
    nearest,
    needs,
    say,
    stop_requests,
    using,
)
from neuralfields.errors import NeuralFieldsError

if TYPE_CHECKING:
    from neuralfields.cli.parser import Stop
    from neuralfields.cli.progress import Progress
    from neuralfields.cli.view import Watching
    from neuralfields.runs import Collection, Run
    from neuralfields.viewer.live import Live

KINDS = ("image", "mesh", "points", "scene")
_FIXED = {  # what a resumed fit has already
    f"--{'as' if name == 'form' else name.replace('_', '-')}": name
    for name in (
        *(
            "field",
            "params",
            "recipe",
            "form",
            "samples",
            "distances",
            "viewpoint",
            "steps",
            "seconds",
            "until_psnr",
            "out",
            "batch",
        ),
        *("lr", "ema", "sampler", "holdout", "scale", "split", "refine_poses", "exposure", "seed", "device"),
        *("backend", "precision"),
    )
}
_EPILOG = """examples:
  nf fit photo.png                      a good default for any image; writes runs/photo
  nf fit photo.png --until-psnr 40      stop as soon as the whole image has 40 dB
  nf fit photo.png --field siren        another kind of field, of those that nf methods lists
  nf fit bunny.obj                      a signed distance field of a mesh; writes runs/bunny
  nf fit scan.ply                       the same from points, with or without normals
  nf fit scenes/lego                    a radiance field of photos with cameras, a folder in any usual format
  nf fit scenes/fox --refine-poses      the cameras are only roughly known; writes runs/fox/transforms.json
  nf fit bunny.obj --as occupancy       what is inside; --as udf: unsigned distances, for open surfaces
  nf fit photo.png --view               watch it in the browser meanwhile
  nf fit *.png --seconds 20             several, one run folder each
  nf fit *.obj --together --samples 100k --field siren --params 36k    many small ones at once, with a manifest
  nf fit --resume runs/photo            after Ctrl-C, a kill or a power cut
"""


def parser() -> Parser:
    p = Parser("fit", "Fit neural fields to signals.", _EPILOG)
    p.add_argument(
        "inputs", nargs="*", metavar="[KIND] PATH", help=f"files to fit; KIND ({', '.join(KINDS)}) overrules the suffix"
    )
    p.add_argument("--field", metavar="NAME", help="one of nf methods (default hash), or package.module:Class")
    p.add_argument("--params", type=count, metavar="N", help="about so many parameters, as in 200k; with --field NAME")
    p.add_argument(
        "--recipe",
        metavar="NAME",
        help="everything at once: image, compact; sdf, fine_sdf, ngp_sdf, siren_sdf; ngp, mip360, nerf, small_nerf, "
        "nerfpp (default: by kind)",
    )
    p.add_argument(
        "--as", dest="form", metavar="FORM", help="what is learned of a shape: sdf (default), occupancy, udf"
    )
    p.add_argument("--samples", type=count, metavar="N", help="samples made of a shape (default 2M), as in 100k")
    p.add_argument("--distances", metavar="NAME", help="of meshes by libigl (default) or open3d, if it is installed")
    text = "where the scanner of points without normals stood, in their unit"
    p.add_argument("--viewpoint", type=float, nargs=3, metavar=("X", "Y", "Z"), help=text)
    p.add_argument("--steps", type=int, metavar="N", help="budget in steps")
    p.add_argument("--seconds", type=float, metavar="S", help="budget in seconds of fitting")
    p.add_argument(
        "--until-psnr",
        type=float,
        metavar="DB",
        help="stop once the whole signal has this PSNR; of scenes, the training views",
    )
    p.add_argument("--out", type=Path, metavar="DIR", help="the run folder (default runs/<name>); must not exist")
    p.add_argument(
        "--resume", type=Path, metavar="DIR", help="go on with an interrupted fit; only --threads may differ"
    )
    p.add_argument(
        "--together", action="store_true", help="many small fits at a time, one thread each, in one folder (--out)"
    )
    p.add_argument("--batch", type=int, metavar="N", help="samples per step")
    p.add_argument("--lr", type=float, metavar="RATE", help="learning rate of the network; that of tables follows")
    p.add_argument("--ema", type=float, metavar="SHARE", help="keep a moving average of the weights, e.g. 0.95")
    p.add_argument("--sampler", metavar="NAME", help="what chooses the samples: teaching or loss (default: at random)")
    p.add_argument(
        "--holdout",
        type=float,
        metavar="SHARE",
        help="share of an image's pixels, or of a scene's pictures, kept from training, e.g. 0.1 (default of images 0, "
        "of scenes the test pictures they name, else 0.125)",
    )
    p.add_argument("--scale", type=int, metavar="N", help="make a scene's pictures N times smaller (default: to 800)")
    p.add_argument("--split", metavar="NAME", help="pictures a scene is judged by: test (default), val for tuning")
    text = "learn small corrections of a scene's cameras too; the run gets a transforms.json with them"
    p.add_argument("--refine-poses", action="store_true", default=None, help=text)
    text = "learn how bright each picture of a scene is, channel by channel, too"
    p.add_argument("--exposure", action="store_true", default=None, help=text)
    p.add_argument("--seed", type=int, metavar="N", help="of initialisation and sampling (default 0)")
    p.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where to compute (default auto)")
    p.add_backend()
    p.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: torch's choice)")
    p.add_argument(
        "--precision",
        choices=("highest", "medium"),
        help="of matrix products: float32 throughout (highest), or factors rounded to bfloat16 (medium; of scenes the "
        "default), "
        "which makes networks faster, wide ones most, where the CPU multiplies bfloat16; weights and sums stay float32",
    )
    p.add_trust()
    p.add_argument("--view", action="store_true", help="watch the fit in the browser; the page stays until Ctrl-C")
    p.add_viewing()
    p.add_argument("--quiet", action="store_true", help="no progress line")
    p.add_argument("--json", action="store_true", help="print run.json, one line per run, instead of the summary")
    return p


def main(words: Sequence[str]) -> int:
    options = parser().read(words)
    paths, kind = _inputs(options)
    # From here on torch is needed, which takes a second to import.
    with importing():
        from neuralfields import runs

    if options.resume and runs.Collection.at(options.resume):
        needs(not options.view, f"--view shows one fit at a time, {options.resume} holds many")
        return _drain_all(runs.Collection.open(options.resume, trust=options.trust), options)
    if not options.view:
        return _fit(paths, kind, options, None)
    from neuralfields.cli.view import Watching

    with Watching(options) as watching:
        status = _fit(paths, kind, options, watching)
        watching.linger()
    return status


def _fit(paths: list[str], kind: str | None, options: Namespace, watching: "Watching | None") -> int:
    from neuralfields import runs

    tell = (lambda text: None) if options.quiet or options.json else say
    if options.resume:
        run = runs.resume(options.resume, threads=options.threads, trust=options.trust, tell=tell)
        return drain(run, options, watching)
    names = ("field", "params", "recipe", "steps", "seconds", "until_psnr", "batch", "lr", "ema", "sampler", "form")
    names = (*names, "samples", "distances", "viewpoint", "holdout", "scale", "split")
    given = {name: getattr(options, name) for name in (*names, "backend", "threads", "precision")}
    defaulted = ("refine_poses", "exposure", "seed", "device")
    given |= {name: v for name in defaulted if (v := getattr(options, name)) is not None}
    wanted = runs.Options(kind=kind, **given)
    with using(options.backend):
        pass  # refused once, not for each file, and before any is read
    if options.together:
        return _drain_all(runs.Collection.start(paths, wanted, out=options.out), options)
    return each(
        "fit", paths, lambda path: drain(runs.start(path, wanted, out=options.out, tell=tell), options, watching)
    )


def _drain_all(collection: "Collection", options: Namespace) -> int:
    from neuralfields.cli import together

    return together.drain(collection, options)


def _inputs(options: Namespace) -> tuple[list[str], str | None]:
    paths, kind = list(options.inputs), None
    needs(not (options.view and options.together), "--view shows one fit at a time: leave out --together")
    for name, given in (("port", options.port), ("host", options.host), ("no-browser", not options.browser or None)):
        needs(options.view or given is None, f"--{name} is of the page that --view opens: add --view")
    if paths and paths[0] in KINDS and (len(paths) > 1 or not Path(paths[0]).exists()):
        kind = paths.pop(0)
    if options.resume:
        given = {option: getattr(options, name) for option, name in _FIXED.items()}
        clash = [option for option, value in given.items() if value is not None]
        clash += paths
        needs(not clash, f"--resume goes on with the settings of the run, so it takes no {', '.join(clash)}")
        return [], None
    needs(bool(paths), "nothing to fit: give a file, as in nf fit photo.png, or --resume with a run folder")
    one = options.together or len(paths) == 1
    needs(options.out is None or one, f"--out names one folder, but there are {len(paths)} files to fit")
    for path in map(Path, paths):
        needs(not (path / "run.json").is_file(), f"{path} is a run: go on with it by nf fit --resume {path}")
        needs(path.exists(), f"there is no file {path}{_beside(path)}")
    return paths, kind


def _beside(path: Path) -> str:
    """The name most like a missing one."""
    try:
        return nearest(path.name, os.listdir(path.parent), 0.75)
    except OSError:
        return f", nor a folder {path.parent}"


def drain(run: "Run", options: Namespace, watching: "Watching | None" = None) -> int:
    """Fit to the end, which a page may bring about, or to the first Ctrl-C, and report."""
    from neuralfields.cli.opening import print_json
    from neuralfields.cli.progress import Progress

    again = f"go on with: nf fit --resume {shlex.quote(str(run.folder.path))}{_trust(run.info)}"
    with stop_requests("nf fit") as stop, run:
        live = watching.begin(run, stop) if watching else None
        try:
            with Progress(run, quiet=options.quiet or options.json) as progress:
                if _came_to_an_end(run, progress, live, stop):
                    progress.measuring()
                    stop.at_once = True  # to measure a large field on a large signal takes long
                    run.finish()
                else:
                    run.interrupt()
                if live:
                    live.end(run.state, finished=run.info["status"] != "interrupted")
        except (NeuralFieldsError, KeyboardInterrupt) as error:
            if live:
                live.fail(f"{run.folder.path.name}: {error}")
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


def _came_to_an_end(run: "Run", progress: "Progress", live: "Live | None", stop: "Stop") -> bool:
    """Whether the fit's time is over, or a page ended it, not Ctrl-C."""
    for step in run.steps():
        progress.update(step)
        if live:
            live.update(step)
        if step.fraction < 1 and stop.asked:
            return False
        if live and live.stopping:
            break
    return True


def summary(folder: Path, info: dict[str, Any]) -> str:
    """What was made, how good it is, and what one can do next with it."""
    about = info["signal"]
    tell = {"image": _of_image, "scene": _of_scene}.get(about["kind"], _of_shape)
    quality, size, following = tell(folder.name, info)
    if info["status"] == "target missed":
        where = " on training views" if about["kind"] == "scene" else ""
        quality += f" (short of {info['settings']['until_psnr']:g} dB{where})"
    name, trust = shlex.quote(str(folder)), _trust(info)
    nexts = [f"nf {command} {name} {rest}".rstrip() + trust for command, rest in (*following, ("eval", ""))]
    return (
        f"{folder}: {quality}; {info['steps']} steps in {info['fit_seconds']:.1f} s; "
        f"{info['parameters']:,} parameters, {info['bytes'] / 1e6:.2f} MB{size}\n"
        f"next: {'   or: '.join(nexts)}"
    )


# The following commands do not name the source: the user may well be in its folder.
Following = list[tuple[str, str]]


def _of_image(name: str, info: dict[str, Any]) -> tuple[str, str, Following]:
    """How good it is, what its size means, and commands that come next."""
    metrics = info["metrics"]
    linear = info["signal"]["colour"] == "linear"
    quality = f"relative error {metrics['relative_mse']:.3g}" if linear else f"{metrics['psnr']:.2f} dB"
    if "ssim" in metrics:
        quality += f", SSIM {metrics['ssim']:.4f}"
    if "psnr_holdout" in metrics:
        quality += f", {metrics['psnr_holdout']:.2f} dB on held-out pixels"
    height, width, _ = info["signal"]["shape"]
    picture = shlex.quote(f"{name}-2x{'.exr' if linear else '.png'}")
    size = f", {metrics['bits_per_pixel']:.1f} bits/pixel"
    return quality, size, [("export", f"{picture} --size {2 * width}x{2 * height}")]


def _of_scene(name: str, info: dict[str, Any]) -> tuple[str, str, Following]:
    """As ``_of_image``."""
    metrics, held = info["metrics"], info["signal"]["held_out"]
    quality = f"{metrics['psnr']:.2f} dB"
    if "ssim" in metrics:
        quality += f", SSIM {metrics['ssim']:.4f}"
    views = f"{held} held-out view{'s' * (held > 1)}" if held else "the views it was trained on"
    quality += f" on {views}"
    return quality, "", [("render", shlex.quote(f"{name}.mp4"))]


def _of_shape(name: str, info: dict[str, Any]) -> tuple[str, str, Following]:
    """As ``_of_image``."""
    metrics, told = info["metrics"], []
    if "iou" in metrics:
        told.append(f"IoU {metrics['iou']:.4f}")
    if "iou_near" in metrics:
        told.append(f"{metrics['iou_near']:.4f} near the surface")
    for key, text in (
        ("chamfer_l1", "mean distance"),
        ("distance_error", "error of distances"),
        ("points_to_mesh", "distance of points"),
    ):
        if key in metrics:
            told.append(f"{text} {metrics[key]:.2g}")
    picture, mesh = (shlex.quote(name + suffix) for suffix in (".png", ".glb"))
    return ", ".join(told) + ", in a box of 2", "", [("render", picture), ("export", f"{mesh} --resolution 512")]


def _trust(info: dict[str, Any]) -> str:
    """The options that let the run's field be built again."""
    return "".join(f" --trust {package}" for package in info["settings"]["trust"])
