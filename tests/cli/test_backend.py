"""Kernels asked for by name."""

import json
from pathlib import Path

import pytest
import torch
from nf_helpers import contents

from neuralfields import ops, storage
from neuralfields.cli.parser import BACKENDS
from neuralfields.ops import native
from neuralfields.ops.native import build

needs_core = pytest.mark.skipif(native.reason() is not None, reason="no native core")


@pytest.fixture
def no_core(monkeypatch):
    """As if this were another process, with the native core switched off."""
    monkeypatch.setenv("NEURALFIELDS_NATIVE", "off")
    monkeypatch.setattr(native._State, "found", None)


def kernels(run):
    return json.loads(Path(run, "run.json").read_text())["kernels"]


def test_the_names_are_those_of_the_ops():
    assert BACKENDS == ops.BACKENDS


@needs_core
@pytest.mark.parametrize("field", ["hash", "siren", "fourier"])
def test_every_backend_gives_the_same_answer(nf, field):
    words = ["fit", "a.png", "--steps", 5, "--field", field, "--seed", 2]
    for name, more in (("free", []), ("cpu", ["--backend", "cpu"]), ("plain", ["--backend", "reference"])):
        assert nf(*words, "--out", name, *more).status == 0
    assert kernels("free") == kernels("cpu") and "cpu" in kernels("cpu").values()
    assert field == "fourier" or kernels("cpu") == {"field_step": "cpu"}
    assert set(kernels("plain").values()) == {"reference"}
    assert json.loads(Path("plain/run.json").read_text())["other_seconds"].keys() == {
        *("read", "sample", "prepare", "evaluate"),
    }
    free, cpu, plain = (storage.load(f"{name}/field.nf") for name in ("free", "cpu", "plain"))
    x = torch.rand(200, 2) * 2 - 1
    with torch.no_grad():
        assert torch.equal(free(x), cpu(x))
        torch.testing.assert_close(cpu(x), plain(x), atol=2e-3, rtol=0)


@needs_core
def test_a_resumed_run_keeps_its_backend(nf, monkeypatch):
    stop = "neuralfields.runs.Run.finish"
    with monkeypatch.context() as patch:
        patch.setattr(stop, lambda run: run.interrupt())
        assert nf("fit", "a.png", "--steps", 3, "--backend", "reference").status in (0, 130)
    info = json.loads(Path("runs/a/run.json").read_text())
    assert info["settings"]["backend"] == "reference"
    info["settings"]["steps"] = 5
    Path("runs/a/run.json").write_text(json.dumps(info))
    status, _, err = nf("fit", "--resume", "runs/a", "--backend", "cpu")
    assert status == 2 and "takes no --backend" in err
    assert nf("fit", "--resume", "runs/a").status == 0
    assert set(kernels("runs/a").values()) == {"reference"}


@pytest.mark.parametrize("name", ["triton", "tinycudann"])
def test_a_backend_without_kernels_is_refused_before_anything_is_made(nf, folder, name):
    before = contents(folder)
    status, out, err = nf("fit", "a.png", "--backend", name)
    assert (status, out) == (2, "") and err == f"nf fit: no operation has a {name} kernel in this version\n"
    assert contents(folder) == before


def test_the_help_says_which_have_no_kernels(nf):
    having = {"reference", *(kernel.backend for op in ops.ALL for kernel in op.kernels)}
    without = " and ".join(name for name in BACKENDS if name not in having)
    assert f"{without} are names that this version has no kernels for" in " ".join(nf("fit", "--help").out.split())


def test_no_such_backend(nf, folder):
    status, _, err = nf("fit", "a.png", "--backend", "gpu")
    assert status == 2 and "invalid choice: 'gpu'" in err and len(err.splitlines()) == 1


@pytest.mark.usefixtures("no_core")
def test_a_backend_that_cannot_is_refused_before_anything_is_made(nf, folder):
    before = contents(folder)
    status, out, err = nf("fit", "a.png", "--backend", "cpu")
    assert (status, out) == (2, "") and "the cpu kernel" in err and len(err.splitlines()) == 1
    assert contents(folder) == before


def test_without_a_compiler_a_backend_is_refused_in_one_line(nf, monkeypatch, caplog):
    def no_core(builds):
        raise build.BuildError("needs a C++ compiler")

    monkeypatch.delenv("NEURALFIELDS_NATIVE", raising=False)
    monkeypatch.delenv("NEURALFIELDS_NATIVE_LIBRARY", raising=False)
    monkeypatch.setattr(native._State, "found", None)
    monkeypatch.setattr(native, "_installed", no_core)
    status, out, err = nf("fit", "a.png", "--backend", "cpu")
    assert (status, out, caplog.records) == (2, "", [])
    assert err.endswith("needs a C++ compiler: install g++ or clang++, or leave --backend out\n")


@pytest.mark.parametrize(
    "words", [["eval", "run"], ["export", "run", "out.png"], ["query", "run", "points.csv"]], ids=lambda words: words[0]
)
def test_commands_that_evaluate(nf, run, no_core, words):
    Path("points.csv").write_text("0,0\n")
    assert nf(*words, "--backend", "reference").status == 0
    Path("out.png").unlink(missing_ok=True)
    before = contents(Path())
    status, out, err = nf(*words, "--backend", "cpu")
    assert (status, out) == (2, "") and "the cpu kernel" in err and len(err.splitlines()) == 1
    assert contents(Path()) == before


@needs_core
def test_a_backend_with_no_part_in_a_fit(nf, folder, monkeypatch):
    """A field of torch's own operations, under kernels that only Adam would have."""
    Path("plain.py").write_text(
        "import neuralfields as nf, torch\n"
        "class Waves(nf.Field):\n"
        "    def __init__(self, in_dim, out_dim):\n"
        "        super().__init__()\n"
        "        self.in_dim, self.out_dim = in_dim, out_dim\n"
        "        self.mix = torch.nn.Parameter(torch.zeros(in_dim, out_dim))\n"
        "    def forward(self, x):\n"
        "        return torch.sin(x @ self.mix)\n"
    )
    monkeypatch.syspath_prepend(folder)
    kernel = ops.Kernel("triton", "neuralfields.ops.mlp.reference:reference", 2, lambda *a: None)
    monkeypatch.setattr(ops, "ALL", (*ops.ALL, ops.Op("mine", lambda x: x, (kernel,))))
    status, _, err = nf("fit", "a.png", "--field", "plain:Waves", "--backend", "triton")
    assert (status, err) == (2, "nf fit: triton has no part in this fit: adam by cpu\n")
    assert not Path("runs").exists()
