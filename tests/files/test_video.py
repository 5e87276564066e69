"""Films: what is written can be read back, whole or not at all."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralfields.errors import InputError, MissingExtra
from neuralfields.files.video import write_video

av = pytest.importorskip("av", reason="PyAV is an extra: pip install 'neuralfields[video]'")


def pictures(count: int = 5, size: tuple[int, int] = (33, 47)) -> list[np.ndarray]:
    """A bright square that moves to the right, [height, width, 3]."""
    made = []
    for number in range(count):
        picture = np.full((*size, 3), 0.1, np.float32)
        picture[8:24, 4 + 5 * number : 16 + 5 * number] = (1.0, 0.5, 0.0)
        made.append(picture)
    return made


def test_mp4_comes_back(tmp_path: Path) -> None:
    assert write_video(tmp_path / "a.mp4", iter(pictures()), fps=12.5) == 5
    with av.open(str(tmp_path / "a.mp4")) as film:
        stream = film.streams.video[0]
        assert (stream.width, stream.height, float(stream.average_rate)) == (48, 34, 12.5)
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
    assert len(frames) == 5
    for frame, wanted in zip(frames, pictures(), strict=True):
        assert np.abs(frame[:33, :47] / 255 - wanted).mean() < 0.03


def test_gif_comes_back(tmp_path: Path) -> None:
    assert write_video(tmp_path / "a.gif", pictures(), fps=20) == 5
    with Image.open(tmp_path / "a.gif") as film:
        assert (film.n_frames, film.size, film.info["duration"], film.info["loop"]) == (5, (47, 33), 50, 0)
        film.seek(3)
        assert np.abs(np.asarray(film.convert("RGB")) / 255 - pictures()[3]).mean() < 0.02


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_nothing_is_left_of_what_failed(tmp_path: Path, name: str) -> None:
    def broken():
        yield from pictures(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / name, broken())
    assert not list(tmp_path.iterdir())


def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, fps, text in (("a.avi", 24, ".gif .mp4"), ("a.gif", 60, "at most 50"), ("a.mp4", 0, "above 0")):
        with pytest.raises(InputError, match=text):
            write_video(tmp_path / name, pictures(), fps)
    with pytest.raises(InputError, match="one picture or more"):
        write_video(tmp_path / "a.gif", [])
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match=r"neuralfields\[video\]"):
        write_video(tmp_path / "a.mp4", pictures())
    assert not list(tmp_path.iterdir())
