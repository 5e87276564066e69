"""The commands and programs of the README and of the page on training do what they say; so do tutorials' programs."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from neuralfields.cli import COMMANDS, main
from neuralfields.files.images import write_image
from neuralfields.signals import synthetic

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TRAINING = (ROOT / "docs" / "training.md").read_text()
CUT = {
    "fit": ["--steps", "200"],
    "fit lego": ["--steps", "20"],
    "bench kernels": ["--quick", "--only", "mlp-16"],
    "bench methods": ["--budget-steps", "3", "--only", "siren"],
    "bench spectrum": ["--budget-steps", "3"],
}
TUTORIALS = "".join(path.read_text() for path in sorted((ROOT / "docs").glob("tutorial-*.md")))
PROGRAMS = re.findall(r"```python\n(.*?)```", README + TRAINING + TUTORIALS, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the reader is assumed to have: a photo and some points in it, a mesh and a scan, photos of a scene."""
    y, x = np.mgrid[0:32, 0:48] / 48
    write_image(tmp_path / "photo.png", np.stack([x, y, (x + y) / 2], -1), bits=8)
    np.save(tmp_path / "points.npy", np.array([[0.0, 0.0], [0.5, -0.5]]))
    ball = trimesh.creation.icosphere(2)
    ball.export(tmp_path / "bunny.obj")
    trimesh.PointCloud(ball.vertices).export(tmp_path / "scan.ply")
    synthetic.write(tmp_path / "lego", views=6, held_out=1, size=16, samples=1)
    return tmp_path


def run(words: list[str], folder: Path) -> str:
    # A reader's browser stays closed: BROWSER names the one that webbrowser would start.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "BROWSER": "true"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


def console_lines() -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", README + TRAINING, re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines() if line.strip()]


def test_every_command_line(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In order, in one folder: later lines use what earlier ones made. Only budgets and sizes are cut.

    The first line is a process of its own; the others save the time of starting one.
    """
    monkeypatch.chdir(folder)
    lines = console_lines()
    assert {words[1] for words in lines} >= set(COMMANDS) - {"demo"}
    for number, words in enumerate(lines):
        assert words[0] == "nf"
        if words[1] == "view":
            continue  # until Ctrl-C; tests/cli/test_view.py
        budget = CUT.get(" ".join(words[1:3]), CUT.get(words[1], []))
        if number == 0:
            output = run([sys.executable, "-m", "neuralfields", *words[1:], *budget], folder)
        else:
            assert main([*words[1:], *budget]) == 0, f"{shlex.join(words)}\n{capsys.readouterr()}"
            output = capsys.readouterr().out
        assert output.strip()
    assert (folder / "runs" / "photo" / "field.nf").exists()
    assert (folder / "large.png").exists()
    assert (folder / "part.tif").exists()


@pytest.mark.parametrize("program", PROGRAMS, ids=[str(i) for i in range(len(PROGRAMS))])
def test_every_program(program: str, folder: Path) -> None:
    (folder / "program.py").write_text(program)
    run([sys.executable, "-W", "error", "program.py"], folder)


def test_ones_own_field_works_from_the_command_line(folder: Path) -> None:
    program = next(program for program in PROGRAMS if "class Bumps" in program)
    (folder / "mymodule.py").write_text(program.split("\n\nprint(")[0])
    words = [sys.executable, "-m", "neuralfields", "fit", "photo.png", "--field", "mymodule:Bumps", "--steps", "5"]
    assert "runs/photo" in run(words, folder)


def test_make_targets_exist() -> None:
    named = set(re.findall(r"^make (\w+)", README, re.MULTILINE))
    assert named == {"demo", "test"}
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named <= targets
