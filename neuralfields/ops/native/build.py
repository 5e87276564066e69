"""Compile the C++ core: all ``*.cpp`` under ``ops``, with no dependency but the standard library."""

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLAGS = (
    *("-std=c++20", "-O3", "-fPIC", "-fvisibility=hidden", "-pthread"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"),
    *("-Wall", "-Wextra", "-Wno-psabi"),
)
BUILDS = {
    "v2": ("-march=x86-64-v2",),
    "v3": ("-march=x86-64-v3",),
    "v4": ("-march=x86-64-v4",),
    "v4bf16": ("-march=x86-64-v4", "-mavx512bf16"),
}


def compile_library(target: Path, build: str, *, compiler: str = "c++", more: tuple[str, ...] = ()) -> None:
    """Write the shared library of one build to ``target``."""
    sources = sorted(ROOT.rglob("*.cpp"))
    flags = [*FLAGS, *BUILDS[build], f"-I{ROOT}", *more]
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        objects = [f"{folder}/{i}.o" for i in range(len(sources))]

        def one(pair: tuple[Path, str]) -> None:
            subprocess.run([compiler, *flags, "-c", str(pair[0]), "-o", pair[1]], check=True)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(one, zip(sources, objects, strict=True)))
        made = f"{folder}/library"
        subprocess.run([compiler, "-shared", "-pthread", *more, *objects, "-o", made], check=True)
        os.replace(made, target)
