"""Kill a fit with SIGKILL at moments uniform over it, and see that nothing breaks and that at most 5 seconds are lost.

python benchmarks/kill.py --runs 30 --seconds 60

Each fit is killed twice, at the smaller and the larger of two uniform moments, and then goes on to its end, where its
weights must be those of an undisturbed fit, bit for bit.
"""

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from machine import DATA, arguments, write

import neuralfields
from neuralfields.files.images import read_image
from neuralfields.storage import RunFolder, load_checkpoint

KILLS_PER_FIT = 2
ALLOWED_SECONDS = 5.0
WHOLE = {"run.json", "field.nf", "metrics.jsonl", "previews", "previews/latest.png"}


def main() -> int:
    parser = arguments(__doc__ or "", "kill.json")
    parser.add_argument("--runs", type=int, default=30, help="number of kills")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the undisturbed fit takes at least")
    parser.add_argument("--image", type=Path, default=DATA / "images" / "skimage" / "astronaut.png")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        truth = undisturbed(options.image, options.seconds, Path(place))
        begin = ["fit", str(options.image), "--steps", str(truth["steps"]), "--threads", "1"]
        kills: list[dict[str, Any]] = []
        ends: list[dict[str, Any]] = []
        while len(kills) < options.runs:
            path = Path(place) / f"run-{len(ends)}"
            count = min(KILLS_PER_FIT, options.runs - len(kills))
            shares = sorted(moments.random() for _ in range(count))
            for share in shares:
                words = [*begin, "--out", str(path)] if not path.exists() else ["fit", "--resume", str(path)]
                kill = killed(words, path, round(share * truth["steps"]), moments.random())
                if kill.pop("came_late"):
                    break
                kills.append({"fit": len(ends)} | kill)
                print(f"{len(kills)}/{options.runs}: {kills[-1]}", flush=True)
            ends.append(ended(path, Path(truth["folder"])))
            print(f"fit {len(ends)}: {ends[-1]}", flush=True)
            known = {name: value for name, value in truth.items() if name != "folder"}
            results = summary(kills, ends) | {"undisturbed": known, "kills": kills, "ends": ends}
            write(options.out, results)
    print({name: value for name, value in results.items() if not isinstance(value, list)})
    return 1 if results["problems"] else 0


def summary(kills: list[dict[str, Any]], ends: list[dict[str, Any]]) -> dict[str, Any]:
    lost = [kill["lost_seconds"] for kill in kills]
    return {
        "killed": len(kills),
        "most_seconds_lost": max(lost, default=0.0),
        "mean_seconds_lost": sum(lost) / max(len(lost), 1),
        "ended": len(ends),
        "ended_bit_equal": sum(end["bit_equal"] for end in ends),
        "problems": [problem for row in kills + ends for problem in row["problems"]],
    }


def undisturbed(image: Path, seconds: float, place: Path) -> dict[str, Any]:
    """A fit of at least ``seconds``; its number of steps is found by trying."""
    steps, name = 200, 0
    while True:
        name += 1
        path = place / f"undisturbed-{name}"
        words = ["fit", str(image), "--steps", str(steps), "--threads", "1", "--quiet", "--out", str(path)]
        subprocess.run(command(words), check=True, stdout=subprocess.DEVNULL)
        info = RunFolder.open(path).read_info()
        print(f"undisturbed: {steps} steps in {info['fit_seconds']:.1f} s", flush=True)
        if info["fit_seconds"] >= seconds:
            kept = ("fit_seconds", "steps", "parameters")
            return {"folder": str(path), "image": image.name} | {name: info[name] for name in kept}
        steps = max(round(1.1 * steps * seconds / info["fit_seconds"]), steps + 1)


def killed(words: list[str], path: Path, step: int, jitter: float) -> dict[str, Any]:
    """Run until ``step`` is done, wait up to half a second, kill, and look at what is there."""
    checkpoint = path / "checkpoint.safetensors"
    begin = clock_of(checkpoint)
    start = time.time()
    with open(path.with_suffix(".log"), "ab") as log:
        process = subprocess.Popen(command([*words, "--quiet"]), stdout=log, stderr=log)
    while process.poll() is None and (written(path) < start or last_entry(path)["step"] < step):
        time.sleep(0.01)
    # The metrics come every quarter of a second: this hits every moment between two of them, and the end.
    time.sleep(jitter / 2)
    moment = time.time()
    process.send_signal(signal.SIGKILL)
    status = process.wait()
    entry = last_entry(path)
    # Since the last line the fit may have gone on until the kill; before the first one nothing was done.
    progress = entry["seconds"] + moment - written(path) if written(path) > start else begin
    safe = clock_of(checkpoint) if status else progress
    problems = list(damage(path))
    if progress - safe > ALLOWED_SECONDS:
        problems.append(f"{path.name}: {progress - safe:.2f} s are lost")
    if status not in (0, -signal.SIGKILL):
        problems.append(f"{path.name}: ended by itself with status {status}: {path.with_suffix('.log').read_text()}")
    return {
        "at_seconds": round(progress, 3),
        "at_step": entry["step"],
        "lost_seconds": round(max(progress - safe, 0.0), 3),
        "left": sorted(names(path) - WHOLE - {"checkpoint.safetensors", "lock"}),
        "came_late": status == 0,
        "problems": problems,
    }


def ended(path: Path, truth: Path) -> dict[str, Any]:
    """Resume to the end and compare with the undisturbed fit."""
    folder = RunFolder.open(path)
    if folder.read_info()["status"] != "done":
        subprocess.run(command(["fit", "--resume", str(path), "--quiet"]), check=False, stdout=subprocess.DEVNULL)
    problems = list(damage(path))
    if names(path) != WHOLE:
        problems.append(f"{path.name}: it holds {names(path)}")
    if folder.read_info()["status"] != "done":
        return {"bit_equal": False, "problems": [*problems, f"{path.name}: the resumed fit did not end"]}
    steps = [entry["step"] for entry in folder.read_metrics()]
    if steps != sorted(set(steps)):
        problems.append(f"{path.name}: the steps of its metrics go back")
    one, two = (neuralfields.load(folder / "field.nf").state_dict() for folder in (path, truth))
    equal = one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    if not equal:
        problems.append(f"{path.name}: its weights differ from the undisturbed ones")
    return {"bit_equal": equal, "problems": problems}


def damage(path: Path) -> Iterator[str]:
    """What cannot be opened, whatever moment the kill came at."""
    folder = RunFolder.open(path)
    readers = {
        path / "run.json": lambda _: folder.read_info(),
        path / "metrics.jsonl": lambda _: folder.read_metrics(),
        folder.checkpoint_path: load_checkpoint,
        folder.field_path: neuralfields.load,
        path / "previews" / "latest.png": read_image,
    }
    for file, read in readers.items():
        try:
            if file.exists():
                read(file)
        except neuralfields.NeuralFieldsError as error:
            yield f"{path.name}: {error}"


def last_entry(path: Path) -> dict[str, Any]:
    metrics = RunFolder(path).read_metrics()
    return metrics[-1] if metrics else {"step": 0, "seconds": 0.0}


def written(path: Path) -> float:
    """When the metrics were written last."""
    metrics = path / "metrics.jsonl"
    return metrics.stat().st_mtime if metrics.exists() else 0.0


def clock_of(checkpoint: Path) -> float:
    """The seconds of fitting that a checkpoint holds."""
    return load_checkpoint(checkpoint)[1]["seconds"] if checkpoint.exists() else 0.0


def names(path: Path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.rglob("*")}


def command(words: list[str]) -> list[str]:
    return [sys.executable, "-m", "neuralfields", *words]


if __name__ == "__main__":
    sys.exit(main())
