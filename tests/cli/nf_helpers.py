"""What the tests of the command share beside fixtures: a picture, the command as a process, a folder's contents."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np


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
