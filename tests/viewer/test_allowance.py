"""Work beside a fit is a share of its time, and one long piece silences the viewer for seconds, not for minutes."""

import pytest

from neuralfields.viewer.allowance import Allowance


def test_work_is_paid_for():
    allowance = Allowance(0.5)
    assert allowance.wait == 0
    allowance.spend(0.05 + 1)
    assert 1 < allowance.wait <= 2


def test_waiting_costs_nothing_and_working_does(monkeypatch):
    now, worked = 0.0, 0.0
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    monkeypatch.setattr("time.perf_counter", lambda: now)
    monkeypatch.setattr("time.thread_time", lambda: worked)
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    allowance = Allowance(1.0)
    with allowance.charged():
        now += 30
    assert allowance.wait == 0
    with allowance.charged():
        now, worked = now + 30, worked + 0.5
    assert allowance.wait == pytest.approx(1 - 0.05)
    with allowance.charged():  # its own threads have taken no longer than the clock
        now, worked = now + 2, worked + 2
    assert allowance.wait == pytest.approx(3 - 0.05)


def test_debts_are_bounded():
    allowance = Allowance()
    for _ in range(100):
        allowance.spend(20)
    assert 10 < allowance.wait <= 20 and allowance.most == 20 * allowance.share


def test_what_nobody_has_asked_for_waits_for_the_whole_debt(monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    allowance = Allowance(0.01)
    allowance.spend(0.05 + 5)
    assert (allowance.wait, allowance.owed) == (pytest.approx(20), pytest.approx(500))
    now = 21.0
    assert (allowance.wait, allowance.owed) == (0, pytest.approx(479))
    allowance.spend(1)
    assert (allowance.wait, allowance.owed) == (pytest.approx(20), pytest.approx(579))
    now = 602.0
    assert (allowance.wait, allowance.owed) == (0, 0)
    allowance.spend(0.01)
    assert (allowance.wait, allowance.owed) == (0, 0)
    now = 1e6
    allowance.spend(0.05 + 0.01)
    assert allowance.wait == allowance.owed == pytest.approx(1)
