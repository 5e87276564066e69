"""The command from end to end."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from nf_helpers import command, contents, pattern

from neuralfields import ops
from neuralfields.files.images import read_image, write_image
from neuralfields.ops import native
from neuralfields.recipes import METHODS
from neuralfields.signals import synthetic

_KEYS = {
    "version", "signal", "field", "settings", "seed", "steps", "fit_seconds", "samples_per_second", "parameters",
    "bytes", "device", "threads", "kernels", "metrics", "status",
}  # fmt: skip


def test_round_trip(nf, folder):
    status, out, err = nf("fit", "--steps", 300, "a.png", "--quiet", "--seed", 3, "--threads", 1)
    assert (status, err) == (0, "")
    assert out.startswith("runs/a: ") and "next: nf export runs/a a-2x.png --size 128x96" in out
    assert {path.name for path in Path("runs/a").iterdir()} == {"run.json", "field.nf", "metrics.jsonl", "previews"}

    info = json.loads(Path("runs/a/run.json").read_text())
    assert set(info) >= _KEYS
    assert {"kind", "path", "shape", "sha256"} <= set(info["signal"])
    assert info["signal"]["path"] == str(folder / "a.png") and info["signal"]["shape"] == [48, 64, 3]
    assert set(info["field"]) == {"spec"} and {"psnr", "ssim"} <= set(info["metrics"])
    assert (info["steps"], info["seed"], info["threads"], info["status"]) == (300, 3, 1, "done")
    assert info["bytes"] == Path("runs/a/field.nf").stat().st_size
    assert info["metrics"]["psnr"] > 35

    status, out, _ = nf("eval", "--json", "runs/a")
    measured = json.loads(out)
    assert status == 0 and measured["psnr"] == pytest.approx(info["metrics"]["psnr"], abs=1e-3)
    assert json.loads(Path("runs/a/run.json").read_text()).keys() == info.keys()

    status, out, _ = nf("export", "runs/a", "--size", "64x48", "out.png")
    assert (status, out) == (0, f"out.png: 64x48, 3 channels, {Path('out.png').stat().st_size / 1e6:.2f} MB\n")
    error = read_image("out.png").values.astype(float) - read_image("a.png").values
    assert np.sqrt(np.mean(error**2)) < 8

    np.save("points.npy", np.array([[-0.5, 0.25], [np.nan, 0.0]]))
    status, out, _ = nf("query", "--gradient", "runs/a", "points.npy")
    heading, first, second = out.splitlines()
    assert status == 0 and heading.startswith("red,green,blue,dred/dx0")
    assert np.allclose([float(n) for n in first.split(",")[:2]], [0.25, 0.625], atol=0.05)
    assert second.split(",")[:3] == ["nan"] * 3


def test_every_export(nf, run):
    for suffix, bits in [(".png", 16), (".tif", 32), (".exr", 32), (".npy", 32), (".jpg", 8)]:
        status, _, err = nf("export", run, f"out{suffix}", "--bits", bits, "--crop", "10,5,42,21", "--size", "96x48")
        assert (status, err) == (0, "")
        assert read_image(f"out{suffix}").values.shape == (48, 96, 3)


def test_query_in_the_units_of_the_picture(nf, run):
    np.save("box.npy", np.array([[-0.5, 0.0]]))
    Path("pixels.csv").write_text("16,24\n")
    assert nf("query", run, "box.npy", "--out", "box.csv").status == 0
    assert nf("query", run, "pixels.csv", "--world", "--out", "pixels.npy").status == 0
    assert np.allclose(np.loadtxt("box.csv", delimiter=",", skiprows=1), np.load("pixels.npy"))


def test_several_files(nf, folder):
    for name in ("b c.png", "ü ñ.png"):
        shutil.copy("a.png", name)
    status, out, err = nf("fit", "a.png", "b c.png", "--steps", 3, "ü ñ.png", "--json", "a.png")
    assert (status, err) == (0, "")
    paths = [json.loads(line)["signal"]["path"] for line in out.splitlines()]
    assert paths == [str(folder / name) for name in ("a.png", "b c.png", "ü ñ.png", "a.png")]
    assert {path.name for path in Path("runs").iterdir()} == {"a", "a-2", "b c", "ü ñ"}

    Path("text.png").write_text("text")
    status, out, err = nf("fit", "text.png", "a.png", "--steps", 3, "--quiet")
    assert status == 2 and err.startswith("nf fit: ") and "text.png" in err and out.startswith("runs/a-3: ")


def test_names_that_are_odd(nf, folder):
    source = Path("a.png").read_bytes()
    for name in (b"bad\xff.png", b"two\nlines.png", b"-dash.png", b"image"):
        (folder / name.decode(errors="surrogateescape")).write_bytes(source)
    status, out, _ = nf(
        "fit", "image", "--steps", 3, "--quiet", "--", "image", "-dash.png", "bad\udcff.png", "two\nlines.png"
    )
    assert status == 0
    assert "nf eval 'runs/two\nlines'" in out
    status, _, err = nf("eval", "runs/bad_", "runs/-dash", "runs/image", "runs/two\nlines")
    assert (status, err) == (0, "")


def test_from_another_folder(nf, folder, monkeypatch):
    assert nf("fit", "a.png", "--steps", 3, "--out", "deep/er/run").status == 0
    monkeypatch.chdir("deep")
    assert nf("eval", "er/run").status == 0
    assert nf("eval", "er/run/field.nf", "--signal", "../a.png").status == 0
    (folder / "a.png").rename("moved.png")
    status, _, err = nf("eval", "er/run")
    assert status == 2 and "--signal" in err
    assert nf("eval", "er/run", "--signal", "moved.png").status == 0


def test_export_does_not_overwrite_the_source(nf, folder):
    assert nf("fit", "a.png", "--steps", 3).status == 0
    before = contents(folder)
    for run in ("runs/a", "runs/a/field.nf"):
        status, _, err = nf("export", run, "./a.png")
        assert status == 2 and "choose another name" in err
    assert contents(folder) == before


def test_query_does_not_overwrite_what_it_reads(nf, folder):
    np.save("a.npy", pattern())
    np.save("points.npy", np.zeros((2, 2)))
    assert nf("fit", "a.npy", "--steps", 3).status == 0
    before = contents(folder)
    for run in ("runs/a", "runs/a/field.nf"):
        for out in ("./points.npy", "./a.npy"):
            status, _, err = nf("query", run, "points.npy", "--out", out)
            assert status == 2 and f"--out {Path(out)}" in err and "choose another name" in err
    assert contents(folder) == before


def test_json_of_what_is_not_finite(nf, folder):
    """A black picture has no relative error, and JSON no infinity."""
    write_image(Path("black.png"), np.zeros((8, 8, 3), np.float32))

    def refuse(name: str) -> None:
        raise AssertionError(name)

    fitted, measured = (
        json.loads(nf(*words, "--json").out, parse_constant=refuse)
        for words in (["fit", "black.png", "--steps", 3], ["eval", "runs/black"])
    )
    assert fitted["metrics"]["relative_l2"] is None and measured["relative_l2"] is None


def test_demo(nf, folder):
    for name in ("astronaut", "astronaut-2"):  # the second one meets what the first one has made
        status, out, err = nf("demo", "--seconds", 0.3)
        assert status == 0, err
        assert out.startswith(f"runs/{name}: ") and f"{name}-face.png: 1024x1024" in out
        assert Path(f"runs/{name}/field.nf").exists()
        assert read_image(f"{name}-face.png").values.shape == (1024, 1024, 3)


def test_demo_of_a_scene(nf, folder):
    synthetic.write("objects", views=6, held_out=2, size=24, samples=1)  # found, so not made again
    status, out, err = nf("demo", "scene", "--seconds", 0.3)
    assert status == 0, err
    assert out.startswith("runs/objects: ") and "objects-beside-truth.png: " in out and "normals by " in out
    assert "rendering" not in err and Path("runs/objects/field.nf").exists()
    assert read_image("objects-beside-truth.png").values.shape == (6 * 100, 4 * 100, 3)
    assert "photo" in nf("demo", "film").err
    Path("objects/test/r_001.png").unlink()
    status, _, err = nf("demo", "scene", "--seconds", 0.3)
    assert status == 2 and "objects is here already and not, or not all of, the demo's scene" in err
    assert not Path("runs/objects-2").exists()


def test_target(nf, folder):
    status, out, _ = nf("fit", "a.png", "--until-psnr", 20, "--steps", 500, "--json")
    info = json.loads(out)
    assert (status, info["status"]) == (0, "done") and info["metrics"]["psnr"] >= 20 and info["steps"] < 500
    status, out, _ = nf("fit", "a.png", "--until-psnr", 90, "--steps", 5)
    assert status == 0 and "short of 90 dB" in out
    assert json.loads(Path("runs/a-2/run.json").read_text())["status"] == "target missed"


def test_holdout(nf, folder):
    status, out, _ = nf("fit", "a.png", "--holdout", 0.25, "--steps", 200)
    assert status == 0 and "held-out" in out
    status, out, _ = nf("eval", "runs/a", "--holdout", "--json")
    values = json.loads(out)
    assert status == 0 and 10 < values["psnr_holdout"] < values["psnr"]


@pytest.mark.parametrize(
    "words", [["--field", "siren"], ["--field", "fourier"], ["--recipe", "compact"], ["--ema", "0.9"]]
)
def test_other_recipes(nf, folder, words):
    words = [*words, "--lr", 1e-3, "--batch", 500]
    status, out, _ = nf("fit", "a.png", *words, "--steps", 5, "--json")
    recipe = json.loads(out)["settings"]["recipe"]
    assert status == 0 and recipe["batch"] == 500
    # The rate is the network's own: a SIREN's class asks for half of the optimizer's.
    assert recipe["optimizer"]["lr"] == (2e-3 if "siren" in words else 1e-3)


@pytest.mark.parametrize("target", [[], ["--until-psnr", 90]])
def test_progress_without_the_batches_psnr(nf, folder, monkeypatch, target):
    """Samples that were chosen by their error tell nothing about the whole; the line says the loss."""
    monkeypatch.setattr("neuralfields.cli.progress._LOG_SECONDS", -1.0)
    status, _, err = nf("fit", "a.png", "--sampler", "teaching", "--steps", 3, *target)
    assert status == 0 and "loss " in err and ("until 90 dB" in err) == bool(target)


def test_size_and_sampler(nf, folder):
    words = ["--field", "siren", "--params", "20k", "--sampler", "teaching", "--steps", 5, "--json"]
    status, out, _ = nf("fit", "a.png", *words)
    info = json.loads(out)
    assert status == 0 and info["parameters"] == pytest.approx(20_000, rel=0.05)
    recipe = info["settings"]["recipe"]
    assert recipe["sampler"]["name"] == "teaching"
    assert recipe["sampler"]["pool"] * recipe["sampler"]["start"] == pytest.approx(recipe["batch"], rel=1e-3)


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (3, 3), (1, 500), (11, 11)])
@pytest.mark.parametrize("holdout", [0, 0.4])
def test_tiny_pictures(nf, folder, shape, holdout):
    write_image(Path("tiny.png"), pattern(*shape))
    status, _, err = nf("fit", "tiny.png", "--steps", 5, "--quiet", "--holdout", holdout)
    assert (status, err) == (0, "")
    assert nf("eval", "runs/tiny").status == nf("export", "runs/tiny", "out.png").status == 0


def test_real_photo(nf, data):
    photo = data / "images" / "skimage" / "camera.png"
    status, out, _ = nf("fit", photo, "--steps", 20, "--json")
    assert status == 0 and json.loads(out)["signal"]["shape"] == [512, 512, 1]


def test_field_of_a_third_party(nf, folder, monkeypatch):
    package = folder / "lib" / "mine"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "nets.py").write_text(
        "import torch, neuralfields as nf\n"
        "class Linear(nf.Field):\n"
        "    def __init__(self, in_dim: int, out_dim: int):\n"
        "        super().__init__()\n"
        "        self.in_dim, self.out_dim = in_dim, out_dim\n"
        "        self.layer = torch.nn.Linear(in_dim, out_dim)\n"
        "    def forward(self, x):\n"
        "        return self.layer(x)\n"
    )
    words = command("fit", "a.png", "--field", "mine.nets:Linear", "--steps", 5, "--threads", 1)
    monkeypatch.setenv("PYTHONPATH", str(folder / "lib"))
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "nf eval runs/a --trust mine" in result.stdout

    status, _, err = nf("eval", "runs/a")
    assert status == 2 and err.count("\n") == 1 and "--trust mine" in err
    monkeypatch.syspath_prepend(folder / "lib")
    assert nf("eval", "runs/a", "--trust", "mine").status == 0
    status, _, err = nf("fit", "a.png", "--field", "mine.nets:Nope")
    assert status == 2 and "PYTHONPATH" in err and err.count("\n") == 1


def test_doctor_methods_and_help(nf):
    status, out, _ = nf("doctor")
    assert status == 0 and "grid_encode" in out and "torch" in out
    report = json.loads(nf("doctor", "--json").out)
    assert set(report) == {"machine", "kernels", "versions"}
    assert set(report["kernels"]) == {op.name for op in ops.ALL}
    first = "cpu (first choice)" if native.reason() is None else "reference (cpu needs the native core, which "
    assert all(text.startswith(first) for text in report["kernels"].values()), report["kernels"]
    status, out, _ = nf("methods")
    assert status == 0 and "siren" in out and "Sitzmann" in out and "`" not in out
    names = [row["name"] for row in json.loads(nf("methods", "--json").out)["--field"]]
    assert names == list(METHODS)
    status, out, _ = nf("methods", "SIREN")
    assert status == 0 and out.count("h' = sin(omega (W h + b))") == 2 and "Finer" not in out, out
    assert nf("methods", "siren", "--json").out.count('"name"') == 2
    assert nf("--version").out.startswith("neuralfields ")
    assert nf().status == 2 and nf("--help").status == 0


@pytest.mark.parametrize("setting", ["off", "nope"])
def test_doctor_without_a_core(nf, monkeypatch, setting):
    """What the operations do is told once each, why there is no core once at all, and what cannot be is an error."""
    monkeypatch.setenv("NEURALFIELDS_NATIVE", setting)
    monkeypatch.setattr(native._State, "found", None)
    status, out, err = nf("doctor")
    assert out.count(f"NEURALFIELDS_NATIVE={setting}") == 1 and "a whole training step" in out and "versions:" in out
    assert (status, err) == (0, "") if setting == "off" else status == 2 and "there is no such build" in err


@pytest.mark.skipif(native.reason() is not None, reason="no native core")
def test_doctor_with_a_core(nf):
    assert set(json.loads(nf("doctor", "--json").out)["kernels"].values()) == {"cpu (first choice)"}
    assert "first choice" not in nf("doctor").out


def test_parsing_loads_no_torch(folder):
    code = (
        "import sys; from neuralfields.cli import COMMANDS, main\n"
        "statuses = [main([name, '--help']) for name in COMMANDS] + [main(['--help'])]\n"
        "bad = [main(words) for words in (['fit', 'a.png', '--stps'], ['fit', 'b.png'], ['fit'], ['fti'], ['eval'])]\n"
        "assert set(statuses) == {0} and set(bad) == {2} and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "neuralfields", "--help"], check=True, capture_output=True)


def test_output_that_goes_nowhere(folder):
    """A closed pipe or a full disk behind stdout costs the report, not the fit, and gives no traceback."""
    words = command("fit", "a.png", "--steps", 3, "--threads", 1)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 1 and "Traceback" not in err and "Exception" not in err
    assert json.loads(Path("runs/a/run.json").read_text())["status"] == "done"
    if Path("/dev/full").exists():
        with open("/dev/full", "w") as full:
            result = subprocess.run(command("--help"), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert result.returncode == 2 and result.stderr == "nf: cannot write the output: No space left on device\n"
