"""argparse with one clear line for an error, and options and paths in any order."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NoReturn

from neuralfields.errors import InputError


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
            self.error(f"no option {unknown[0]}{nearest(unknown[0].partition('=')[0], known)}")
        return options

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line and exit with status 2."""
        print(f"{self.prog}: {message} ({self.prog} --help)", file=sys.stderr)
        sys.exit(2)


def nearest(word: str, known: Iterable[str]) -> str:
    """ "; did you mean X?" for the known word most like this one, or nothing."""
    found = get_close_matches(word, list(known), 1, 0.5)
    return f"; did you mean {found[0]}?" if found else ""


def size(text: str) -> tuple[int, int]:
    """``3072x2048`` as (width, height)."""
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a size is WIDTHxHEIGHT, as in 3072x2048, not {text!r}") from None
    if min(width, height) < 1:
        raise argparse.ArgumentTypeError(f"a size is positive, not {text!r}")
    return width, height


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
