"""Bad input: exit status 2, one line that repeats what was given and says what would work, nothing left behind."""

import os
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import torch
from nf_helpers import contents, pattern, running, wait_for
from safetensors.torch import save_file

import neuralfields
from neuralfields import runs
from neuralfields.files.images import write_image
from neuralfields.storage import RunFolder, load_checkpoint, read_header, sealed


def refused(nf: Callable, folder: Path, words: list[object], *fragments: str) -> None:
    before = contents(folder)
    status, out, err = nf(*words)
    assert (status, out) == (2, ""), (out, err)
    assert err.count("\n") == 1 and err.startswith("nf"), err
    assert "Traceback" not in err
    for fragment in fragments:
        assert fragment in err
    assert contents(folder) == before


def png(width: int, height: int) -> bytes:
    """A small file that promises this many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def cut(name: str) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        write_image(path.with_name(name), pattern())
        path.write_bytes(path.with_name(name).read_bytes()[:-700])

    return make


def exr(value: float) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        values = np.ones((4, 5, 3), np.float32)
        values[2, 3, 1] = value
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        OpenEXR.File(header, {"RGB": values}).write(str(path))

    return make


def picture(width: int, height: int) -> Callable[[Path], object]:
    return lambda path: write_image(path, pattern(width, height))


def data(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


PICTURES = {
    "empty": ("x.png", data(b""), "it is empty"),
    "text": ("x.png", data(b"hello"), "it is no picture, it begins with b'hello'"),
    "unknown": ("x.doc", data(b"hello"), "the name does not tell what it holds"),
    "truncated PNG": ("x.png", cut("a.png"), "truncated"),
    "truncated JPEG": ("x.jpg", cut("a.jpg"), "truncated"),
    "0x0 PNG": ("x.png", data(png(0, 0)), "0x0 pixels"),
    "0x0 NPY": ("x.npy", lambda path: np.save(path, np.zeros((0, 0, 3), np.float32)), "0x0 pixels"),
    "1x1": ("x.png", picture(1, 1), "a single pixel"),
    "NaN": ("x.exr", exr(np.nan), "1 of 20 pixels are not finite, the first at (x=3, y=2)"),
    "Inf": ("x.exr", exr(-np.inf), "not finite"),
    "bomb": ("x.png", data(png(60000, 60000)), "60000x60000 pixels"),
    "big bomb": ("x.png", data(png(2**31 - 1, 2**31 - 1)), "pixels"),
    "pipe": ("x.png", os.mkfifo, "not a picture file"),
    "folder": ("x.png", Path.mkdir, "is no scene of posed photos"),
    "broken link": ("x.png", lambda path: path.symlink_to("nothing"), "there is no file"),
}


@pytest.mark.parametrize("case", PICTURES)
def test_pictures(nf, folder, case):
    name, make, fragment = PICTURES[case]
    make(folder / name)
    refused(nf, folder, ["fit", name], name, fragment)


FIT = {
    "missing": (["x.png"], "there is no file x.png"),
    "mistyped": (["aa.png"], "did you mean a.png?"),
    "in a missing folder": (["nowhere/a.png"], "nor a folder nowhere"),
    "one of two missing": (["a.png", "x.png"], "there is no file x.png"),
    "nothing": ([], "nf fit photo.png"),
    "only a kind": (["image"], "nf fit photo.png"),
    "field": (["a.png", "--field", "sirn"], "'sirn'", "nf methods lists", "did you mean siren?"),
    "field as recipe": (["a.png", "--recipe", "siren"], "it is a field: --field siren"),
    "params": (["a.png", "--params", "many"], "a number such as 200000, 200k or 1.5M, got 'many'"),
    "no params": (["a.png", "--params", "0"], "--params is a number of parameters from 1 to 100M, got 0"),
    "too many params": (["a.png", "--params", "2000M"], "from 1 to 100M, got 2000000000"),
    "params of a recipe": (
        ["a.png", "--recipe", "compact", "--params", "9k"],
        "--params sets the size of a field by name",
    ),
    "sampler": (["a.png", "--sampler", "int"], "--sampler is one of teaching, loss, got 'int'"),
    "recipe": (["a.png", "--recipe", "comp"], "'comp'", "image, compact", "did you mean compact?"),
    "module": (["a.png", "--field", "no.such:Thing"], "No module named 'no'", "PYTHONPATH"),
    "no field class": (["a.png", "--field", "torch.nn:Linear"], "not a field class", "nf.Field"),
    "option": (["a.png", "--stps", "5"], "no option --stps; did you mean --steps?", "nf fit --help"),
    "option=": (["a.png", "--step=5"], "did you mean --steps?"),
    "no value": (["a.png", "--steps"], "--steps", "nf fit --help"),
    "no number": (["a.png", "--steps", "many"], "--steps", "'many'"),
    "recipe and field": (["a.png", "--recipe", "compact", "--field", "hash"], "either --recipe or --field"),
    "out of two": (["a.png", "a.png", "--out", "x"], "--out names one folder, but there are 2 files"),
    "resume and file": (["a.png", "--resume", "run"], "takes no a.png"),
    "resume and steps": (["--resume", "run", "--steps", "5"], "takes no --steps"),
    "resume of done": (["--resume", "run"], "run is finished (30 steps)"),
    "resume of nothing": (["--resume", "x"], "x does not exist"),
    "resume of a file": (["--resume", "a.png"], "a.png is a file, not the folder of a fit"),
    "fit of a run": (["run"], "nf fit --resume run"),
    "seed": (["a.png", "--seed", "-1"], "--seed", "got -1"),
    "large seed": (["a.png", "--seed", str(2**70)], "--seed"),
    "threads": (["a.png", "--threads", "0"], "--threads", "between 1 and 1024, got 0"),
    "steps": (["a.png", "--steps", "0"], "--steps", "from 1 on, got 0"),
    "seconds": (["a.png", "--seconds", "nan"], "--seconds", "above 0, got nan"),
    "endless": (["a.png", "--seconds", "inf"], "--seconds", "got inf"),
    "until": (["a.png", "--until-psnr", "-3"], "--until-psnr", "above 0, got -3"),
    "batch": (["a.png", "--batch", "0"], "--batch", "from 1 on, got 0"),
    "holdout": (["a.png", "--holdout", "1"], "--holdout", "below 1, got 1"),
    "small holdout": (["a.png", "--holdout", "1e-9"], "holdout 1e-09 of 3072 samples"),
    "ema": (["a.png", "--ema", "2"], "--ema", "below 1, got 2"),
    "lr": (["a.png", "--lr", "0"], "--lr", "above 0, got 0"),
    "device": (["a.png", "--device", "tpu"], "--device", "'tpu'", "'cpu'"),
    "out exists": (["a.png", "--out", "run"], "run exists", "another --out", "--resume"),
    "out under a file": (["a.png", "--out", "a.png/x"], "a.png/x: Not a directory"),
    "out in /proc": (["a.png", "--out", "/proc/x"], "/proc"),
    "out is no UTF-8": (["a.png", "--out", "\udcff"], "--out", "UTF-8"),
}


@pytest.mark.parametrize("case", FIT)
def test_fit(nf, folder, run, case):
    words, *fragments = FIT[case]
    refused(nf, folder, ["fit", *words], *fragments)


# All but what can be judged only by trying: the user's own classes, and folders.
NAMES = [name for name, (words, *_) in FIT.items() if words[1:] and words[1] not in ("--out", "--resume")]
NAMES = [name for name in NAMES if name not in ("module", "no field class", "small holdout")]


@pytest.mark.parametrize("case", NAMES)
def test_options_are_refused_before_anything_is_read(nf, folder, run, case, monkeypatch):
    monkeypatch.setattr("neuralfields.signals.read", lambda *words, **more: pytest.fail("the picture was read"))
    refused(nf, folder, ["fit", *FIT[case][0]])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda(nf, folder):
    refused(nf, folder, ["fit", "a.png", "--device", "cuda"], "--device cuda", "--device cpu works")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes. Error code 12"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB."),
    ],
)
def test_out_of_memory(nf, folder, run, monkeypatch, error):
    def fail(*words, **more):
        raise error

    monkeypatch.setattr("neuralfields.storage.export.export_image", fail)
    refused(nf, folder, ["export", "run", "o.png"], "nf export: there is not enough memory")


def test_other_errors_are_not_hidden(nf, folder, run, monkeypatch):
    def fail(*words, **more):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr("neuralfields.storage.export.export_image", fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        nf("export", "run", "o.png")


COMMANDS = {
    "command": (["fti"], "'fti'", "did you mean fit?", "fit, eval, export"),
    "word too many": (["doctor", "x"], "x"),
    "option of methods": (["methods", "--jsn"], "did you mean --json?"),
    "name of methods": (["methods", "Sirn"], "nf methods lists no Sirn; did you mean siren?"),
    "class of methods": (["methods", "positionalencodng"], "did you mean PositionalEncoding?"),
    "demo": (["demo", "--seconds", "-1"], "--seconds", "got -1"),
    "eval of nothing": (["eval"], "RUN"),
    "eval missing": (["eval", "x"], "x does not exist"),
    "eval of a picture": (["eval", "a.png"], "a.png is not a neuralfields field file"),
    "eval of a folder": (["eval", "empty"], "empty is a folder without run.json"),
    "eval without source": (["eval", "run/field.nf"], "--signal PATH"),
    "eval against another": (["eval", "run", "--signal", "grey.png"], "grey.png is not what run was fitted to"),
    "eval against grey": (["eval", "run/field.nf", "--signal", "grey.png"], "grey.png goes from 2 to 1 values"),
    "eval without holdout": (["eval", "run", "--holdout"], "nf fit --holdout 0.1"),
    "export to nothing": (["export", "run"], "OUT"),
    "export suffix": (["export", "run", "o.xyz"], "o.xyz", ".png"),
    "export reversed": (["export", "o.png", "run"], "cannot export to run", "nf export RUN OUT"),
    "export folder": (["export", "run", "no/o.png"], "there is no folder no"),
    "export 0x0": (["export", "run", "o.png", "--size", "0x0"], "'0x0'"),
    "export huge": (["export", "run", "o.png", "--size", "1000000x1000000"], "1000000x1000000"),
    "export size": (["export", "run", "o.png", "--size", "10"], "3072x2048"),
    "export crop": (["export", "run", "o.png", "--crop", "0,0,1000,10"], "1000", "0,0 to 64,48"),
    "export empty crop": (["export", "run", "o.png", "--crop", "9,9,5,5"], "0,0 to 64,48"),
    "export NaN crop": (["export", "run", "o.png", "--crop", "nan,0,5,5"], "0,0 to 64,48"),
    "export bits": (["export", "run", "o.png", "--bits", "32"], "8 or 16"),
    "query missing": (["query", "run", "x.npy"], "x.npy"),
    "query of 3-D": (["query", "run", "three.npy"], "three.npy holds float64 [4, 3]", "[n, 2]"),
    "query of a line": (["query", "run", "line.npy"], "[4]", "[n, 2]"),
    "query of objects": (["query", "run", "objects.npy"], "objects.npy"),
    "query of an archive": (["query", "run", "archive.npy"], "archive.npy", "archive"),
    "query of a bomb": (["query", "run", "bomb.npy"], "bomb.npy"),
    "query of nothing": (["query", "run", "empty.csv"], "empty.csv"),
    "query of words": (["query", "run", "words.csv"], "words.csv", "row 0", "heading"),
    "query of a picture": (["query", "run", "a.png"], "a.png"),
    "query to": (["query", "run", "three.npy", "--out", "o.txt"], "o.txt", ".npy or a .csv"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_other_commands(nf, folder, run, case):
    words, *fragments = COMMANDS[case]
    Path("empty").mkdir()
    write_image(Path("grey.png"), pattern()[..., :1])
    np.save("three.npy", np.zeros((4, 3)))
    np.save("line.npy", np.zeros(4))
    np.save("objects.npy", np.array([{}]), allow_pickle=True)
    with open("archive.npy", "wb") as file:
        np.savez(file, points=np.zeros((4, 2)))
    with open("bomb.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 2)})
    Path("empty.csv").touch()
    Path("words.csv").write_text("x,y\n0,0\n")
    refused(nf, folder, words, *fragments)


def field_file(path: Path, spec: object, values: torch.Tensor) -> None:
    header = {"format": 1, "spec": spec, "frame": None, "provenance": {}, "dtype": "float32"}
    sealed.write(path, "neuralfields", header, {"weight": values})


def spec(name: str, **arguments: object) -> dict[str, object]:
    return {"class": name, "arguments": arguments}


def huge_header(path: Path) -> None:
    text = b'{"x":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}'
    path.write_bytes(struct.pack("<Q", len(text)) + text)


def not_finite(path: Path) -> None:
    header = read_header(path)
    tensors = {name: t.clone() for name, t in neuralfields.load(path).state_dict().items()}
    next(iter(tensors.values())).view(-1)[5] = torch.nan
    sealed.write(path, "neuralfields", header, tensors)


GRID = spec("neuralfields.encodings:HashGrid", in_dim=2, levels=16, features=2, log2_size=40, base=16, finest=10**6)
FIELDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "damaged": (lambda path: path.write_bytes(path.read_bytes()[:-9] + bytes(9)), "damaged"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-100]), ""),
    "short": (lambda path: path.write_bytes(path.read_bytes()[:20]), "cut short"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "text": (lambda path: path.write_text("hello"), "is not a neuralfields field file"),
    "foreign": (lambda path: save_file({"x": torch.zeros(3)}, path), "not a neuralfields field file"),
    "pickle": (lambda path: torch.save({"x": 1}, path), "is not a neuralfields field file"),
    "huge header": (huge_header, ""),
    "long header": (lambda path: path.write_bytes(struct.pack("<Q", 2**62) + b"{" + bytes(99)), "cut short"),
    "huge field": (lambda path: field_file(path, GRID, torch.zeros(3)), "cannot be loaded"),
    "class": (lambda path: field_file(path, spec("os:system", command="touch x"), torch.zeros(3)), "--trust os"),
    "not finite": (not_finite, "NaN or Inf"),
}


@pytest.mark.parametrize("case", FIELDS)
@pytest.mark.parametrize("command", ["eval", "export", "query"])
@pytest.mark.parametrize("name", ["run", "run/field.nf"])
def test_field_files(nf, folder, run, case, command, name):
    make, fragment = FIELDS[case]
    make(run / "field.nf")
    np.save("points.npy", np.zeros((2, 2)))
    rest = {"eval": ["--signal", "a.png"], "export": ["o.png"], "query": ["points.npy"]}[command]
    refused(nf, folder, [command, name, *rest], "run/field.nf", fragment)


RUNS = {
    "no JSON": ("run.json", b"hello", "run.json is damaged"),
    "a list": ("run.json", b"[1]", "run.json is damaged"),
    "foreign JSON": ("run.json", b'{"status": "running"}', "run.json lacks what a resume needs"),
    "checkpoint": ("checkpoint.safetensors", b"hello", "checkpoint.safetensors is not a neuralfields checkpoint"),
}


@pytest.mark.parametrize("case", RUNS)
def test_damaged_runs(nf, folder, case):
    name, content, fragment = RUNS[case]
    runs.start("a.png", runs.Options(steps=5))
    (folder / "runs/a" / name).write_bytes(content)
    refused(nf, folder, ["fit", "--resume", "runs/a"], fragment)


def test_two_at_once(nf, folder):
    first = runs.start("a.png", runs.Options(steps=5))
    with first:
        next(first.steps())
        refused(nf, folder, ["fit", "--resume", "runs/a"], "runs/a is in use by process")
        first.interrupt()
    with runs.resume("runs/a"):
        refused(nf, folder, ["fit", "--resume", "runs/a"], "runs/a is in use by process")
        refused(nf, folder, ["fit", "a.png", "--out", "runs/a"], "runs/a exists")
    assert nf("fit", "--resume", "runs/a").status == 0


@pytest.fixture
def disk(folder: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a small disk as ``disk`` in the working folder."""
    place = folder / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        tool = shutil.which("mount")
        words = [tool or "false", "-t", "tmpfs", "-o", options, "none", place]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            pytest.skip("mounting a disk needs root on Linux")
        return place

    yield mount
    if os.path.ismount(place):
        subprocess.run(["umount", "-l", place], check=True)


def test_read_only_disk(nf, folder, run, disk):
    shutil.copytree(run, place := folder / "copy")
    mounted = disk("size=4m")
    shutil.copytree(place, mounted / "run")
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    refused(nf, folder, ["fit", "a.png", "--out", "disk/x"], "disk/x: Read-only file system")
    refused(nf, folder, ["export", "run", "disk/o.png"], "disk/o.png: Read-only file system")
    status, out, err = nf("eval", "disk/run")
    assert status == 2 and "psnr" in out and err == "nf eval: cannot lock disk/run: Read-only file system\n"


def test_disk_too_full_from_the_start(nf, folder, disk, run):
    disk("size=64k")
    refused(nf, folder, ["fit", "a.png", "--out", "disk/x"], "needs about", "disk, 0 MB are free")
    refused(nf, folder, ["export", "run", "disk/o.npy", "--size", "500x500"], "disk/o.npy: No space left on device")


def test_disk_fills_up_before_the_first_checkpoint(nf, folder, disk, monkeypatch):
    disk("size=3500k")
    monkeypatch.setattr("neuralfields.runs.run._LOST_SECONDS", 0.05)

    before = runs.Run.save

    def save(run: runs.Run) -> None:
        fill(folder / "disk/filler")
        before(run)

    monkeypatch.setattr(runs.Run, "save", save)
    status, out, err = nf("fit", "a.png", "--out", "disk/x", "--quiet")
    assert (status, out) == (2, "") and err.count("\n") == 1 and "No space left on device" in err
    assert os.listdir("disk") == ["filler"]


def test_disk_fills_up_during_the_fit(nf, folder, disk):
    disk("size=4m")
    checkpoint = folder / "disk/x/checkpoint.safetensors"
    soon = "import neuralfields.runs.run as run; run._LOST_SECONDS = 0.05"
    words = ["fit", "a.png", "--steps", 10000, "--threads", 1]
    with running(*words, "--out", "disk/x", "--quiet", code=soon) as process:
        wait_for(checkpoint, process)
        fill(folder / "disk/filler")
        out, err = process.communicate(timeout=100)
    assert (process.returncode, out) == (2, "")
    assert err.count("\n") == 1 and "No space left on device; go on with: nf fit --resume disk/x" in err
    assert load_checkpoint(checkpoint)[1]["step"] > 0
    RunFolder.open("disk/x").read_info()
    assert not [name for name in os.listdir("disk/x") if name.startswith(".") or name == "lock"]
    refused(nf, folder, ["fit", "--resume", "disk/x", "--quiet"], "No space left on device")

    (folder / "disk/filler").unlink()
    with running("fit", "--resume", "disk/x", code=soon) as process:
        assert "resumed at step" in process.stderr.readline()


def fill(path: Path) -> None:
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            pass
