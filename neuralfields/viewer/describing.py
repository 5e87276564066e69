"""A field and its signal in the protocol's words: what kind of thing it is, its cameras, how its surface is found."""

import math
from typing import Any

import torch

from neuralfields.errors import InputError
from neuralfields.field import Field, evaluate
from neuralfields.fields import Marched
from neuralfields.protocols import Signal
from neuralfields.render import Surface
from neuralfields.signals import Image, PosedImages, channels
from neuralfields.viewer.program import Program
from neuralfields.viewer.protocol import Kind, March, Shape, Shown, View, World

_CARE = 0.9  # share of a distance that ``render.sphere_trace`` steps by
_SHAPES = ("mesh", "points", "solid")
_LOOKS = 24  # points along each axis, of which some are inside and some outside where a field is a shape


def describe(
    field: Field, signal: Signal | None, *, id: int, name: str, program: Program | None, reason: str | None
) -> Shown:
    """What a page is told of a field.

    Raises:
        InputError: nothing that could be looked at.
    """
    kind = kind_of(field, signal)
    known = signal if isinstance(signal, Image | PosedImages) else None
    return Shown(
        id=id,
        name=name,
        kind=kind,
        inputs=field.in_dim,
        outputs=field.out_dim,
        channels=_channels(field, kind),
        size=_size(field, signal) if kind == "image" else None,
        linear=_told(field, signal).get("colour") == "linear",
        truth=known is not None,
        program=program,
        reason=reason,
        march=_march(field) if isinstance(field, Marched) else None,
        shape=_shape(Surface.of(field)) if kind == "shape" else None,
        world=None if kind == "image" else _world(field),
        views=_views(signal) if isinstance(signal, PosedImages) else (),
        parameters=sum(parameter.numel() for parameter in field.parameters()),
        summary=summary(field),
    )


def kind_of(field: Field, signal: Signal | None) -> Kind:
    """How a field is looked at, by its signal, else by its coordinates.

    Raises:
        InputError: it cannot be looked at.
    """
    if field.in_dim == 2:
        return "image"
    if (field.in_dim, field.out_dim) == (6, 4) and hasattr(field, "render"):
        return "radiance"
    if field.in_dim == 3:
        return "shape" if field.out_dim == 1 and _is_shape(field, signal) else "slices"
    raise InputError(
        "a picture (2 coordinates), a shape or a volume (3), or a radiance field (6, to 4 values) can be looked at, "
        f"this {type(field).__name__} goes from {field.in_dim} to {field.out_dim}"
    )


def _told(field: Field, signal: Signal | None) -> dict[str, Any]:
    told = signal.describe() if signal is not None else field.provenance.get("signal")
    return told if isinstance(told, dict) else {}


def _is_shape(field: Field, signal: Signal | None) -> bool:
    """Whether a field was fitted to a shape, or, where that is not known, has an inside and an outside."""
    told = _told(field, signal)
    if told:
        return "form" in told or told.get("kind") in _SHAPES
    surface, axis = Surface.of(field), torch.linspace(-1, 1, _LOOKS)
    points = torch.cartesian_prod(axis, axis, axis).to(surface.like)
    values = evaluate(surface.values, points)
    return bool(values.isfinite().all() and (values < 0).any() and (values > 0).any())


def _channels(field: Field, kind: Kind) -> tuple[str, ...]:
    if kind == "radiance":
        return channels.SCENE
    if kind == "shape":
        return channels.SHAPES[Surface.of(field).form]
    numbers = tuple(str(k) for k in range(field.out_dim))
    return channels.IMAGES.get(field.out_dim, numbers) if kind == "image" else numbers


def _size(field: Field, signal: Signal | None) -> tuple[int, int] | None:
    if isinstance(signal, Image):
        return signal.shape[1], signal.shape[0]
    if field.frame is None or field.frame.unit != "px":
        return None
    (across, _), (_, down) = field.frame.matrix
    return max(1, round(2 * across)), max(1, round(2 * down))


def _march(field: Marched) -> March:
    return March(field.cells, field.step, field.cone, field.near, field.stop, field.radiance.medium.unbounded)


def _shape(surface: Surface) -> Shape:
    level = surface.shell if surface.form == "udf" else 0.0
    steepness = 1 / _CARE if surface.metric else 1.0
    return Shape(level, surface.form != "occupancy", surface.metric, steepness)


def _world(field: Field) -> World | None:
    frame = field.frame
    return None if frame is None else World(tuple(v for row in frame.matrix for v in row), frame.offset, frame.unit)


def _views(scene: PosedImages) -> tuple[View, ...]:
    found = []
    for number, (camera, name) in enumerate(zip(scene.cameras, scene.names, strict=True)):
        seen = camera.in_box(scene.frame)
        pose = tuple(float(value) for value in seen.pose.flatten())
        size = int(seen.size[0]), int(seen.size[1])
        found.append(View(name, pose, seen.focal, seen.centre, size, number >= scene.training))
    return tuple(found)


def summary(field: Field) -> str:
    """How good the field is and what it takes, as far as it tells that."""
    metrics, parts = field.provenance.get("metrics"), []
    metrics = metrics if isinstance(metrics, dict) else {}
    for name, text in (("psnr", "{:.2f} dB"), ("ssim", "SSIM {:.4f}"), ("iou", "IoU {:.4f}")):
        value = metrics.get(name)
        if isinstance(value, int | float) and math.isfinite(value):
            parts.append(text.format(value))
    steps = field.provenance.get("steps")
    return ", ".join([*parts, *([f"{steps} steps"] if isinstance(steps, int) else [])])
