"""``nf eval``: how good a fit is."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neuralfields.cli.parser import Parser, each, importing, needs, using

_EPILOG = """prints bytes of the field file and, in a run folder merged into run.json,
of images: psnr (dB, peak 1, clamped), ssim, relative_mse (mean of (p-t)^2 / (t^2 + 0.01)), relative_l2
  (||p-t|| / ||t||), bits_per_pixel;
of meshes, lengths in units of the box, where the longest side is 1.8: iou of what is inside, on 256^3 samples, and
  iou_near within 0.01 of the surface; distance_error, mean |f - d| near it; of the extracted surface, by points on
  both: chamfer_l1 (mean of the mean distances to_target and to_prediction), chamfer_l2 (sum of the mean squares),
  hausdorff (the largest distance), normal_error (degrees);
of points, in the same units: points_to_surface (mean |f| / |grad f|), points_to_mesh and points_to_mesh_max (distances
  to the extracted surface), normal_error (degrees), components and components_near (parts of the surface, those near
  points), unsupported (share of its area far from any point), bits_per_point;
of scenes, means over the views held out (all where there are none): psnr, ssim; with --scales also psnr_half and so on,
  rendered at half the resolution beside the truth made smaller, and psnr_double, rendered at twice the resolution, then
  made as large as the truth; and each view's psnr and ssim, with pictures in the run's folder eval, the truth right."""


def main(words: Sequence[str]) -> int:
    p = Parser("eval", "Measure a fit against its source.", _EPILOG)
    p.add_argument("paths", nargs="+", type=Path, metavar="RUN", help="run folders, or .nf files with --signal")
    p.add_argument("--signal", type=Path, metavar="PATH", help="the source, if it is not where the run says")
    p.add_argument("--holdout", action="store_true", help="demand the metrics on held-out pixels too")
    p.add_argument("--scales", action="store_true", help="of scenes, at half and at double the resolution too")
    p.add_backend()
    p.add_trust()
    p.add_argument("--json", action="store_true", help="one line of JSON per run")
    options = p.read(words)
    # Apart from the measuring: torch keeps the frame that imports it, and with it whatever is measured there.
    with importing():
        import neuralfields.cli.opening  # noqa: F401
    return each("eval", options.paths, lambda path: _measure(path, options))


def _measure(path: Path, options: Namespace) -> int:
    from neuralfields import signals
    from neuralfields.cli.opening import open_field, print_json, source_of

    field, folder = open_field(path, tuple(options.trust))
    signal = source_of(field, folder, options.signal)
    described = signal.describe()
    needs(
        (field.in_dim, field.out_dim) == (signal.in_dim, signal.out_dim),
        f"{signal.name} goes from {signal.in_dim} to {signal.out_dim} values, "
        f"the field of {path} from {field.in_dim} to {field.out_dim}",
    )
    needs(
        not options.holdout or bool(described.get("held_out") or described.get("holdout")),
        f"{path} was trained on every sample: hold some out with nf fit --holdout 0.1 first",
    )
    views: list[dict[str, Any]] = []
    with using(options.backend):
        if isinstance(signal, signals.PosedImages):
            from neuralfields.runs import judge_views

            pictures = folder and folder.path / "eval"
            values, views = judge_views(field, signal, pictures=pictures, scales=options.scales)
        else:
            needs(not options.scales, f"--scales is for scenes, {signal.name} is read as {signal.kind}")
            values = signal.measure(field, thorough=True)
    size = (folder.field_path if folder else path).stat().st_size
    values |= {"bytes": size, **signal.cost(size)}
    if options.json:
        print_json({"path": str(path), **values} | ({"views": views} if views else {}))
    else:
        print(f"{path} against {signal.name}")
        for name, value in values.items():
            print(f"  {name:<21}{value:,}" if isinstance(value, int) else f"  {name:<21}{value:.6g}")
        for view in views:
            print(f"  {view['name']}: {view['psnr']:.2f} dB, SSIM {view['ssim']:.4f}")
    if folder:
        with folder.lock():
            kept = {name: value for name, value in values.items() if name != "bytes"}
            told = {"views": views} if views else {}
            folder.update_info(metrics={**folder.read_info().get("metrics", {}), **kept}, bytes=size, **told)
    return 0
