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

if TYPE_CHECKING:
    from neuralfields.ops import Op

_CORE = ("torch", "numpy", "pillow", "imageio", "OpenEXR", "safetensors", "rich", "scikit-image", "tifffile")


def main(words: Sequence[str]) -> int:
    p = Parser("doctor", "Tell device, threads, versions, and which kernel each operation would use and why.")
    p.add_argument("--json", action="store_true", help="as JSON")
    options = p.read(words)
    from neuralfields.cli.opening import print_json

    report = diagnosis()
    if options.json:
        print_json(report)
        return 0
    for title, rows in report.items():
        print(f"{title}:")
        for name, text in rows.items():
            print(f"  {name:<14}{text}")
    return 0


def diagnosis() -> dict[str, dict[str, Any]]:
    """Sections of name and text."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "machine": {
            "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            "processors": f"{os.cpu_count()}, torch uses {torch.get_num_threads()} threads",
            "device": torch.cuda.get_device_name() if cuda else "cpu (torch sees no CUDA device)",
            "native core": _native_core(),
            "compiler": _compiler(),
        },
        "kernels": {op.name: _explain(op, arguments) for op, arguments in _calls().items()},
        "versions": {"neuralfields": __version__, **{name: _version(name) for name in _CORE}},
    }


def _calls() -> "dict[Op[..., Any], tuple[Any, ...]]":
    """A small call of every op."""
    import torch

    from neuralfields import ops
    from neuralfields.ops.field_step import Grid, Model, Network, Samples, Task, Update

    x, y, layout = torch.zeros(4, 2), torch.zeros(4, 3), ops.GridLayout(2, 2, 8, 4, 8)
    planes = ops.PlaneLayout(2, ((0, 1),), (8, 8))
    weights, biases = [torch.zeros(8, 2), torch.zeros(3, 8)], [torch.zeros(8), torch.zeros(3)]
    table, counts = torch.zeros(layout.entries, 1), torch.zeros(layout.entries, dtype=torch.int32)
    moments = table, torch.zeros_like(table), torch.zeros_like(table)
    adam = 1e-3, 0.9, 0.999, 1e-8
    model = Model(Grid(table, layout, "linear"), Network(weights, biases, "relu"), None)
    updates = [
        Update(
            *(p, torch.zeros_like(p), torch.zeros_like(p)),
            torch.zeros(len(p) if p is table else (), dtype=torch.int32),
            p is table,
            *adam,
        )
        for p in model.parameters
    ]
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
        ops.error_sums: (x, x),
        ops.field_values: (model, x),
        ops.field_step: (model, Samples(x, y), Task("l2"), updates),
    }


def _explain(op: "Op[..., Any]", arguments: tuple[Any, ...]) -> str:
    import torch

    # A field's values alone are for evaluation; the others are asked about as in training.
    with torch.set_grad_enabled(op.name != "field_values"):
        return op.explain(*arguments)


def _native_core() -> str:
    from neuralfields.ops import native

    if (reason := native.reason()) is not None:
        return f"none: it {reason}"
    return f"build {native.build_name() or 'unknown'}, {native.origin()}"


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
