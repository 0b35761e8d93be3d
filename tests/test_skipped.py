"""Skipped tests: an excuse here, a failure where nobody looks."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT, unexcused

TOOL, DATA = "Skipped: no chromium", "Skipped: ../shared/data/mnist is absent"


@pytest.mark.parametrize(
    ("environment", "found"),
    [({}, []), ({"AMOS_HDL_NEEDS_TOOLS": "1"}, [TOOL]), ({"CI": "true"}, [TOOL, DATA])],
)
def test_which_reasons_are_no_excuse(environment, found):
    assert unexcused([TOOL, DATA], environment) == found


@pytest.mark.parametrize(("promised", "code"), [("", 0), ("1", 1)])
def test_a_run_without_a_tool(promised, code):
    """A whole run of one test that needs Icarus, on a machine without: a pass, unless tools are promised."""
    test = "tests/simulate/test_icarus.py::test_every_spike_is_compared_and_equal"
    environment = {**os.environ, "PATH": "", "CI": "", "AMOS_HDL_NEEDS_TOOLS": promised}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, done.stdout
    assert ("skipped where nothing may be" in done.stdout) == bool(code)
    assert "1 tests were skipped" in done.stdout
