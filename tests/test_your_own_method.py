"""docs/your-own-method.md: its class is the example, and its commands and programs print what the page shows."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
PAGE = (ROOT / "docs" / "your-own-method.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", PAGE, re.DOTALL)
SOURCE = (EXAMPLES / "my_method.py").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in EXAMPLES.glob("*.py"):
        shutil.copy(path, tmp_path)
    return tmp_path


def run(words: list[str], folder: Path) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f".{os.pathsep}{ROOT}"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


def shape(text: str) -> str:
    """A text without its numbers, which other machines round differently."""
    return re.sub(r"\d[\d,.]*(e-\d+)?", "#", text).strip()


def test_the_page_shows_the_example() -> None:
    assert ("python", SOURCE) in BLOCKS
    assert len(SOURCE.splitlines()) <= 80


def test_the_page_prints_what_it_says(folder: Path) -> None:
    """From top to bottom, in one folder."""
    blocks = [(kind, text) for kind, text in BLOCKS if text != SOURCE]
    for number, (kind, text) in enumerate(blocks):
        if kind == "console":
            for command, shown in re.findall(r"\$ (.*)\n((?:(?!\$ ).*\n)*)", text):
                words = shlex.split(command)
                if words[0] == "export":
                    continue  # PYTHONPATH, which is set here
                program = [sys.executable, "-m", "neuralfields"] if words[0] == "nf" else [sys.executable]
                assert shape(run([*program, *words[1:]], folder)) == shape(shown), command
        elif kind == "python":
            (folder / "program.py").write_text(text)
            output = run([sys.executable, "-W", "error", "program.py"], folder)
            follows = blocks[number + 1] if number + 1 < len(blocks) else ("", output)
            assert shape(output) == shape(follows[1]), text
    psnr = float(re.findall(r"psnr +([\d.]+)", run(evaluation(), folder))[0])
    assert psnr == pytest.approx(float(re.findall(r"psnr +([\d.]+)", PAGE)[0]), abs=3)


def evaluation() -> list[str]:
    return [sys.executable, "-m", "neuralfields", "eval", "runs/waves", "--trust", "my_method"]


def test_without_trust_the_file_stays_closed(folder: Path) -> None:
    run([sys.executable, "waves.py"], folder)
    fit = [sys.executable, "-m", "neuralfields", "fit", "waves.png", "--field", "my_method:Chirp", "--steps", "1"]
    run(fit, folder)
    with pytest.raises(AssertionError, match="whose package is not trusted"):
        run(evaluation()[:-2], folder)
