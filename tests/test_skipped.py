"""A run of the tests ends with what it has not tested, and why."""

import os
import subprocess
import sys
from pathlib import Path

_TESTS = """
import pytest

@pytest.mark.parametrize("number", range(20))
def test_of_sample_data(data, number):
    pass

@pytest.mark.skipif(True, reason="no such machine")
def test_of_a_machine():
    pass

def test_of_nothing():
    pass
"""


def test_reasons_are_told_once(tmp_path):
    (tmp_path / "test_some.py").write_text(_TESTS)
    (tmp_path / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text("utf-8"), "utf-8")
    environment = {**os.environ, "NF_TEST_DATA": "/none", "CI": "false"}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_some.py"]
    answer = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    told = answer.stdout.partition(" 21 skipped ")[2].splitlines()[1:3]
    assert [line.split()[0] for line in told] == ["20", "1"], answer.stdout
    assert "no sample data at /none: set NF_TEST_DATA" in told[0] and told[1].endswith(" no such machine")
