"""What every benchmark needs: which machine this is, and results as data."""

import argparse
import json
import os
import platform
import shlex
import sys
from pathlib import Path
from typing import Any

from neuralfields import __version__
from neuralfields.files.atomic import write_bytes

DATA = Path(os.environ.get("NF_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parent / "results"


def arguments(description: str, out: str) -> argparse.ArgumentParser:
    """A parser with the option every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=RESULTS / out, help=f"default benchmarks/results/{out}")
    return parser


def write(path: Path, results: Any) -> None:
    """Results with the command, the machine and the versions that made them."""
    import torch

    words = sys.argv[1:]
    if "--out" in words:  # where the results went does not matter to whoever repeats it
        at = words.index("--out")
        words = words[:at] + words[at + 2 :]
    report = {
        "command": shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *words]),
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"},
        "versions": {
            "neuralfields": __version__,
            "torch": torch.__version__.partition("+")[0],
            "python": platform.python_version(),
        },
        "results": results,
    }
    write_bytes(path, (json.dumps(report, indent=1) + "\n").encode())


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    fields = dict(tuple(part.strip() for part in line.split(":", 1)) for line in lines[:30] if ":" in line)
    return f"{fields.get('model name', '?')}, family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}"
