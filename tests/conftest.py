"""What all tests share: one thread, and the sample data beside the checkout."""

import os
from collections import Counter
from pathlib import Path

import pytest
import torch

_BESIDE = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def same_torch_for_all() -> None:
    """Tests run side by side, and sums must not depend on how many threads split them."""
    torch.set_num_threads(1)
    # Each warning every time it is due, not at the first one in the process: which test fails must not depend on order.
    torch.set_warn_always(True)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of sample signals: ``NF_TEST_DATA``, by default ``../shared/data``; in CI it must be there."""
    folder = Path(os.environ.get("NF_TEST_DATA") or _BESIDE)
    if not folder.is_dir():
        reason = f"no sample data at {folder}: set NF_TEST_DATA to the folder that holds it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested and why, each reason once."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if reasons:
        terminalreporter.section(f"{len(skipped)} skipped", sep="-")
    for reason, count in reasons.most_common():
        terminalreporter.line(f"{count:4d} {reason}")
