"""argparse with one clear line for an error, and options and paths in any order."""

import argparse
import gc
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn, TypeVar

from neuralfields.errors import InputError, KernelRefused, NeuralFieldsError

INTERRUPTED = 130
BACKENDS = ("reference", "cpu", "triton", "tinycudann")  # those of ``ops``, which loads torch
T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """The parser of one command."""

    def __init__(self, command: str, description: str, epilog: str = ""):
        super().__init__(
            prog=f"nf {command}",
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse; options may stand before, between and after the paths."""
        options, unknown = self.parse_known_intermixed_args(words)
        if unknown:
            known = [name for action in self._actions for name in action.option_strings]
            kind = "no option" if unknown[0].startswith("-") else "too many words:"
            self.error(f"{kind} {unknown[0]}{nearest(unknown[0].partition('=')[0], known)}")
        return options

    def add_trust(self) -> None:
        """The option that lets field files name other packages' classes."""
        self.add_argument("--trust", action="append", default=[], metavar="PACKAGE", help="allow its field classes")

    def add_backend(self) -> None:
        """The option that names the kernels."""
        text = (
            "cpu for the native kernels of every operation that has one, or an error without them (a field of your own "
            "still computes in its own PyTorch); reference for plain PyTorch; triton and tinycudann are names that "
            "this version has no kernels for (default: what fits best)"
        )
        self.add_argument("--backend", choices=BACKENDS, metavar="NAME", help=text)

    def add_viewing(self) -> None:
        """The options of commands that open the viewer."""
        group = self.add_argument_group("viewer")
        group.add_argument("--port", type=_port, metavar="N", help="of the page (default 7310 or the next; 0: any)")
        group.add_argument("--host", metavar="NAME", help="address to listen at (default 127.0.0.1, this machine only)")
        group.add_argument("--no-browser", dest="browser", action="store_false", help="only print the address")

    def error(self, message: str) -> NoReturn:
        """Refuse the words given, with the command that explains them."""
        raise InputError(f"{message} ({self.prog} --help)")


def _port(text: str) -> int:
    if text.isdecimal() and int(text) < 1 << 16:
        return int(text)
    raise argparse.ArgumentTypeError(f"a port is a number between 0 and 65535, got {text}")


@contextmanager
def using(backend: str | None) -> Iterator[None]:
    """Inside the block the operations use the backend that ``--backend`` names.

    Raises:
        KernelRefused: it has no kernels here; the text says what would help.
    """
    from neuralfields import ops
    from neuralfields.ops import native

    with ops.wherever(backend):
        if backend == "cpu" and (reason := native.reason()) is not None:
            cure = "install g++ or clang++, or " if "needs a C++ compiler" in reason else ""
            raise KernelRefused(f"the cpu kernels need the native core, which {reason}: {cure}leave --backend out")
        yield


def say(text: str) -> None:
    """One line on stderr. That nobody can read it any more, as in ``2>&1 | head``, must not end the work.

    Nor must a line that a signal's handler says in the midst of another one: Python refuses it with a RuntimeError.
    """
    with suppress(OSError, RuntimeError):
        print(text.replace("\n", "\\n"), file=sys.stderr, flush=True)


def each(command: str, things: Iterable[T], do: Callable[[T], int]) -> int:
    """The worst status of a command that does all things. One bad file of many must not cost the others."""
    todo, status = list(things), 0
    for thing in todo:
        try:
            status = max(status, do(thing))
        except NeuralFieldsError as error:
            if len(todo) == 1:
                raise
            say(f"nf {command}: {error}")
            status = max(status, error.exit_status)
        if status == INTERRUPTED:
            break
    return status


@contextmanager
def importing() -> Iterator[None]:
    """Import torch inside, and what needs it, in three quarters of the time.

    It makes 165,000 objects that live to the end: to look for garbage among them, now and at exit, is wasted.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def nearest(word: str, known: Iterable[str], likeness: float = 0.5) -> str:
    """ "; did you mean X?" for the known word most like this one, whatever its capitals, or nothing."""
    spelt: dict[str, str] = {}
    for name in known:
        spelt.setdefault(name.lower(), name)
    found = get_close_matches(word.lower(), spelt, 1, likeness)
    return f"; did you mean {spelt[found[0]]}?" if found else ""


def size(text: str) -> tuple[int, int]:
    """``3072x2048`` as (width, height)."""
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a size is WIDTHxHEIGHT, as in 3072x2048, not {text!r}") from None
    if min(width, height) < 1:
        raise argparse.ArgumentTypeError(f"a size is positive, not {text!r}")
    return width, height


def count(text: str) -> int:
    """ "200000", "200k" or "1.5M" as a number."""
    factor = {"k": 1_000, "m": 1_000_000}.get(text[-1:].lower(), 1)
    try:
        return round(float(text[:-1] if factor > 1 else text) * factor)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"is a number such as 200000, 200k or 1.5M, got {text!r}") from None


def crop(text: str) -> tuple[float, float, float, float]:
    """``left,top,right,bottom`` as four numbers."""
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a crop is LEFT,TOP,RIGHT,BOTTOM in pixels, not {text!r}") from None
    return left, top, right, bottom


def needs(condition: bool, message: str) -> None:
    """Raise InputError with ``message`` unless ``condition`` holds."""
    if not condition:
        raise InputError(message)


@dataclass
class Stop:
    """Whether Ctrl-C was pressed, whether the next one is a KeyboardInterrupt, and what else the first one does."""

    asked: bool = False
    at_once: bool = False
    also: Callable[[], None] = lambda: None


@contextmanager
def stop_requests(
    command: str, promise: str = "stopping after this step; Ctrl-C again leaves at once"
) -> Iterator[Stop]:
    """The first Ctrl-C (or SIGTERM) only asks to stop after the current step; the second one is a KeyboardInterrupt."""
    stop = Stop()

    def ask(number: int, frame: object) -> None:
        if stop.at_once:
            raise KeyboardInterrupt
        stop.asked = stop.at_once = True
        stop.also()
        say(f"{command}: {promise}")

    # What our parent has made us ignore, as a shell does for background jobs, stays ignored.
    known = (signal.SIGINT, signal.SIGTERM)
    numbers = [n for n in known if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
