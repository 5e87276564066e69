"""Imports point down only, and what must start fast loads little."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import neuralfields

PACKAGE = Path(neuralfields.__file__).parent
APPS = PACKAGE.parent / "apps"

# A module may import its own part, any part on a lower floor, and what BESIDE allows on its own floor.
CORE = "field", "calculus", "encodings", "networks"
FLOORS = (
    ("errors",),
    ("checks",),
    ("ops", "geometry", "files"),
    (*CORE, "volume"),
    ("fields", "families", "protocols", "metrics", "render"),
    ("signals", "objectives"),
    ("fitting", "codecs", "storage"),
    ("recipes",),
    ("runs", "bench", "viewer", "testing"),
    ("cli", "__main__", "apps"),
)
FLOOR = {part: number for number, parts in enumerate(FLOORS) for part in parts}
BESIDE = {("__main__", "cli"), ("ops", "geometry")} | {(a, b) for a in CORE for b in CORE}


def part_of(path: Path) -> str:
    if path.is_relative_to(APPS):
        return "apps"
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> set[str]:
    """The parts of this package that a module imports anywhere in its text, functions and kernels' names included."""
    dotted: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                dotted |= {name.name for name in names}
            case ast.ImportFrom(module="neuralfields", names=names, level=0):
                # A name that is no module of its own lives where the package finds it.
                dotted |= {neuralfields._HOMES.get(name.name, f"neuralfields.{name.name}") for name in names}
            case ast.ImportFrom(module=str(module), level=0):
                dotted.add(module)
            case ast.ImportFrom(level=level) if level:
                raise AssertionError("imports are absolute here")
            case ast.Attribute(value=ast.Name(id="neuralfields" | "nf"), attr=name):
                dotted.add(neuralfields._HOMES.get(name, f"neuralfields.{name}"))
            case ast.Constant(value=str(text)) if text.startswith("neuralfields.") and ":" in text:
                dotted.add(text.partition(":")[0])
    inside = {name.split(".")[1] for name in dotted if name.startswith("neuralfields.")}
    return inside - {"__version__"}


def complaints(path: Path, tree: ast.AST) -> list[str]:
    own = part_of(path)
    if own not in FLOOR:
        return [f"{path.name}: {own!r} has no place on a floor"]
    found = []
    for other in sorted(imported(tree)):
        below = other in FLOOR and FLOOR[other] < FLOOR[own]
        if not (below or other == own or (own, other) in BESIDE):
            found.append(f"{own} ({path.name}) imports {other}")
    return found


MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    assert complaints(path, ast.parse(path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", sorted(APPS.glob("*.py")), ids=lambda p: p.name)
def test_apps_use_public_names(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert complaints(path, tree) == []
    public = set(neuralfields.__all__)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("nf", "neuralfields")
        ):
            assert node.attr in public, f"{path.name} uses neuralfields.{node.attr}"
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            raise AssertionError(f"{path.name} uses {node.attr}")


@pytest.mark.parametrize(
    ("module", "text", "wrong"),
    [
        ("ops/x.py", "from neuralfields.field import Field", True),
        ("ops/x.py", "from neuralfields import Field", True),
        ("ops/x.py", "def f():\n    from neuralfields import fitting", True),
        ("ops/x.py", "import neuralfields\nneuralfields.fit", True),
        ("ops/x.py", "target = 'neuralfields.storage.field_file:save'", True),
        ("ops/x.py", "from neuralfields.files import ply", True),
        ("ops/x.py", "from neuralfields.ops._op import Op\nfrom neuralfields.errors import InputError", False),
        ("errors.py", "from neuralfields.files import atomic", True),
        ("errors.py", "from neuralfields.checks import positive", True),
        ("ops/x.py", "from neuralfields.checks import positive", False),
        ("networks/x.py", "from neuralfields.encodings import HashGrid", False),
        ("volume/x.py", "from neuralfields.geometry import Rays", False),
        ("volume/x.py", "from neuralfields.field import Field", True),
        ("networks/x.py", "from neuralfields.fields import Affine", True),
        ("signals/x.py", "from neuralfields.render import Surface", False),
        ("render/x.py", "from neuralfields.signals import Image", True),
        ("objectives/x.py", "from neuralfields.render import Surface", False),
        ("render/x.py", "from neuralfields.fields import Affine", True),
        ("objectives/x.py", "from neuralfields.signals import Image", True),
        ("storage/x.py", "from neuralfields.fitting import State", True),
        ("recipes/x.py", "from neuralfields.runs import start", True),
        ("runs.py", "from neuralfields import __version__, recipes", False),
        ("bench/x.py", "from neuralfields.fitting import steps", False),
        ("bench/x.py", "from neuralfields.runs import start", True),
        ("new/x.py", "import os", True),
        ("cli/x.py", "from neuralfields import viewer", False),
        ("viewer/x.py", "from neuralfields import cli", True),
        ("fitting/x.py", "from neuralfields.unknown import thing", True),
    ],
)
def test_the_rule_itself(module: str, text: str, wrong: bool) -> None:
    assert bool(complaints(PACKAGE / module, ast.parse(text))) is wrong


def test_relative_imports_are_not_overlooked() -> None:
    with pytest.raises(AssertionError, match="absolute"):
        imported(ast.parse("from ..field import Field"))


HEAVY = ("torch", "numpy", "PIL", "skimage", "OpenEXR", "rich", "safetensors")


@pytest.mark.parametrize(
    "text",
    [
        "import neuralfields; dir(neuralfields)",
        "from neuralfields.cli import main; assert main(['--help']) == 0",
        "from neuralfields.cli import main; assert main(['--version']) == 0",
        "from neuralfields.cli import main; assert main(['bench', 'kernels', '--help']) == 0",
        "import runpy; sys.argv[1:] = ['methods', '--help']\n"
        "try: runpy.run_module('neuralfields', run_name='__main__')\nexcept SystemExit: pass",
        "from neuralfields.cli import main; assert main(['nonsense']) == 2",
        "from neuralfields import NeuralFieldsError",
    ],
)
def test_help_loads_nothing_heavy(text: str) -> None:
    script = f"import sys\n{text}\nprint('LOADED', *[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "LOADED"


def test_commands_explain_themselves_without_torch() -> None:
    from neuralfields.cli import COMMANDS

    script = f"""
import contextlib, io, sys
from neuralfields.cli import main
for name in {list(COMMANDS)!r}:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main([name, "--help"])
print("LOADED", *[m for m in ("torch",) if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "LOADED"
