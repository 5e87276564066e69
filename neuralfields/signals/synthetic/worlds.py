"""The worlds there are: objects with nothing behind them, and the same objects in a yard."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from neuralfields.checks import one_of
from neuralfields.signals.synthetic.convex import Ball, Box, Shell
from neuralfields.signals.synthetic.world import Paint, Thing, World

Colour = tuple[float, float, float]
NAMES = ("objects", "yard")
_BOARDS = 9
_TARGET = (0.0, 0.0, -0.2)


def world(name: str) -> World:
    """One of ``NAMES``.

    "objects" is a matt ball, a glossy ball, a turned box and a box with a bite taken out, on a checkered plate; all of
    it within 1.7 of the origin, on a transparent background. "yard" has them in a wide yard, within a ring of boards
    at a distance of 9 and under a checkered sky of radius 40.

    Raises:
        InputError: there is no such world.
    """
    one_of(NAMES, name=name)
    if name == "objects":
        plate = Thing(Box((0, 0, -0.62), (1.15, 1.15, 0.07)), checker((0.85, 0.83, 0.78), (0.25, 0.28, 0.33), 0.23))
        return World((plate, *_objects()), True, 4.0, _TARGET, (8.0, 75.0), 50.0)
    floor = Thing(Box((0, 0, -0.62), (6, 6, 0.07)), checker((0.62, 0.6, 0.52), (0.4, 0.43, 0.38), 0.5))
    sky = Thing(Shell(40), checker((0.55, 0.7, 0.88), (0.8, 0.85, 0.92), 8.0), lit=False)
    return World((floor, *_objects(), *_boards(), sky), False, 3.4, _TARGET, (8.0, 50.0), 55.0)


def plain(colour: Colour) -> Paint:
    """One colour everywhere."""
    return lambda point: point.new_tensor(colour).expand(len(point), 3)


def checker(one: Colour, other: Colour, cell: float, shift: Sequence[float] = (0.37, 0.41, 0.43)) -> Paint:
    """Cubes of two colours in turns.

    Args:
        one, other: the colours.
        cell: side of a cube.
        shift: of the cubes along the axes, in cells.
    """

    def paint(point: Tensor) -> Tensor:
        number = (point / cell + point.new_tensor(shift)).floor().sum(-1, keepdim=True)
        return torch.where(number.remainder(2) == 0, point.new_tensor(one), point.new_tensor(other))

    return paint


def _objects() -> tuple[Thing, ...]:
    """They stand at a height of -0.55."""
    return (
        Thing(Ball((-0.5, -0.45, -0.15), 0.4), plain((0.85, 0.24, 0.2))),
        Thing(Box((0.5, 0.5, -0.2), (0.33, 0.33, 0.35), 30), checker((0.2, 0.4, 0.8), (0.85, 0.88, 0.95), 0.21)),
        Thing(
            Box((-0.5, 0.55, -0.22), (0.33, 0.33, 0.33), -15),
            checker((0.35, 0.65, 0.3), (0.9, 0.8, 0.25), 0.3),
            without=(Ball((-0.5, 0.55, 0.1), 0.3), Ball((-0.35, 0.25, -0.1), 0.22)),
        ),
        Thing(Ball((0.52, -0.45, -0.2), 0.35), plain((0.16, 0.2, 0.36)), gloss=0.8),
    )


def _boards() -> list[Thing]:
    """A ring of boards that face the middle, each of a colour of its own."""
    boards = []
    for k in range(_BOARDS):
        turn = 360 * k / _BOARDS
        angle = math.radians(turn)
        hue = [0.5 + 0.35 * math.cos(2.4 * k + shift) for shift in (0.0, 2.1, 4.2)]
        centre = (9 * math.cos(angle), 9 * math.sin(angle), 1.1)
        ones, others = (hue[0], hue[1], hue[2]), (0.9 * hue[1], 0.9 * hue[2], 0.9 * hue[0])
        boards.append(Thing(Box(centre, (0.15, 1.6, 1.9), turn), checker(ones, others, 0.9)))
    return boards
