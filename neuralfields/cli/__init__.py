"""The command ``nf``. Each command lives in a file of its own, imported only when it is asked for."""

import importlib
import logging
import os
import sys
from collections.abc import Sequence

from neuralfields import __version__
from neuralfields.cli.parser import nearest
from neuralfields.errors import NeuralFieldsError

COMMANDS = {
    "fit": "fit fields to signals: nf fit photo.png",
    "eval": "measure a fit against its source: nf eval runs/photo",
    "export": "write a field as a picture of any size: nf export runs/photo out.png --size 3072x2048",
    "query": "values of a field at points: nf query runs/photo points.npy",
    "methods": "list what --field and --recipe take, with papers",
    "doctor": "device, threads, versions, and which kernel each operation would use and why",
    "demo": "fit a real photo that comes along, in seconds",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit status: 0, 1 failed, 2 bad input, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0 if words else 2
    if words[0] in ("-V", "--version"):
        print(f"neuralfields {__version__}")
        return 0
    name = words[0]
    if name not in COMMANDS:
        print(f"nf: no command {name!r}{nearest(name, COMMANDS)}; nf --help lists them", file=sys.stderr)
        return 2
    logging.basicConfig(format="nf: %(message)s", level=logging.WARNING)
    try:
        return importlib.import_module(f"neuralfields.cli.{name}").main(words[1:])
    except NeuralFieldsError as error:
        print(f"nf {name}: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print(f"\nnf {name}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


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
