"""Many fields at once: the same results, as many at a time as there are threads."""

import threading
import time

import pytest
import torch

import neuralfields as nf
from neuralfields import ops
from neuralfields.errors import InputError, NeuralFieldsError
from neuralfields.fitting.many import together

SETTINGS = {"steps": 20, "batch": 256, "optimizer": nf.fitting.Adam(lr=1e-3)}


def signals(count: int) -> list[nf.signals.Samples]:
    x = torch.rand(1000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return [nf.signals.Samples(x, x.norm(dim=1) - 0.2 * (k + 1)) for k in range(count)]


def fields(count: int) -> list[nf.Field]:
    torch.manual_seed(0)
    return [nf.networks.Siren(3, 1, width=16, depth=2) for _ in range(count)]


def test_the_same_bits_as_one_after_the_other() -> None:
    alone, many = fields(5), fields(5)
    one_by_one = [nf.fit(field, signal, **SETTINGS) for field, signal in zip(alone, signals(5), strict=True)]
    together_ = nf.fitting.fit_many(many, signals(5), threads=3, **SETTINGS)
    assert [fit.metrics for fit in together_] == [fit.metrics for fit in one_by_one]
    for fit, field, other in zip(together_, many, alone, strict=True):
        assert fit.field is field
        assert all(torch.equal(a, b) for a, b in zip(field.parameters(), other.parameters(), strict=True))


def test_threads_and_blocks_are_those_of_the_caller() -> None:
    torch.set_num_threads(2)
    with ops.backend("reference"):
        fits = nf.fitting.fit_many(fields(2), signals(2), **SETTINGS)
    assert all(set(fit.kernels.values()) == {"reference"} for fit in fits)
    assert torch.get_num_threads() == 2


def test_threads_begun_later_are_as_before() -> None:
    torch.set_num_threads(2)
    list(together(lambda number: number, range(3), 2))
    counts: list[int] = []
    later = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert counts == [2]


def test_as_many_at_a_time_as_threads_and_no_more() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return 2 * number

    assert dict(together(work, range(12), 3)) == {number: 2 * number for number in range(12)}
    assert 1 <= most <= 3


def test_an_error_leaves_the_rest_undone() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 1:
            raise NeuralFieldsError("the second")
        done.append(number)

    with pytest.raises(NeuralFieldsError, match="the second"):
        list(together(work, range(100), 1))
    assert done == [0]


def test_leaving_the_loop_ends_it() -> None:
    begun: list[int] = []
    for number, _ in together(begun.append, range(100), 2):
        assert number < 5
        break
    assert len(begun) < 6


def test_what_is_refused() -> None:
    made = fields(2)
    with pytest.raises(InputError, match="2 fields and 1 signals"):
        nf.fitting.fit_many(made, signals(1))
    with pytest.raises(InputError, match="one signal"):
        nf.fitting.fit_many([made[0], made[0]], signals(2))
    with pytest.raises(InputError, match="state"):
        nf.fitting.fit_many(made, signals(2), state=nf.fitting.start(made[0]))
