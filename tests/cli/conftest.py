"""The command in a folder of its own: in this process where that is fast, as a process where it matters."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from neuralfields.cli import main
from neuralfields.files.images import write_image


class Answer(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with ``a.png`` in it."""
    place = tmp_path / "work"
    place.mkdir()
    monkeypatch.chdir(place)
    write_image(Path("a.png"), pattern())
    return place


@pytest.fixture
def nf(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Call the command in this process."""

    def call(*words: object) -> Answer:
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Answer(status, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished fit of ``pattern()``."""
    place = tmp_path_factory.mktemp("finished")
    write_image(place / "a.png", pattern())
    assert main(["fit", str(place / "a.png"), "--steps", "30", "--out", str(place / "run"), "--quiet"]) == 0
    return place / "run"


@pytest.fixture
def run(folder: Path, finished: Path) -> Path:
    """A copy of the finished run, as ``run`` in the working folder."""
    shutil.copytree(finished, folder / "run")
    return Path("run")


def pattern(width: int = 64, height: int = 48) -> np.ndarray:
    """A smooth picture [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([x / width, y / height, (np.sin(x / 3) * np.cos(y / 4) + 1) / 2], -1)


def command(*words: object, code: str = "") -> list[str]:
    """The command as a process; ``code`` runs before it."""
    start = f"import sys; from neuralfields.cli import main; {code}\nsys.exit(main())"
    return [sys.executable, "-c", start, *map(str, words)]


@contextlib.contextmanager
def running(*words: object, code: str = "") -> Iterator[subprocess.Popen[str]]:
    """The command under way; it is killed in the end if it still runs."""
    # A shell lets its background jobs ignore Ctrl-C, and they hand that on.
    code = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {code}"
    start = command(*words, code=code)
    process = subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Until the process has made ``path``."""
    end = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.005)


def contents(folder: Path) -> dict[str, bytes | None]:
    """All files and folders below ``folder``."""
    paths = sorted(folder.rglob("*"))
    return {os.fspath(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in paths}
