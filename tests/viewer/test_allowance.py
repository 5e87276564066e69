"""Work beside a fit is a share of its time, and one long piece silences the viewer for seconds, not for minutes."""

from neuralfields.viewer.allowance import Allowance


def test_work_is_paid_for():
    allowance = Allowance(0.5)
    assert allowance.wait == 0
    allowance.spend(0.05 + 1)
    assert 1 < allowance.wait <= 2


def test_debts_are_bounded():
    allowance = Allowance()
    for _ in range(100):
        allowance.spend(20)
    assert 10 < allowance.wait <= 20 and allowance.most == 20 * allowance.share
