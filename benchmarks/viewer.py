"""The viewer's shader on Chromium's software drivers: milliseconds a frame and operations a pixel, by kind of field.

A frame has --side by --side pixels, each one value of the field (for radiance fields density and colour, at one place).
Fresh fields at the size that their recipe or method gives them; a shader's time does not depend on what was learned.
``compile_ms`` is the first frame, with the compilation; ``upload_ms`` the textures of an int8 snapshot. Operations are
counted: each addition, multiplication, comparison is one; a texel that is read is none, and counted as such.

python benchmarks/viewer.py                 both drivers, 5 min on 2 cores, most of it compilation by lavapipe
"""

import base64
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from machine import arguments, write

import neuralfields as nf
from neuralfields.viewer.describe import program_of
from neuralfields.viewer.packing import pack
from neuralfields.viewer.program import Grid, Node, Planes, Program

sys.path.append(str(Path(__file__).parents[1] / "tests" / "viewer"))
from chromium import DRIVERS, blank, launched, renderer

_FUNCTIONS = {
    "relu": 1, "abs": 1, "sine": 22, "cycle": 17, "exp": 23, "gauss": 25, "sigmoid": 26, "tanh": 27, "softplus": 28,
    "sinh": 26, "sqrt": 2, "reciprocal": 2, "log": 1, "arctan": 52,
}  # fmt: skip
_FRAMES = """([program, arrays, bytes, side, frames]) => {
    const canvas = new OffscreenCanvas(side, side);
    const gl = canvas.getContext("webgl2", {alpha: false});
    const data = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    const [inputs, outputs] = [program.nodes[0].size, program.nodes.at(-1).size];
    const pixel = new Uint8Array(4);
    const wait = () => gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    const timed = (action) => { const start = performance.now(); action(); wait(); return performance.now() - start; };
    const textures = new nf.FieldTextures(gl, program);
    textures.set(arrays, data);
    const upload = timed(() => textures.set(arrays, data));
    const draw = () => gl.drawArrays(gl.TRIANGLES, 0, 3);
    const first = timed(() => {
        const code = new nf.Pass(gl, `#version 300 es
${nf.generate(program).source}
out vec4 seen;
void main() {
    float x[${inputs}], y[${outputs}];
    for (int i = 0; i < ${inputs}; i++) x[i] = 0.3;
    x[0] = gl_FragCoord.x * ${(2 / side).toFixed(9)} - 1.0;
    if (${inputs} > 1) x[${Math.min(1, inputs - 1)}] = gl_FragCoord.y * ${(2 / side).toFixed(9)} - 1.0;
    field(x, y);
    seen = vec4(y[0], y[${outputs - 1}], 0.0, 1.0);
}`);
        code.use();
        textures.bind(code.program, 0);
        draw();
    });
    const times = Array.from({length: frames}, () => timed(draw));
    gl.getExtension("WEBGL_lose_context").loseContext();
    return {upload, first, times};
}"""


def main() -> None:
    parser = arguments(__doc__ or "", "viewer.json")
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--drivers", nargs="+", choices=DRIVERS, default=list(DRIVERS))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    try:
        for row in measured(options.drivers, options.kinds, options.side, options.frames):
            rows.append(row)
            write(options.out, {"side": options.side, "frames": options.frames, "rows": rows})
    except pytest.skip.Exception as error:
        raise SystemExit(str(error)) from error


def measured(drivers: list[str], kinds: list[str], side: int, frames: int) -> Iterator[dict[str, Any]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        for driver in drivers:
            browser = launched(playwright, driver)
            page = blank(browser, "field/generate", "field/textures", "draw/gl")
            told = renderer(page)
            for kind in kinds:
                row = {"driver": driver, "renderer": told, "kind": kind, **timed(page, KINDS[kind](), side, frames)}
                print(
                    *(row[name] for name in ("driver", "kind", "frame_ms", "compile_ms", "flops_per_pixel")), flush=True
                )
                yield row
            browser.close()


def timed(page: Any, field: nf.Field, side: int, frames: int) -> dict[str, Any]:
    program = program_of(field)
    snapshot = []
    for _ in range(3):
        start = time.perf_counter()
        stored, data = pack(field, program)
        snapshot.append(time.perf_counter() - start)
    told = [asdict(program), [asdict(array) for array in stored], base64.b64encode(data).decode(), side, frames]
    found = page.evaluate(_FRAMES, told)
    return {
        "parameters": sum(parameter.numel() for parameter in field.parameters()),
        "snapshot_bytes": len(data),
        "snapshot_ms": round(1e3 * min(snapshot), 2),
        "upload_ms": round(found["upload"], 2),
        "compile_ms": round(found["first"], 1),
        "frame_ms": round(statistics.median(found["times"]), 2),
        "flops_per_pixel": flops(program),
        "texels_per_pixel": texels(program),
    }


def flops(program: Program) -> int:
    """Operations for one value of a field."""
    sizes = [node.size for node in program.nodes]
    return sum(_flops(node, sizes) for node in program.nodes)


def _flops(node: Node, sizes: list[int]) -> int:
    match node.kind:
        case "linear":
            mapped = 2 * sizes[node.of] * node.size + (node.bias is not None) * node.size
            return mapped + (_FUNCTIONS[node.function] * node.size if node.function else 0)
        case "affine":
            return 2 * node.size
        case "apply":
            return _FUNCTIONS[node.function] * node.size
        case "combine":
            return (len(node.of) - 1) * node.size
        case "grid":
            axes = sizes[node.of]
            corner = 3 * axes + 2 * node.features  # row and weight, then the sum
            return 4 * axes + len(node.levels) * (7 * axes + corner * (1 << axes) + node.features)
        case "planes":
            return sum(_plane(node, len(plane.axes)) for plane in node.planes)
        case "harmonics":
            return 8 * node.size
        case "contract":
            return 4 * node.size + 4
    return 0


def _plane(node: Planes, axes: int) -> int:
    taps = _taps(node)
    return axes * (6 + (6 * taps if taps == 4 else 1)) + taps**axes * (2 * axes + 2 * node.features) + node.features


def texels(program: Program) -> int:
    """Texels of tables that are read for one value of a field, and those of weights."""
    sizes, found = [node.size for node in program.nodes], 0
    for node in program.nodes:
        if isinstance(node, Grid):
            found += len(node.levels) * (1 << sizes[node.of]) * -(-node.features // 4)
        elif isinstance(node, Planes):
            found += sum(_taps(node) ** len(plane.axes) for plane in node.planes) * -(-node.features // 4)
        elif node.kind == "linear":
            found += -(-node.size // 4) * (4 * -(-sizes[node.of] // 4) + 1)
    return found


def _taps(node: Planes) -> int:
    return 4 if node.interpolation in ("catmull_rom", "b_spline") else 2


def _image() -> nf.signals.Image:
    return nf.signals.Image.from_array(np.zeros((512, 768, 3), np.uint8))


def _method(name: str) -> Callable[[], nf.Field]:
    return lambda: nf.recipes.METHODS[name](_image()).field


def _sdf() -> nf.Field:
    grid = nf.encodings.HashGrid(3, levels=8, log2_size=17, base=16, finest=256)
    return nf.Chain(grid, nf.networks.MLP(grid.out_dim, 1, width=64, depth=1))


def _ngp() -> nf.Field:
    grid = nf.encodings.HashGrid(3, levels=8, log2_size=18, base=16, finest=512)
    directions = nf.encodings.SphericalHarmonics(4)
    trunk = nf.Chain(grid, nf.networks.MLP(16, 16, width=64, depth=1, bias=False))
    colour = nf.networks.MLP(32, 3, width=64, depth=1, bias=False)
    return nf.fields.Marched(nf.fields.Radiance(trunk, colour, directions=directions, shift=2.3))


def _vm() -> nf.Field:
    return nf.Chain(nf.encodings.TensorVM(3, resolution=128, components=16), nf.networks.MLP(48, 1, width=64, depth=1))


KINDS: dict[str, Callable[[], nf.Field]] = {
    "image": lambda: nf.recipes.image(_image()).field,
    "compact": lambda: nf.recipes.compact(_image()).field,
    "sdf": _sdf,
    "siren_sdf": lambda: nf.networks.Siren(3, 1, width=256, depth=4),
    "siren 3x64": lambda: nf.networks.Siren(2, 3, width=64, depth=3),
    "ngp": _ngp,
    **{name: _method(name) for name in ("fourier", "positional", "finer", "gauss", "wire", "bacon", "sl2a", "fkan")},
    **{name: _method(name) for name in ("tri-plane", "k-planes", "tensor-cp", "cubic-grid", "dense-grid")},
    "tensor-vm": _vm,
}


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
