"""Work for pages is done in turn, can be given up, and keeps no process alive."""

import subprocess
import sys
import threading

import pages
import pytest
import torch

from neuralfields.viewer.worker import GivenUp, Patient, Worker

_ENDS_AMID_WORK = """
import threading, torch
from neuralfields.viewer.worker import GivenUp, Patient, Worker
begun, worker = threading.Event(), Worker("test")
def slow(x):
    begun.set()
    for _ in range(20):
        x = x @ torch.ones(256, 256)
    return x
def work():
    while True:
        Patient(slow, lambda: not worker.ending)(torch.ones(1 << 15, 256))
future = worker.submit(work)
begun.wait()
print("ending")
"""


def test_one_after_the_other():
    worker, order, gate = Worker("test"), [], threading.Event()
    first = worker.submit(lambda: (gate.wait(pages.SECONDS), order.append(1)))
    second = worker.submit(lambda: order.append(2))
    third = worker.submit(lambda: 1 / 0)
    gate.set()
    assert first.result(pages.SECONDS) == (True, None) and second.result(pages.SECONDS) is None and order == [1, 2]
    assert isinstance(third.exception(pages.SECONDS), ZeroDivisionError)
    worker.close()


def test_what_the_end_comes_before_is_given_up():
    worker, order, begun, gate = Worker("test"), [], threading.Event(), threading.Event()
    worker.submit(lambda: (begun.set(), gate.wait(pages.SECONDS)))
    assert begun.wait(pages.SECONDS)
    waiting = worker.submit(lambda: order.append(2))
    worker.ending = True
    late = worker.submit(lambda: order.append(3))
    gate.set()
    worker.close()
    later = worker.submit(lambda: order.append(4))
    assert all(isinstance(each.exception(pages.SECONDS), GivenUp) for each in (waiting, late, later)) and not order


def test_a_process_that_ends_amid_work():
    answer = subprocess.run(
        [sys.executable, "-c", _ENDS_AMID_WORK], check=False, capture_output=True, text=True, timeout=pages.SECONDS
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "ending\n", "")


def test_a_field_is_asked_while_somebody_waits():
    asked = []

    def field(x: torch.Tensor) -> torch.Tensor:
        asked.append(len(x))
        return 2 * x

    x = torch.rand(20_000, 2)
    assert torch.equal(Patient(field, lambda: True)(x), 2 * x) and sum(asked) == 20_000
    asked.clear()
    with pytest.raises(GivenUp):
        Patient(field, lambda: not asked)(x)
    assert len(asked) == 1 and asked[0] < 10_000
    odd = Patient(pages.Odd(), lambda: False)
    assert odd.out_dim == 3 and not hasattr(odd, "density")
