"""``nf query``: values of a field at points."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuralfields.cli.parser import Parser, importing, needs, say, using
from neuralfields.errors import FileFormatError, InputError

if TYPE_CHECKING:
    from torch import Tensor

    from neuralfields.geometry import Frame

_EPILOG = """points: .npy or .csv with one row of coordinates per point, in the box [-1, 1] (x to the right, y down),
or with --world in the source's units (pixels: 0,0 is the upper left corner), in which distances and densities come out
too. Of a scene a row is x, y, z and a direction of any length along which the place is looked at. Without --out a CSV
goes to stdout."""

_SEEN = 6  # coordinates of what is looked at from somewhere


def parser() -> Parser:
    p = Parser("query", "Evaluate a field at points.", _EPILOG)
    p.add_argument("path", type=Path, metavar="RUN", help="run folder or .nf file")
    p.add_argument("points", type=Path, metavar="POINTS", help=".npy or .csv, [n, coordinates]")
    p.add_argument("--gradient", action="store_true", help="the Jacobian too: d value_i / d x_j, row by row")
    p.add_argument("--world", action="store_true", help="points and gradients in the source's units")
    p.add_argument("--out", type=Path, metavar="FILE", help=".npy or .csv (default: CSV on stdout)")
    p.add_backend()
    p.add_trust()
    return p


def main(words: Sequence[str]) -> int:
    options = parser().read(words)
    suffix = options.out.suffix.lower() if options.out else ".csv"
    needs(suffix in (".npy", ".csv"), f"--out is a .npy or a .csv, not {options.out}")
    with importing():
        import torch

        from neuralfields import calculus, evaluate
        from neuralfields.cli.opening import is_source, open_field, same_file
        from neuralfields.files.atomic import write_bytes

    field, _ = open_field(options.path, tuple(options.trust))
    if options.out:
        needs(not same_file(options.out, options.points), f"--out {options.out} holds the points: choose another name")
        what = "is what the run was fitted to"
        needs(not is_source(options.path, options.out), f"--out {options.out} {what}: choose another name")
    points = torch.from_numpy(_read_points(options.points, field.in_dim))
    frame = field.frame
    needs(frame is not None or not options.world, f"{options.path} does not know its source's units")
    seen = field.in_dim == _SEEN
    both = "of a scene comes in box coordinates: leave out --world"
    needs(not (seen and options.world and options.gradient), f"--gradient {both}")
    x = (_looked_at if seen else _placed)(points, frame if options.world else None).float()
    beyond = int((x.abs() > 1).any(-1).sum()) if field.in_dim <= 3 else 0
    if beyond:
        say(
            f"note: {beyond} of {len(x)} points are outside the box that the field is of: its values there mean nothing"
        )
    with using(options.backend):
        values = evaluate(field, x)
        slopes = [calculus.jacobian(field, part).detach() for part in x.split(1 << 16)] if options.gradient else []
    form = field.provenance.get("signal", {}).get("form")
    factor = torch.ones(field.out_dim)
    if options.world and frame and form in ("sdf", "udf"):
        factor *= frame.scale  # a distance is a length too
    elif options.world and frame and seen:
        factor[0] /= frame.scale  # a density is per length
    names = _named(field.provenance.get("signal", {}), field.out_dim)
    columns = [values * factor]
    if slopes:
        rows = torch.cat(slopes)
        rows = frame.gradient_to_world(rows) if options.world and frame else rows
        columns.append((factor[:, None] * rows).flatten(1))
        names += [f"d{name}/dx{j}" for name in names for j in range(field.in_dim)]
    table = torch.cat(columns, 1).numpy()
    buffer = io.BytesIO()
    if suffix == ".npy":
        np.save(buffer, table)
    else:
        np.savetxt(buffer, table, "%.9g", ",", header=",".join(names), comments="")
    if options.out:
        write_bytes(options.out, buffer.getvalue())
        print(f"{options.out}: {len(table)} points, columns {', '.join(names)}")
    else:
        print(buffer.getvalue().decode(), end="")
    return 0


def _placed(points: "Tensor", frame: "Frame | None") -> "Tensor":
    """Box coordinates of points, which are told in the world where there is a frame."""
    return frame.to_box(points) if frame else points


def _looked_at(points: "Tensor", frame: "Frame | None") -> "Tensor":
    """Positions and directions [n, 6] as radiance fields take them, directions of length one."""
    import torch

    place, direction = points[:, :3], points[:, 3:]
    if frame:
        direction = frame.to_box(place + direction) - frame.to_box(place)
    return torch.cat([_placed(place, frame), torch.nn.functional.normalize(direction, dim=1)], 1)


def _named(signal: dict[str, Any], count: int) -> list[str]:
    """What so many values of a field are, where the signal that it was fitted to tells."""
    from neuralfields.signals import channels

    kinds = {"image": channels.IMAGES.get(count), "scene": channels.SCENE}
    known = kinds.get(str(signal.get("kind")), channels.SHAPES.get(str(signal.get("form")))) or ()
    return [*known] if len(known) == count else [f"value{i}" for i in range(count)]


def _read_points(path: Path, dim: int) -> np.ndarray:
    try:
        if path.suffix.lower() == ".npy":
            points = np.load(path, mmap_mode="r", allow_pickle=False)  # maps no more than the file holds
        else:
            with warnings.catch_warnings(action="error"):  # loadtxt only warns of an empty file
                points = np.loadtxt(path, delimiter=",", ndmin=2)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError, UserWarning) as error:
        raise FileFormatError(f"{path} is no table of numbers (.npy, or .csv without a heading): {error}") from error
    if not isinstance(points, np.ndarray):
        raise FileFormatError(f"{path} is no table of numbers (.npy, or .csv without a heading) but an archive")
    if points.ndim != 2 or points.shape[1] != dim or points.dtype.kind not in "fiu":
        what = ": position and direction" if dim == _SEEN else ""
        raise InputError(f"{path} holds {points.dtype} {list(points.shape)}, the field takes numbers [n, {dim}]{what}")
    return points.astype(np.float64)
