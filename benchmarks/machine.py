"""What every benchmark needs: the sample data, the option for the results, their writing, going on with them."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from PIL import ImageOps

import neuralfields as nf
from neuralfields import NeuralFieldsError
from neuralfields.bench import machine

DATA = Path(os.environ.get("NF_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parent / "results"


def arguments(description: str, out: str) -> argparse.ArgumentParser:
    """A parser with the option every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=RESULTS / out, help=f"default benchmarks/results/{out}")
    return parser


def write(path: Path, results: Any, before: str = "") -> None:
    """Results with the commands (``before`` those of the ``earlier`` rows), the machine and the versions."""
    machine.write(path, machine.report([*_script(), *sys.argv[1:]], results, before))


def earlier(path: Path, settings: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Rows and commands of this script's interrupted run in these settings; a file of others ends it with a line."""
    try:
        return machine.earlier(path, " ".join(_script()), settings)
    except NeuralFieldsError as error:
        raise SystemExit(str(error)) from error


def _script() -> list[str]:
    """How its command begins."""
    return ["python", f"benchmarks/{Path(sys.argv[0]).name}"]


def square(path: Path, side: int) -> nf.signals.Image:
    """The middle of an image, reduced to side x side."""
    picture = PIL.Image.open(path)
    picture = picture.convert("L" if picture.mode in ("L", "1", "I;16") else "RGB")
    fitted = ImageOps.fit(picture, (side, side), PIL.Image.Resampling.LANCZOS)
    return nf.signals.Image.from_array(np.asarray(fitted), name=path.name)


def as_published(network: nf.Field, rate: float) -> tuple[nf.Field, nf.fitting.Adam]:
    """A network whose values in [-1, 1] are an image's, and Adam with this rate for the parameters themselves.

    What the network's class says about its own rate is taken out.
    """
    field = nf.Chain(network, nf.fields.Affine(network.out_dim, scale=0.5, offset=0.5))
    scale = next(
        (part.lr_scale for part in network.modules() if isinstance(part, nf.Field) and part.lr_scale != 1), 1.0
    )
    return field, nf.fitting.Adam(lr=rate / scale)
