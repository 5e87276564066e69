"""What many constructors and calls ask of their arguments; a refusal repeats what was given."""

import math
from collections.abc import Collection

from neuralfields.errors import InputError


def positive(**values: float) -> None:
    """Raise InputError unless each named value is positive and finite."""
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise InputError(f"{name} is positive and finite, got {value}")


def between(least: int, most: int, **values: int) -> None:
    """Raise InputError unless each named number lies between two others."""
    for name, value in values.items():
        if not least <= value <= most:
            raise InputError(f"{name} is between {least} and {most}, got {value}")


def one_of(names: Collection[str], **values: str) -> None:
    """Raise InputError unless each named value is one of these names."""
    for name, value in values.items():
        if value not in names:
            raise InputError(f"{name} is one of {', '.join(names)}, got {value!r}")
