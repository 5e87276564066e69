"""The public names and their signatures, as written in api.txt beside this file.

A change that is meant: ``python tests/test_api.py --update``, and say in CHANGELOG.md what users must do.
"""

import ast
import difflib
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import neuralfields
from neuralfields.ops import Op

SNAPSHOT = Path(__file__).with_name("api.txt")
FIRST_LINE = "Public names of neuralfields. Written by: python tests/test_api.py --update"


def surface() -> list[str]:
    """One line per public name, sorted, each with its signature as it stands in the source."""
    lines: set[str] = set()
    for name in neuralfields.__all__:
        thing = getattr(neuralfields, name)
        if isinstance(thing, ModuleType):
            lines |= set(module_lines(thing))
        elif name != "__version__":
            lines |= set(described(f"neuralfields.{name}", thing))
    return sorted(lines)


def module_lines(module: ModuleType) -> Iterator[str]:
    yield f"{module.__name__}: module"
    for name in public_names(module):
        thing = getattr(module, name)
        if isinstance(thing, ModuleType):
            yield from module_lines(thing)
        else:
            yield from described(f"{module.__name__}.{name}", thing)


def public_names(module: ModuleType) -> list[str]:
    """``__all__``, or what the module itself defines at its top without an underscore."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    tree = ast.parse(inspect.getsource(module))
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
    return [name for name in names if not name.startswith("_")]


def described(name: str, thing: Any) -> Iterator[str]:
    if isinstance(thing, Op):
        yield f"{name}: op{signature(node_of(thing.reference))}"
    elif inspect.isclass(thing):
        yield from class_lines(name, thing)
    elif inspect.isfunction(thing):
        yield f"{name}{signature(node_of(thing))}"
    elif isinstance(thing, dict):
        yield f"{name}: dict of {', '.join(map(str, thing))}"
    else:
        yield f"{name}: {type(thing).__name__}"


def class_lines(name: str, cls: type) -> Iterator[str]:
    """The class with its bases, then what is public in its own body: attributes, methods, properties."""
    node = node_of(cls)
    assert isinstance(node, ast.ClassDef)
    yield f"{name}: class of {', '.join(base.__name__ for base in cls.__bases__)}"
    for item in node.body:
        match item:
            case ast.AnnAssign(target=ast.Name(id=field)) if not field.startswith("_"):
                default = "" if item.value is None else f" = {ast.unparse(item.value)}"
                yield f"{name}.{field}: {ast.unparse(item.annotation)}{default}"
            case ast.Assign(targets=[ast.Name(id=field)]) if not field.startswith("_"):
                yield f"{name}.{field} = {ast.unparse(item.value)}"
            case ast.FunctionDef(name=method) if method in ("__init__", "__call__") or not method.startswith("_"):
                kinds = "".join(f"@{ast.unparse(d)} " for d in item.decorator_list)
                yield f"{name}.{method}: {kinds}{signature(item)}"


def node_of(thing: Any) -> ast.stmt:
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(thing)))).body[0]


def signature(node: ast.stmt) -> str:
    assert isinstance(node, ast.FunctionDef)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(node.args)}){returns}"


def test_the_public_api_is_the_one_written_down() -> None:
    written = SNAPSHOT.read_text("utf-8").splitlines()[1:]
    difference = list(difflib.unified_diff(written, surface(), "api.txt", "the code", lineterm="", n=0))
    assert not difference, "\n".join(
        ["the public API has changed; if that is meant: python tests/test_api.py --update", *difference]
    )


def test_the_snapshot_sees_what_matters() -> None:
    found = surface()
    for line in (
        "neuralfields.Chain.__init__: (self, *parts: Field)",
        "neuralfields.networks.Siren.lr_scale = 0.5",
        "neuralfields.calculus.laplacian(field: FieldLike, x: Tensor) -> Tensor",
        "neuralfields.ops.adam: op(parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int, "
        "lr: float, beta1: float, beta2: float, epsilon: float) -> None",
        "neuralfields.fitting.Decay.start: float = 0.0",
        "neuralfields.fitting.Fit.psnr: @property (self) -> float",
        "neuralfields.metrics.ssim(prediction: Tensor, target: Tensor) -> float",
    ):
        assert line in found
    assert not any("._" in line.partition(":")[0].replace(".__init__", "").replace(".__call__", "") for line in found)


def test_every_public_thing_has_a_docstring() -> None:
    bare = []
    for line in surface():
        name = line.partition(":")[0].partition("(")[0].partition(" ")[0]
        *home, last = name.split(".")
        try:
            thing = getattr(importlib.import_module(".".join(home)), last)
        except ModuleNotFoundError:
            continue  # a member of a class: its class tells
        if (inspect.isclass(thing) or inspect.isfunction(thing)) and not inspect.getdoc(thing):
            bare.append(name)
    assert not bare


if __name__ == "__main__":
    if "--update" in sys.argv[1:]:
        SNAPSHOT.write_text("\n".join([FIRST_LINE, *surface()]) + "\n", "utf-8")
    else:
        print("\n".join(surface()))
