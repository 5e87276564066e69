"""The build hook: the C++ core is compiled when the package is installed, if there is a compiler."""

import importlib.util
import os
import platform
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

NATIVE = Path("neuralfields", "ops", "native")


class NativeBuildHook(BuildHookInterface[Any]):
    """Puts the libraries of all builds for this machine into the wheel, or leaves them in place when it is editable."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build = _load(Path(self.root) / NATIVE / "build.py")
        folder = Path(self.root) / NATIVE / "lib"
        if os.environ.get("NEURALFIELDS_NATIVE") == "off" or sys.platform == "win32":
            self.app.display_info("without the native kernels")
            return
        try:
            files = build.compile_all(folder, build.builds_of(platform.machine()))
        except build.BuildError as error:
            # The package is whole without them: they are compiled on first use, or the reference is used.
            self.app.display_warning(f"without the native kernels: the C++ core {error}")
            return
        if version == "editable":
            return
        for file in files:
            build_data["force_include"][str(file)] = (NATIVE / "lib" / file.name).as_posix()
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform()}"


def _load(path: Path) -> ModuleType:
    """A module by its path: the package itself cannot be imported where it is only built."""
    spec = importlib.util.spec_from_file_location("neuralfields_build", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _platform() -> str:
    """The platform as wheels call it. Which old systems a wheel suits (manylinux) is for a tool to find out."""
    return next(tag for tag in platform_tags() if "manylinux" not in tag and "musllinux" not in tag)
