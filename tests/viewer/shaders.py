"""What tests of the shader share: fields, points, and how far the page's values are from Python's."""

import base64
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

import neuralfields as nf
from neuralfields import Field
from neuralfields.viewer.describe import NotCovered, program_of
from neuralfields.viewer.packing import Bits, pack, quantised

TOLERANCE = 1e-4
# What is compiled serves all snapshots of one program.
_EVALUATE = """([program, arrays, bytes, points]) => {
    window.gl ??= document.createElement("canvas").getContext("webgl2");
    if (window.program !== JSON.stringify(program)) {
        window.evaluator?.dispose();
        window.evaluator = new nf.Evaluator(window.gl, program);
        window.program = JSON.stringify(program);
    }
    evaluator.set(arrays, Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0)));
    return Array.from(evaluator.values(Float32Array.from(points)), (value) =>
        Number.isFinite(value) ? value : String(value));
}"""


def covered(fields: Sequence[Any]) -> list[Any]:
    found = []
    for case in fields:
        try:
            program_of(case.make())
        except NotCovered:
            continue
        found.append(case)
    return found


@torch.no_grad()
def lively(field: Field) -> Field:
    """With tables as large as fitted ones, and half of the cells of an occupancy grid empty."""
    generator = torch.Generator().manual_seed(3)
    for module in field.modules():
        for name in getattr(module, "tables", ()):
            table = getattr(module, name)
            table.copy_(torch.randn(table.shape, generator=generator) * 0.5)
        if isinstance(module, nf.fields.Marched):
            module.occupied.copy_(torch.rand(module.occupied.shape, generator=generator) < 0.5)
    return field


@torch.no_grad()
def disturbed(field: Field, by: float = 0.1) -> Field:
    """With all parameters, of which many start as zeros or all equal, moved by a share of their size."""
    generator = torch.Generator().manual_seed(7)
    for parameter in field.parameters():
        size = float(parameter.square().mean().sqrt()) or 1.0
        parameter += by * size * torch.randn(parameter.shape, generator=generator)
    return field


def points_for(field: Field, count: int = 500) -> torch.Tensor:
    """Inside the box, on its border and beyond; directions of length one."""
    generator = torch.Generator().manual_seed(5)
    x = torch.rand(count, field.in_dim, generator=generator) * 2.4 - 1.2
    x[0], x[1], x[2] = -1, 1, 0
    if isinstance(field, nf.fields.Radiance | nf.fields.Marched):
        x[:, -3:] = torch.nn.functional.normalize(x[:, -3:], dim=-1)
    return x


def drawn(page: Any, field: Field, x: torch.Tensor, bits: Bits) -> np.ndarray:
    program = program_of(field)
    stored, data = pack(field, program, bits)
    told = [asdict(program), [asdict(array) for array in stored], base64.b64encode(data).decode(), x.flatten().tolist()]
    return np.array(page.evaluate(_EVALUATE, told), dtype=float).reshape(len(x), -1)


def error(page: Any, field: Field, bits: Bits, count: int = 500) -> float:
    """The largest difference; relative to the values of a channel where these are larger than 1."""
    x = points_for(field, count)
    with torch.no_grad():
        expected = quantised(field, program_of(field), bits)(x.double()).numpy()
    size = np.maximum(np.abs(expected), 1)
    return float((np.abs(drawn(page, field, x, bits) - expected) / size).max())


def image(channels: int, *, hdr: bool = False) -> nf.signals.Image:
    values = np.random.default_rng(0).random((48, 64, channels)).astype(np.float32)
    return nf.signals.Image.from_array(values * 20 if hdr else (values * 255).astype(np.uint8))
