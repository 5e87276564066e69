"""The command in a folder of its own, called in this process."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from nf_helpers import pattern

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
