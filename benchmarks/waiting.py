"""How OpenMP threads wait, with and without another process on one of the cores: time of 100 steps, interleaved.

``nf`` sets GOMP_SPINCOUNT=1000 before torch is loaded; this is why: threads that sleep at once cost a third on an idle
machine, and those that spin as long as they do by default cost several times as much on a busy one.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from machine import arguments, write

_FIT = """
import sys, torch, neuralfields as nf
from skimage.data import astronaut
torch.manual_seed(0)
image = nf.signals.Image.from_array(astronaut())
recipe = nf.recipes.image(image)
print(nf.fit(recipe.field, image, **(recipe.settings | {"steps": 100})).seconds)
"""


@contextmanager
def busy() -> Iterator[None]:
    """One other process that computes without pause."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


WAITING = {
    "by default": {},
    "spinning 1000 times": {"GOMP_SPINCOUNT": "1000"},
    "asleep": {"OMP_WAIT_POLICY": "passive"},
}


def seconds(waiting: str) -> float:
    environment = {**os.environ, **WAITING[waiting]}
    return float(subprocess.run([sys.executable, "-c", _FIT], env=environment, capture_output=True, check=True).stdout)


def main() -> None:
    parser = arguments(__doc__ or "", "waiting.json")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    taken: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for waiting in WAITING:
            taken.setdefault(f"{waiting}, idle machine", []).append(seconds(waiting))
            with busy():
                taken.setdefault(f"{waiting}, one core busy", []).append(seconds(waiting))
    rows = {name: {"median_seconds": statistics.median(times), "seconds": times} for name, times in taken.items()}
    print(*(f"{name}: {row['median_seconds']:.2f} s" for name, row in rows.items()), sep="\n")
    write(options.out, rows)


if __name__ == "__main__":
    main()
