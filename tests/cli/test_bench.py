"""``nf bench`` from end to end, on tiny work; what it measures is nobody's business here."""

import json
import signal
import time
from pathlib import Path

import pytest
from nf_helpers import running, wait_for

from neuralfields.bench import kernels, quality


def test_kernels(nf):
    words = ["bench", "kernels", "--quick", "--threads", 1, "--only", "mlp-16", "lazy", "--out", "k.json"]
    status, out, err = nf(*words)
    assert status == 0 and "mlp-16-64-3-backward" in out and "ceilings: " in out
    assert err.splitlines()[0] == "ceilings of 1 thread" and err.splitlines()[-1] == "3/3 lazy_adam-4m-rows"
    report = json.loads(Path("k.json").read_text())
    assert report["command"] == "nf bench kernels --quick --threads 1 --only mlp-16 lazy"
    assert report["results"]["threads"] == 1 and report["results"]["ceilings"]["mm"] > 0
    names = [row["name"] for row in report["results"]["rows"]]
    assert names == ["mlp-16-64-3-forward", "mlp-16-64-3-backward", "lazy_adam-4m-rows"]


def test_names_and_json(nf):
    status, out, _ = nf("bench", "kernels", "--list")
    assert status == 0 and out.split() == list(kernels.NAMES)
    status, out, _ = nf("bench", "kernels", "--quick", "--only", "adam-4m", "--json")
    assert status == 0 and len(json.loads(out)["results"]["rows"]) == 2


def test_fit(nf, monkeypatch):
    monkeypatch.setattr(quality, "measured", quality.fit)  # in this process, which saves the time of starting others
    status, out, err = nf("bench", "fit", "a.png", "--until-psnr", 15, "--threads", 1, "--out", "q.json")
    assert status == 0 and "eager seconds" in out and "a.png" in out
    assert err.splitlines() == ["1/2 a.png to 15 dB, seed 0, ours", "2/2 a.png to 15 dB, seed 0, eager"]
    rows = json.loads(Path("q.json").read_text())["results"]
    assert [(row["image"], row["backend"], row["reached"]) for row in rows] == [
        ("a.png", "ours", True),
        ("a.png", "eager", True),
    ]


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
        ("nope", "no benchmark 'nope'; there are kernels and fit"),
        ("kernel", "did you mean kernels?"),
        ("kernels --only nope", "no benchmark has 'nope' in its name: nf bench kernels --list prints them"),
        ("kernels --threads 0", "--threads is 1 to 1024, got 0"),
        ("kernels --out nowhere/k.json", "there is no folder nowhere"),
        ("kernels --out k.txt", "--out is a .json, not k.txt"),
        ("kernels --fast", "no option --fast"),
        ("fit", "IMAGE"),
        ("fit missing.png", "there is no file missing.png"),
        ("fit a.png --seeds 0", "--seeds is above 0, got 0"),
        ("fit a.png --seconds nan", "--seconds is above 0, got nan"),
        ("fit a.png --until-psnr -3", "a PSNR is above 0 dB"),
        ("fit a.png --until-psnr nan", "a PSNR is above 0 dB"),
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
