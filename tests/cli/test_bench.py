"""``nf bench`` from end to end, on tiny work; what it measures is nobody's business here."""

import json
import signal
import time
from pathlib import Path

import pytest
from nf_helpers import pattern, running, wait_for

from neuralfields.bench import ceilings, kernels, quality
from neuralfields.bench.ceilings import Ceilings
from neuralfields.files.images import write_image
from neuralfields.ops import native


def test_kernels(nf):
    words = ["bench", "kernels", "--quick", "--threads", 1, "--only", "mlp-16", "lazy", "--out", "k.json"]
    status, out, err = nf(*words)
    assert status == 0 and "mlp-16-64-3-backward" in out and "ceilings: " in out
    assert out.startswith("quick: tiny sizes of 1024 points") and not any(
        line != line.rstrip() for line in out.split("\n")
    )
    assert err.splitlines()[0] == "ceilings of 1 thread" and err.splitlines()[-1] == "3/3 lazy_adam-4m-rows"
    report = json.loads(Path("k.json").read_text())
    assert report["command"] == "nf bench kernels --quick --threads 1 --only mlp-16 lazy"
    assert report["results"]["threads"] == 1 and report["results"]["ceilings"]["mm"] > 0
    names = [row["name"] for row in report["results"]["rows"]]
    assert names == ["mlp-16-64-3-forward", "mlp-16-64-3-backward", "lazy_adam-4m-rows"]


def test_names_and_json(nf):
    status, out, _ = nf("bench", "kernels", "--list")
    assert status == 0 and out.split() == list(kernels.NAMES)
    assert json.loads(nf("bench", "kernels", "--list", "--json").out) == list(kernels.NAMES)
    status, out, _ = nf("bench", "kernels", "--quick", "--only", "adam-4m-rows", "--json")
    assert status == 0 and [row["name"] for row in json.loads(out)["results"]["rows"]] == ["adam-4m-rows"]


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_interrupted_kernels_keep_what_was_measured(nf, monkeypatch, rows):
    """Ctrl-C in the first case, and while the ceilings are measured again after one."""
    made = []

    def measure(*arguments, **options):
        made.append(arguments)
        if len(made) == rows + 1 > 1:
            raise KeyboardInterrupt
        return Ceilings(1e9, refusal="none here")

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(ceilings, "measure", measure)
    if not rows:
        monkeypatch.setattr(kernels, "op_row", interrupted)
    status, out, err = nf("bench", "kernels", "--quick", "--only", "adam-4m", "mlp-16", "--out", "k.json")
    assert status == 130 and err.splitlines()[-1] == "nf bench: interrupted" and "Traceback" not in err
    assert ("eager ms" in out) == bool(rows) and "ceilings: torch.mm 1 GFLOP/s" in out
    found = json.loads(Path("k.json").read_text())["results"]["rows"]
    assert len(found) == rows and all("fraction" in row for row in found)


def test_fit(nf, monkeypatch):
    monkeypatch.setattr(quality, "measured", quality.fit)  # in this process, which saves the time of starting others
    monkeypatch.setattr(quality, "missing_core", lambda: None)
    status, out, err = nf("bench", "fit", "a.png", "--until-psnr", 15, 15, "--threads", 1, "--out", "q.json")
    assert status == 0 and "eager seconds" in out and "a.png" in out
    assert err.splitlines() == ["1/2 a.png to 15 dB, seed 0, ours", "2/2 a.png to 15 dB, seed 0, eager"]
    rows = json.loads(Path("q.json").read_text())["results"]
    assert [(row["image"], row["backend"], row["reached"]) for row in rows] == [
        ("a.png", "ours", True),
        ("a.png", "eager", True),
    ]


def test_without_a_core_ours_is_the_reference(nf, monkeypatch):
    monkeypatch.setenv("NEURALFIELDS_NATIVE", "off")
    status, out, err = nf("bench", "fit", "a.png", "--until-psnr", 150, "--seconds", 0.1, "--threads", 1)
    assert status == 0 and "reference seconds" in out and "eager" not in out and "not reached" in out
    assert err.splitlines()[0].startswith(
        "there is no native core: it is switched off by NEURALFIELDS_NATIVE=off; ours"
    )
    assert err.splitlines()[1:] == ["1/1 a.png to 150 dB, seed 0, ours"]


@pytest.mark.parametrize("words", ["kernels --quick --only mlp-16", "fit a.png"])
def test_a_core_that_cannot_be_is_refused_first(nf, monkeypatch, words):
    monkeypatch.setenv("NEURALFIELDS_NATIVE", "nope")
    monkeypatch.setattr(native._State, "found", None)
    status, out, err = nf("bench", *words.split())
    assert (status, out) == (2, "") and err.startswith("nf bench: NEURALFIELDS_NATIVE=nope") and err.count("\n") == 1


def test_linear_light_has_no_psnr(nf, monkeypatch):
    write_image(Path("a.exr"), pattern())
    monkeypatch.setattr(quality, "measured", quality.fit)
    monkeypatch.setattr(quality, "missing_core", lambda: None)
    status, out, err = nf("bench", "fit", "a.exr")
    assert (status, out) == (2, "") and err.endswith("needs values in [0, 1], a.exr is linear light\n")


def only_child(parent: int) -> int | None:
    """The process that another one has begun, where the system tells."""
    known = Path(f"/proc/{parent}/task/{parent}/children")
    if not known.exists():
        return None
    end = time.monotonic() + 60
    while not (words := known.read_text().split()):
        assert time.monotonic() < end, "no second fit was begun"
        time.sleep(0.005)
    return int(words[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_fits_keep_what_was_measured(folder, number):
    words = ["bench", "fit", "a.png", "--until-psnr", 15, 150, "--no-eager", "--out", "q.json", "--threads", 1]
    with running(*words) as process:
        wait_for(Path("q.json"), process)
        child = only_child(process.pid)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert not child or not Path(f"/proc/{child}").exists()
    assert process.returncode == 130 and "a.png" in out
    assert err.splitlines()[-1] == "nf bench: interrupted"
    assert [row["psnr"] for row in json.loads(Path("q.json").read_text())["results"]] == [15]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("nope", "no benchmark 'nope'; there are kernels, fit, methods, spectrum"),
        ("kernel", "did you mean kernels?"),
        ("kernels --only nope", "no benchmark has 'nope' in its name: nf bench kernels --list prints them"),
        ("kernels --threads 0", "--threads is between 1 and 1024, got 0"),
        ("kernels --out nowhere/k.json", "there is no folder nowhere"),
        ("kernels --out k.txt", "--out is a .json, not k.txt"),
        ("kernels --fast", "no option --fast"),
        ("fit", "IMAGE"),
        ("fit missing.png", "there is no file missing.png"),
        ("fit a.png --seeds 0", "--seeds is above 0, got 0"),
        ("fit a.png --seconds nan", "--seconds is above 0, got nan"),
        ("fit a.png --until-psnr -3", "--until-psnr is a PSNR in dB above 0, got -3.0"),
        ("fit a.png --until-psnr nan", "--until-psnr is a PSNR in dB above 0, got nan"),
    ],
)
def test_bad_input(nf, words, text):
    status, out, err = nf("bench", *words.split())
    assert (status, out) == (2, "") and err.startswith("nf bench: ") and text in err and err.count("\n") == 1


def test_a_damaged_image(nf):
    Path("b.png").write_text("text")
    status, out, err = nf("bench", "fit", "b.png", "--no-eager")
    assert (status, out) == (2, "") and err.splitlines()[-1].startswith("nf bench: cannot read b.png")


def test_help(nf):
    assert nf("bench", "--help").status == 0
    assert nf("bench").status == 2
    status, out, _ = nf("bench", "fit", "--help")
    assert status == 0 and "--until-psnr" in out
