"""Fields as programs, class by class.

A class of another package gets into the viewer by a function that says what it computes::

    @describes(MyEncoding)
    def _(d: Description, field: MyEncoding, x: int) -> int:
        return d.apply(d.linear(x, field.layer.weight, field.layer.bias), "tanh")
"""

from neuralfields.viewer.describe import encodings, kans, media, networks, wavelets  # noqa: F401 each registers its own
from neuralfields.viewer.describe.description import (
    MAX_TEXELS,
    MAX_VALUES,
    Description,
    NotCovered,
    describes,
    description_of,
    program_of,
)

__all__ = [
    "MAX_TEXELS",
    "MAX_VALUES",
    "Description",
    "NotCovered",
    "describes",
    "description_of",
    "program_of",
]
