"""The command ``nf``. Each command lives in a file of its own, imported only when it is asked for."""

import importlib
import io
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from neuralfields import __version__
from neuralfields.cli.parser import INTERRUPTED, nearest, say
from neuralfields.errors import InputError, NeuralFieldsError

COMMANDS = {
    "fit": "fit fields to signals: nf fit photo.png",
    "eval": "measure a fit against its source: nf eval runs/photo",
    "export": "write a field as a picture of any size: nf export runs/photo out.png --size 3072x2048",
    "render": "draw a fitted shape or scene, or film it: nf render runs/lego lego.mp4",
    "view": "look at fits in the browser: nf view runs/photo",
    "check": "what a scene's cameras are like, and what is wrong with it: nf check scenes/fox",
    "query": "values of a field at points: nf query runs/photo points.npy",
    "methods": "list what --field and --recipe take, with papers",
    "doctor": "device, threads, versions, and which kernel each operation would use and why",
    "bench": "measure kernels and fits on this machine: nf bench kernels, nf bench fit photo.png",
    "demo": "fit a photo that comes along, or a scene that is made for it: nf demo scene",
}
# What torch says on Windows, on Linux, and of a CUDA device.
_NO_MEMORY = ("not enough memory", "can't allocate memory", "CUDA out of memory")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit status: 0, 1 failed, 2 bad input, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # torch's OpenMP threads spin long while they wait for each other, which makes steps through autograd several times
    # slower as soon as another process takes one of the cores (benchmarks/waiting.py); fused steps have threads of
    # their own. It has to be said before torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    logging.basicConfig(format="nf: %(message)s", level=logging.WARNING)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names need not be UTF-8
    name = f"nf {words[0]}" if words and words[0] in COMMANDS else "nf"
    try:
        status = _run(words)
        if sys.stdout:
            sys.stdout.flush()
        return status
    except NeuralFieldsError as error:
        say(f"{name}: {error}")
        return error.exit_status
    except KeyboardInterrupt as stop:
        say(f"{name}: interrupted{stop}")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone
        _drop_output()
        return 1
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(text in str(error) for text in _NO_MEMORY):
            raise
        say(f"{name}: there is not enough memory: a smaller --size or --batch may work")
        return 2
    except OSError as error:
        say(f"{name}: {error.filename or 'cannot write the output'}: {error.strerror or error}")
        _drop_output()
        return 2


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0 if words else 2
    if words[0] in ("-V", "--version"):
        print(f"neuralfields {__version__}")
        return 0
    name = words[0]
    if name not in COMMANDS:
        raise InputError(f"no command {name!r}{nearest(name, COMMANDS)}; there are {', '.join(COMMANDS)} (nf --help)")
    try:
        return importlib.import_module(f"neuralfields.cli.{name}").main(words[1:])
    except SystemExit:  # argparse has printed its help
        return 0


def _drop_output() -> None:
    """What is still buffered has nowhere to go."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage() -> str:
    lines = [f"  {name:<9}{text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: nf COMMAND ...",
            "",
            "Turn a signal into a continuous neural field.",
            "",
            *lines,
            "",
            "nf COMMAND --help explains each one; nf --version tells the version.",
        ]
    )
