"""``nf doctor``: what this machine has, and which kernel each operation would use and why."""

import importlib.metadata
import importlib.util
import os
import platform
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from neuralfields import __version__
from neuralfields.cli.parser import Parser
from neuralfields.errors import InputError

if TYPE_CHECKING:
    from neuralfields.ops import Op, PosedPixels
    from neuralfields.ops.field_step import Model, Update
    from neuralfields.ops.radiance import RadianceModel

_CORE = ("torch", "numpy", "pillow", "imageio", "OpenEXR", "safetensors", "rich", "scikit-image", "tifffile")
_DOES = {
    "grid_encode": "features of a grid or hash grid",
    "plane_encode": "features of planes, lines or volumes",
    "mlp": "a network with ReLU and the like",
    "sine_mlp": "a network of sines, a SIREN",
    "adam": "a step of Adam",
    "lazy_adam": "a step of Adam for the rows that a batch touched",
    "shuffled": "the random order of samples",
    "cell_centres": "where samples lie",
    "take_values": "what samples hold",
    "pixel_rays": "rays through pixels of photos",
    "error_sums": "the sums behind PSNR and relative errors",
    "composite": "colours and opacities along rays",
    "march": "where along rays something may be",
    "field_values": "a whole field, evaluated",
    "field_step": "a whole training step",
    "radiance_values": "what rays see of a radiance field",
    "radiance_step": "a training step of a radiance field",
}
_BUILDS = {
    "v2": "SSE4.2",
    "v3": "AVX2",
    "v4": "AVX-512",
    "v4bf16": "AVX-512 with bfloat16",
    "plain": "for any CPU of this kind",
}
_PRECISIONS = {
    "highest": "float32 throughout",
    "high": "float32 throughout in native kernels",
    "medium": "factors rounded to bfloat16 where that is faster",
}


def main(words: Sequence[str]) -> int:
    p = Parser("doctor", "Tell device, threads, versions, and which kernel each operation would use and why.")
    p.add_argument("--json", action="store_true", help="as JSON")
    options = p.read(words)
    from neuralfields.cli.opening import print_json
    from neuralfields.ops import native

    report = diagnosis()
    if options.json:
        print_json(report)
    else:
        _print(report)
    native.reason()  # settings that cannot be are an error, after all else has been told
    return 0


def _print(report: dict[str, dict[str, Any]]) -> None:
    for title, rows in report.items():
        print(f"{title}:")
        for name, text in rows.items():
            print(f"  {name:<16}{_decision(name, text) if title == 'kernels' else text}")


def _decision(op: str, text: str) -> str:
    """The kernel and what the op does; a reason only where there was a choice, and it is not told once above."""
    short = "reference" if "needs the native core" in text else text.removesuffix(" (first choice)")
    return f"{short:<11}{_DOES[op]}" if " " not in short else f"{short}: {_DOES[op]}"


def diagnosis() -> dict[str, dict[str, Any]]:
    """Sections of name and text."""
    import torch

    cuda, precision = torch.cuda.is_available(), torch.get_float32_matmul_precision()
    return {
        "machine": {
            "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            "processors": f"{os.cpu_count()}, torch uses {torch.get_num_threads()} threads",
            "device": torch.cuda.get_device_name() if cuda else "cpu (torch sees no CUDA device)",
            "native core": _native_core(),
            "compiler": _compiler(),
            "precision": f"{precision}, of matrix products: {_PRECISIONS[precision]}",
        },
        "kernels": {op.name: _explain(op, arguments) for op, arguments in _calls().items()},
        "versions": {"neuralfields": __version__, **{name: _version(name) for name in _CORE}},
    }


def _calls() -> "dict[Op[..., Any], tuple[Any, ...]]":
    """A small call of every op."""
    import torch

    from neuralfields import ops
    from neuralfields.ops.field_step import Grid, Model, Network, Samples, Task
    from neuralfields.ops.radiance import RaySamples

    x, y, layout = torch.zeros(4, 2), torch.zeros(4, 3), ops.GridLayout(2, 2, 8, 4, 8)
    planes = ops.PlaneLayout(2, ((0, 1),), (8, 8))
    weights, biases = [torch.zeros(8, 2), torch.zeros(3, 8)], [torch.zeros(8), torch.zeros(3)]
    table, counts = torch.zeros(layout.entries, 1), torch.zeros(layout.entries, dtype=torch.int32)
    moments = table, torch.zeros_like(table), torch.zeros_like(table)
    adam = 1e-3, 0.9, 0.999, 1e-8
    model = Model(Grid(table, layout, "linear"), Network(weights, biases, "relu"), None)
    rays, occupied, radiance = torch.zeros(4, 6), torch.ones(2, 2, 2, dtype=torch.bool), _radiance()
    return {
        ops.grid_encode: (x, table, layout, "linear"),
        ops.plane_encode: (x, torch.zeros(planes.entries, 1), planes),
        ops.mlp: (x, weights, biases, "relu"),
        ops.sine_mlp: (x, weights, biases, [30.0]),
        ops.adam: (table, *moments, 1, *adam),
        ops.lazy_adam: (table, *moments, counts, *adam),
        ops.shuffled: (0, 4, ((9, (0,)),)),
        ops.cell_centres: (torch.arange(4), (3, 3)),
        ops.take_values: (torch.zeros(9, 3, dtype=torch.uint8), torch.arange(4)),
        ops.pixel_rays: (_photos(), torch.arange(4)),
        ops.error_sums: (x, x),
        ops.composite: (x[:, 0], y, torch.tensor([3, 1])),
        ops.march: (rays, occupied, 0.1),
        ops.field_values: (model, x),
        ops.field_step: (model, Samples(x, y), Task("l2"), _updates(model)),
        ops.radiance_values: (radiance, rays),
        ops.radiance_step: (radiance, RaySamples(rays, rays[:, :4], y), Task("l2"), _updates(radiance)),
    }


def _photos() -> "PosedPixels":
    import torch

    from neuralfields import ops

    pixels, cameras = torch.zeros(9, 3, dtype=torch.uint8), torch.ones(1, 3, 3, dtype=torch.float64)
    starts, widths = torch.tensor([0, 9]), torch.tensor([3])
    return ops.PosedPixels(pixels, None, 9, starts, widths, cameras[:, :2, :2].contiguous(), cameras, cameras[:, 0])


def _radiance() -> "RadianceModel":
    import torch

    from neuralfields import ops
    from neuralfields.ops.field_step import Grid, Network
    from neuralfields.ops.radiance import RadianceModel

    layout = ops.GridLayout(3, 2, 8, 4, 8)
    trunk, colour = Network([torch.zeros(4, 2)], None, "relu"), Network([torch.zeros(3, 5)], None, "relu")
    occupied = torch.ones(2, 2, 2, dtype=torch.bool)
    return RadianceModel(
        Grid(torch.zeros(layout.entries, 1), layout, "linear"), trunk, colour, occupied, step=0.1, degree=1
    )


def _updates(model: "Model | RadianceModel") -> "list[Update]":
    """Fresh moments; the first parameter is the table."""
    import torch

    from neuralfields.ops.field_step import Update

    table = model.parameters[0]
    return [
        Update(
            *(p, torch.zeros_like(p), torch.zeros_like(p)),
            torch.zeros(p.shape[:1] if p is table else (), dtype=torch.int32),
            *(p is table, 1e-3, 0.9, 0.999, 1e-8),
        )
        for p in model.parameters
    ]


def _explain(op: "Op[..., Any]", arguments: tuple[Any, ...]) -> str:
    import torch

    # A field's values alone are for evaluation; the others are asked about as in training.
    with torch.set_grad_enabled(not op.name.endswith("_values")):
        try:
            return op.explain(*arguments)
        except InputError:
            return "unknown"


def _native_core() -> str:
    from neuralfields.ops import native

    try:
        reason, build = native.reason(), native.build_name()
    except InputError as error:
        return f"none can be used: {error}"
    if reason is not None:
        return f"none: it {reason}; plain PyTorch, the reference, does its work"
    name = f"build {build} ({_BUILDS[build]}; NEURALFIELDS_NATIVE names another one)" if build else "build unknown"
    return f"{name}, {native.origin()}"


def _compiler() -> str:
    from neuralfields.ops.native import build

    try:
        return shlex.join(build.find_compiler())
    except build.BuildError:
        return "none found; everything works without one, by the reference kernels where there is no native core"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"
