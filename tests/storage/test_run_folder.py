"""Run folders: names, locks, and what a kill leaves behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from neuralfields.errors import FileFormatError, InputError
from neuralfields.storage import RunFolder, check_space
from neuralfields.storage import run_folder as module

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create("cat", {}, root=tmp_path / "runs")


def test_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [str(RunFolder.create("cat", {}).path) for _ in range(3)] == [
        os.path.join("runs", name) for name in ("cat", "cat-2", "cat-3")
    ]
    assert RunFolder.create("a/../../dog", {}).path == Path("runs/dog")
    assert RunFolder.create("", {}).path == Path("runs/run")
    out = Path("deep/er/out")
    assert RunFolder.create("cat", {}, out=out).path == out
    with pytest.raises(InputError, match="out exists; choose another --out, or continue it with --resume"):
        RunFolder.create("cat", {}, out=out)


def test_names_are_taken_once(tmp_path):
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(RunFolder.create("cat", {}, root=tmp_path / "a" / "b").path))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 12


def test_unwritable(tmp_path):
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "runs"):
        with pytest.raises(InputError, match=r"cannot make the folder .*(Not a directory|File exists)"):
            RunFolder.create("cat", {}, root=root)
    with pytest.raises(InputError, match="File name too long"):
        RunFolder.create("x" * 300, {}, root=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_open(tmp_path, folder):
    assert RunFolder.open(folder.path).path == folder.path
    with pytest.raises(InputError, match="none does not exist"):
        RunFolder.open(tmp_path / "none")
    with pytest.raises(InputError, match=r"is a folder without run\.json, not the folder of a fit"):
        RunFolder.open(tmp_path)
    with pytest.raises(InputError, match=r"run\.json is a file, not the folder of a fit"):
        RunFolder.open(folder.path / "run.json")


def test_appears_with_its_info(tmp_path, monkeypatch):
    """A kill leaves a folder that can be opened, or none."""
    assert RunFolder.create("cat", {"status": "running"}, root=tmp_path).read_info() == {"status": "running"}
    with pytest.raises(InputError, match="not made of JSON values"):
        RunFolder.create("dog", {"a": object()}, root=tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot make the folder .*dog: No space left on device"):
        RunFolder.create("dog", {}, root=tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["cat"]


def test_info(folder):
    (folder.path / "run.json").unlink()
    with pytest.raises(InputError, match="No such file"):
        folder.read_info()
    folder.update_info(command=["nf", "fit"], path="é")
    folder.update_info(psnr=float("nan"), steps=3, sizes=(1, 2), nested={"best": float("inf")})
    assert folder.read_info() == {
        "command": ["nf", "fit"], "path": "é", "psnr": None, "steps": 3, "sizes": [1, 2], "nested": {"best": None},
    }  # fmt: skip
    assert '\n  "path": "é"' in (folder.path / "run.json").read_text("utf-8")
    with pytest.raises(InputError, match="not made of JSON values"):
        folder.write_info({"a": object()})
    for damage, message in ((b'{"a": ', "is damaged"), (b"[]", "holds a list"), (b"\xff", "is damaged")):
        (folder.path / "run.json").write_bytes(damage)
        with pytest.raises(FileFormatError, match=message):
            folder.read_info()


def test_metrics(folder):
    assert folder.read_metrics() == []
    for step in range(3):
        folder.append_metrics({"step": step, "loss": float("inf")})
    whole = folder.read_metrics()
    assert whole == [{"step": step, "loss": None} for step in range(3)]
    path = folder.path / "metrics.jsonl"
    data = path.read_bytes()
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        count = data[:cut].count(b"\n")
        assert folder.read_metrics() == whole[:count]
        folder.append_metrics({"step": 9})
        assert folder.read_metrics() == [*whole[:count], {"step": 9}]
    path.write_bytes(whole_lines(3))
    folder.rewind_metrics(1)
    assert folder.read_metrics() == [{"step": 0}, {"step": 1}]
    folder.rewind_metrics(-1)
    assert folder.read_metrics() == []
    path.write_bytes(b'{"a": 1}\n{"a\n{"a": 2}\n')
    with pytest.raises(FileFormatError, match="damaged in line 2"):
        folder.read_metrics()


def whole_lines(count: int) -> bytes:
    return b"".join(b'{"step": %d}\n' % step for step in range(count))


def test_paths(folder):
    assert folder.field_path == folder.path / "field.nf"
    assert folder.checkpoint_path == folder.path / "checkpoint.safetensors"
    assert folder.preview_path("0010.png") == folder.path / "previews" / "0010.png"
    assert (folder.path / "previews").is_dir()
    with pytest.raises(InputError, match="a preview has a plain file name"):
        folder.preview_path("../escape.png")


def test_discard(tmp_path):
    first = RunFolder.create("cat", {}, root=tmp_path / "a" / "runs")
    second = RunFolder.create("cat", {}, root=tmp_path / "a" / "runs")
    with first.lock():
        first.discard()
    assert not first.path.exists()
    assert second.path.exists()
    second.discard()
    assert (tmp_path / "a" / "runs").exists()  # it was made for the first, and not empty when that went
    alone = RunFolder.create("cat", {}, root=tmp_path / "b" / "runs")
    alone.preview_path("x.png").write_bytes(b"")
    alone.discard()
    alone.discard()
    assert not (tmp_path / "b").exists()
    kept = RunFolder.create("cat", {}, root=tmp_path)
    RunFolder.open(kept.path).discard()
    assert kept.path.exists()


def test_clean_temporaries(folder):
    folder.preview_path("last.png").write_bytes(b"")
    left = [".field-0123abcd.tmp.nf", ".run-00000000.tmp.json", "previews/.last-ffffffff.tmp.png", ".x-12345678.tmp"]
    for name in left:
        (folder.path / name).write_bytes(b"")
    (folder.path / ".mine.tmp").write_bytes(b"")
    folder.clean_temporaries()
    names = {str(path.relative_to(folder.path)) for path in folder.path.rglob("*")}
    assert names == {"run.json", "previews", os.path.join("previews", "last.png"), ".mine.tmp"}


def test_lock_between_processes(folder):
    code = (
        "import sys, time; from pathlib import Path; from neuralfields.storage import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).lock(): print('locked', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(folder.path)], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"locked"
        busy = f"is in use by process {holder.pid}; wait for it, or choose another --out"
        with pytest.raises(InputError, match=busy), folder.lock():
            pass
    finally:
        holder.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        holder.communicate()
    with folder.lock():  # the system has released it
        assert (folder.path / "lock").exists()
        with pytest.raises(InputError, match=f"process {os.getpid()}"), folder.lock():
            pass
        assert (folder.path / "lock").read_text() == str(os.getpid())
    assert not (folder.path / "lock").exists()


def test_lock_excludes(folder):
    """Many take and leave the lock; its file comes and goes, yet never two hold it."""
    inside, held, overlaps = [0], [0], [0]

    def work() -> None:
        for _ in range(150):
            try:
                with folder.lock():
                    inside[0] += 1
                    overlaps[0] += inside[0] > 1
                    held[0] += 1
                    time.sleep(0.001)  # lets the others in, if the lock does
                    inside[0] -= 1
            except InputError:
                pass

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert held[0] > 0
    assert overlaps[0] == 0
    assert not (folder.path / "lock").exists()


def test_lock_ends_with_an_error(folder):
    with pytest.raises(KeyError), folder.lock():
        raise KeyError
    with folder.lock():
        pass


def test_check_space(tmp_path, monkeypatch):
    check_space(tmp_path / "not" / "yet" / "there", 1)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: SimpleNamespace(free=3_900_000))
    with pytest.raises(InputError, match=f"needs about 120 MB in {tmp_path}, 3 MB are free"):
        check_space(tmp_path / "not" / "yet" / "there", 119_200_000)


def test_run_json_survives_a_failed_write(folder, monkeypatch):
    folder.write_info({"a": 1})
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match=r"cannot write .*run\.json: No space left on device"):
        folder.update_info(b=2)
    assert json.loads((folder.path / "run.json").read_text()) == {"a": 1}
    assert [path.name for path in folder.path.iterdir()] == ["run.json"]
