"""Write sample signals into a folder: photos that scikit-image brings along, and synthetic images made by code.

python data/make_samples.py [FOLDER]        default: build/samples
"""

import sys
from pathlib import Path

import numpy as np
from skimage import data

from neuralfields.files.images import write_image

PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "rocket")


def main(folder: Path) -> None:
    """Write every sample into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PHOTOS:
        pixels = getattr(data, name)()
        write_image(folder / f"{name}.png", pixels.reshape(*pixels.shape[:2], -1))
    write_image(folder / "zone_plate.png", zone_plate(512), bits=8)
    write_image(folder / "gradient16.png", gradient(256), bits=16)
    write_image(folder / "lamps.exr", lamps(256))
    for path in sorted(folder.iterdir()):
        print(f"{path}: {path.stat().st_size:,} bytes")


def zone_plate(n: int) -> np.ndarray:
    """Rings whose frequency grows linearly up to the Nyquist limit at the middle of each side: [n, n, 1] in [0, 1]."""
    y, x = centres(n)
    return (0.5 + 0.5 * np.cos(np.pi * n / 4 * (x**2 + y**2)))[..., None]


def gradient(n: int) -> np.ndarray:
    """A ramp with as many different values as pixels, which 8 bits cannot hold: [n, n, 1] in [0, 1]."""
    return np.linspace(0, 1, n * n).reshape(n, n, 1)


def lamps(n: int) -> np.ndarray:
    """Linear light over three decades: coloured lamps on a dim wall, [n, n, 3] from 0.05 to 99."""
    y, x = centres(n)
    colours = ((1.0, 0.7, 0.3), (0.3, 0.6, 1.0), (1.0, 1.0, 1.0))
    places = ((-0.5, -0.3), (0.45, 0.1), (0.0, 0.6))
    light = np.full((n, n, 3), 0.01)
    for colour, (px, py) in zip(colours, places, strict=True):
        falloff = 0.05 / ((x - px) ** 2 + (y - py) ** 2 + 5e-4)
        light += falloff[..., None] * np.array(colour)
    return light.astype(np.float32)


def centres(n: int) -> tuple[np.ndarray, np.ndarray]:
    """y and x of the pixel centres of an n x n image in the box [-1, 1], to be broadcast."""
    axis = (2 * np.arange(n) + 1) / n - 1
    return axis[:, None], axis[None, :]


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("build/samples"))
