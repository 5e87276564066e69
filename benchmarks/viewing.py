"""What it costs a fit to be watched: steps per second without and with a page that looks, in turns, in one fit.

The page is another process that acknowledges what it is sent at once and draws nothing; fields that pages cannot draw
are drawn by the server all the time. Where the fit's threads leave no core free, the page's own work is in the cost of
steps too. What the viewer itself takes is told by the CPU clocks of its threads, with what it does between two steps.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from machine import arguments, write
from skimage.data import astronaut
from skimage.transform import resize

import neuralfields as nf
from neuralfields.viewer.allowance import Allowance
from neuralfields.viewer.live import Live
from neuralfields.viewer.server import Server
from neuralfields.viewer.session import Session

_PAGE = """
import json, sys, urllib.request
from websockets.sync.client import connect
place, token, draw = sys.argv[1:]
body = json.dumps({"token": token}).encode()
request = urllib.request.Request(f"{place}session", body, {"Origin": place[:-1]}, method="POST")
with urllib.request.urlopen(request) as answer:
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
headers, count, size = {"Cookie": cookie}, 0, 0
with connect(place.replace("http", "ws") + "live", origin=place[:-1], additional_headers=headers, max_size=None,
             compression=None, proxy=None) as socket:
    if draw == "draw":
        socket.send(json.dumps({"type": "draw", "request": 1, "shown": 0, "width": 768, "height": 512, "mode": "fit",
                                "window": None, "pose": None, "focal": None, "axis": 2, "at": 0.0,
                                "look": {"channel": None, "exposure": 0, "map": "inferno", "scale": None,
                                         "backdrop": "white"}}))
    else:
        socket.send(json.dumps({"type": "watch", "weights": [0], "pictures": False}))
    while True:
        try:
            data = socket.recv()
        except Exception:
            break
        head = data[4:4 + int.from_bytes(data[:4], "little")] if isinstance(data, bytes) else data
        told = json.loads(head)
        if told["type"] in ("weights", "frame"):
            if count == 0:
                print("ready", flush=True)
            count, size = count + 1, size + len(data)
        if told["type"] == "weights":
            socket.send(json.dumps({"type": "ack", "shown": 0, "serial": told["serial"]}))
print(json.dumps({"count": count, "bytes": size}))
"""
METHODS = ("hash", "siren", "ngp", "sape")


@contextmanager
def looking(server: Server, *, draw: bool) -> Iterator[dict[str, int]]:
    """A page in another process; what it was sent is known at the end."""
    words = [sys.executable, "-c", _PAGE, server.place, server.url.partition("#token=")[2], "draw" if draw else "take"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    received: dict[str, int] = {}
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield received
    finally:
        server.close()
        received |= json.loads(process.communicate()[0])


def measured(method: str, options: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        signal: Any = _scene(Path(folder), options.side) if method == "ngp" else _image(options.side)
        recipe: Any = (nf.recipes.ngp if method == "ngp" else nf.recipes.METHODS[method])(signal)
        settings = recipe.settings | {"steps": 10**9}
        session = Session()
        server = Server(session, port=0)
        live = Live(session, server)
        live.begin(recipe.field, signal, name=method)
        drawn = session.items[0].shown.program is None
        with looking(server, draw=drawn) as received:
            rates = _in_turns(nf.steps(recipe.field, signal, **settings), live, server.hub.allowance, options)
    (alone, _), (watched, shares) = (zip(*rates[key], strict=True) for key in (False, True))
    costs = [1 - after / before for before, after in zip(alone, watched, strict=True)]
    return {
        "method": method,
        "parameters": recipe.parameters,
        "drawn_by": "server" if drawn else "page",
        "steps_per_second": {"alone": alone, "watched": watched},
        "median_cost": statistics.median(costs),
        "costs": costs,
        "viewer_cpu_share": statistics.mean(shares),
        "sent_per_second": received["count"] / (options.seconds * options.rounds),
        "bytes_per_second": received["bytes"] / (options.seconds * options.rounds),
    }


def _in_turns(
    steps: Iterator[Any], live: Live, allowance: Allowance, options: Any
) -> dict[bool, list[tuple[float, float]]]:
    """Steps per second, and the viewer's CPU seconds per second, of blocks without and with the viewer, in turns."""
    rates: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for step in steps:
        if step.seconds > options.warm_up:
            break
    for watched in (False, True) * options.rounds:
        began, beside, between, count = time.perf_counter(), _beside(), 0.0, 0
        while (took := time.perf_counter() - began) < options.seconds:
            step = next(steps)
            count += 1
            if watched:
                clock = time.thread_time()
                live.update(step)
                between += time.thread_time() - clock
        rates[watched].append((count / took, (between + _beside() - beside) / took))
        if not watched:  # what was saved up meanwhile would make the next block dearer than watching is
            allowance.spend(allowance.share * took)
    return rates


def _beside() -> float:
    """CPU seconds of the viewer's threads so far."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("neuralfields-")]
    return sum(time.clock_gettime(time.pthread_getcpuclockid(thread.ident)) for thread in threads if thread.ident)


def _image(side: int) -> nf.signals.Image:
    return nf.signals.Image.from_array(resize(astronaut(), (side, side)).astype("float32"))


def _scene(folder: Path, side: int) -> nf.signals.PosedImages:
    nf.signals.synthetic.write(folder / "scene", views=8, held_out=1, size=min(side, 64), samples=1)
    return nf.signals.PosedImages.read(folder / "scene")


def main() -> None:
    parser = arguments(__doc__ or "", "viewing.json")
    parser.add_argument("--rounds", type=int, default=10, help="pairs of blocks")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a block")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds of fitting before the first block")
    parser.add_argument("--side", type=int, default=512, help="of the image, in pixels")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", default=METHODS, metavar="METHOD")
    options = parser.parse_args()
    rows = []
    for threads in options.threads:
        torch.set_num_threads(threads)
        for method in options.only:
            rows.append(row := {"threads": threads, **measured(method, options)})
            costs = (
                f"{row['median_cost']:.2%} of the steps per second, the viewer {row['viewer_cpu_share']:.2%} of a core"
            )
            sent = f"{row['sent_per_second']:.1f} times and {row['bytes_per_second'] / 1e6:.2f} MB per second"
            print(f"{method}, {threads} threads: {costs}; drawn by the {row['drawn_by']}, sent {sent}")
    write(options.out, rows)


if __name__ == "__main__":
    main()
