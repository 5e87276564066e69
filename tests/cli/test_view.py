"""``nf view`` and ``nf fit --view`` as processes: they tell an address, serve it, and end with Ctrl-C."""

import json
import re
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest
from nf_helpers import running
from websockets.sync.client import connect

from neuralfields.viewer.messages import decode, encode
from neuralfields.viewer.protocol import Ack, Control, Hello, Progress, Watch, Weights


def address(process: subprocess.Popen[str]) -> tuple[str, str]:
    """The place and the token that it has printed."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"(http://127\.0\.0\.1:\d+)/#token=([\w-]+)", line):
            return found[1], found[2]
    raise AssertionError("no address was printed")


def cookie(place: str, token: str) -> str:
    request = urllib.request.Request(
        f"{place}/session", json.dumps({"token": token}).encode(), {"Origin": place}, method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        return answer.headers["Set-Cookie"].partition(";")[0]


def live(place: str, token: str) -> connect:
    return connect(
        place.replace("http", "ws") + "/live",
        origin=place,  # type: ignore[arg-type]
        additional_headers={"Cookie": cookie(place, token)},
        max_size=None,
        proxy=None,
    )


def stopped(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGINT)
    return process.wait(60)


def test_a_finished_run(nf, folder):
    nf("fit", "a.png", "--steps", 2, "--params", "5k", "--threads", 1)
    with running("view", "runs/a", folder / "runs" / "a", "--port", 0, "--no-browser") as process:
        place, token = address(process)
        with live(place, token) as page:
            hello, _ = decode(page.recv(60))
            assert isinstance(hello, Hello) and hello.title == "a" and hello.shown[0].truth and not hello.live
            assert len(hello.shown) == 1
        assert stopped(process) == 0


def test_a_fit_under_way_is_ended_by_its_page(folder):
    words = ("fit", "a.png", "--seconds", 600, "--params", "5k", "--threads", 1, "--view", "--port", 0, "--no-browser")
    with running(*words) as process:
        place, token = address(process)
        with live(place, token) as page:
            steps = []
            page.send(encode(Watch((0,), False)))
            while len(steps) < 2:
                message, _ = decode(page.recv(60))
                if isinstance(message, Weights):
                    steps.append(message.step)
                    page.send(encode(Ack(message.shown, message.serial)))
            assert steps[1] > steps[0]
            page.send(encode(Control("stop")))
            while not (isinstance(message, Hello) and not message.live):
                message, _ = decode(page.recv(60))
            assert message.fits[0].state == "done"
        info = json.loads(Path("runs/a/run.json").read_text())
        assert info["status"] == "done" and info["metrics"]["psnr"] > 0 and Path("runs/a/field.nf").exists()
        assert stopped(process) == 0


def test_ctrl_c_ends_a_fit_and_its_page(folder):
    words = ("fit", "a.png", "--seconds", 600, "--params", "5k", "--threads", 1, "--view", "--port", 0, "--no-browser")
    with running(*words) as process:
        place, token = address(process)
        with live(place, token) as page:
            page.send(encode(Control("pause")))
            message = None
            while not (isinstance(message, Progress) and message.state == "paused"):
                message, _ = decode(page.recv(60))
            assert stopped(process) == 130
        assert json.loads(Path("runs/a/run.json").read_text())["status"] == "interrupted"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["view", "runs/none"], "there is no run folder or .nf file runs/none"),
        (["view", "a.png"], "a.png"),
        (["fit", "a.png", "--port", "7"], "--port is of the page that --view opens: add --view"),
        (["fit", "a.png", "--no-browser"], "--no-browser is of the page that --view opens: add --view"),
        (["fit", "a.png", "--view", "--together"], "--view shows one fit at a time: leave out --together"),
        (["fit", "a.png", "--view", "--port", "70000"], "a port is a number between 0 and 65535, got 70000"),
        (["view", "a.png", "--port", "any"], "a port is a number between 0 and 65535, got any"),
    ],
)
def test_what_is_refused(nf, folder, words, told):
    answer = nf(*words)
    assert answer.status == 2 and told in answer.err and answer.err.count("\n") == 1
    assert not (folder / "runs").exists()
