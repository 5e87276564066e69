"""What every benchmark needs: the sample data, the option for the results, and their writing."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from neuralfields.bench import machine

DATA = Path(os.environ.get("NF_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parent / "results"


def arguments(description: str, out: str) -> argparse.ArgumentParser:
    """A parser with the option every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=RESULTS / out, help=f"default benchmarks/results/{out}")
    return parser


def write(path: Path, results: Any) -> None:
    """Results with the command, the machine and the versions that made them."""
    command = ["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]
    machine.write(path, machine.report(command, results))
