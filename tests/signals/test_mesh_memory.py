"""How much memory meshes of many faces take, beyond what they are themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

_STATUS = Path("/proc/self/status")
_SCRIPT = """
import re
import numpy as np
import torch
from known_meshes import torus
from neuralfields.geometry import proximity
from neuralfields.signals import Mesh

proximity._FACES = 1 << 15

def kibibytes(name):
    return int(re.search(name + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1])

def whole(mesh):
    signal = Mesh(mesh, sampling={"samples": 4096})
    signal.prepare()
    signal.describe()
    signal.measure(lambda x: x.norm(dim=-1, keepdim=True) - 0.5)

torch.set_num_threads(1)
whole(torus(300, 200))  # what is imported, and the memory of lattices, do not count
mesh = torus(1000, 200)
before = kibibytes("VmRSS")
open("/proc/self/clear_refs", "w").write("5")
whole(mesh)
print((kibibytes("VmHWM") - before) * 1024 / len(mesh.faces))
"""


@pytest.mark.skipif(not _STATUS.exists(), reason="the most memory held is read from Linux's /proc/self")
def test_bytes_per_face() -> None:
    """libigl's two hierarchies of the whole mesh would take 400 bytes for each face."""
    told = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
    )
    assert told.returncode == 0, told.stderr
    assert float(told.stdout) < 200
