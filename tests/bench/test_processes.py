"""A child's end is told in a line, whatever it was."""

import os
from pathlib import Path

import pytest

from neuralfields.bench.processes import ask, peak_memory_mib
from neuralfields.errors import InputError, NeuralFieldsError


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("os.kill(os.getpid(), 9)", NeuralFieldsError, "it failed: its process was killed by signal 9, perhaps for"),
        ("sys.exit(7)", NeuralFieldsError, "it failed: its process ended with 7"),
        ("1 / 0", NeuralFieldsError, "it failed: ZeroDivisionError: division by zero"),
        ("sys.exit(answer(lambda question: 1 / question))", NeuralFieldsError, "it failed: ZeroDivisionError"),
        ("raise_(InputError('no such\\nthing'))", InputError, "^no such.nthing$"),
        ("raise_(NeuralFieldsError('it diverged'))", NeuralFieldsError, "^it failed: it diverged$"),
    ],
)
def test_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, error: type, told: str) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "child.py").write_text(
        "import os, sys\n"
        "from neuralfields.bench.processes import answer\n"
        "from neuralfields.errors import InputError, NeuralFieldsError\n"
        "def raise_(error):\n"
        "    def do(question): raise error\n"
        "    sys.exit(answer(do))\n" + text + "\n"
    )
    with pytest.raises(error, match=told):
        ask("child", 0, "it")


def test_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "child.py").write_text(
        "from neuralfields.bench.processes import answer\nanswer(lambda question: {'twice': 2 * question['a']})\n"
    )
    assert ask("child", {"a": 4}, "it") == {"twice": 8}


_STATUS = Path("/proc/self/status")


@pytest.mark.skipif(not _STATUS.exists() or "VmHWM" not in _STATUS.read_text(), reason="only Linux tells")
def test_the_parents_memory_is_not_the_childs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "child.py").write_text(
        "from neuralfields.bench.processes import answer, peak_memory_mib\n"
        "def held(mib):\n    b'x' * (mib << 20)\n    return peak_memory_mib()\n"
        "answer(held)\n"
    )
    held = b"x" * (400 << 20)
    few, many = ask("child", 1, "it"), ask("child", 150, "it")
    assert few < 150 <= many < 300 < len(held) >> 20 <= peak_memory_mib()
