"""Ctrl-C at any time: one line, exit code 130, nothing half-written."""

import subprocess
import sys

import pytest

from amos_hdl.errors import SynthesisError
from amos_hdl.synthesize.unfinished import UNFINISHED, unfinished_folder

#: Presses Ctrl-C when a module is about to be loaded.
PROGRAM = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from amos_hdl.__main__ import main
main()
"""


def interrupted(when, *arguments):
    command = [sys.executable, "-c", PROGRAM.replace("sys.argv[1]", repr(when)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("when", ["amos_hdl.cli", "click", "rich", "amos_hdl.verbs.info"])
def test_interrupted_while_loading(when):
    done = interrupted(when, "info", "digits")
    # click ends the line that a terminal has written ^C into
    assert (done.returncode, done.stdout, done.stderr.lstrip()) == (130, "", "error: interrupted\n")


@pytest.mark.parametrize("handled", ["SIGINT", "SIGTERM"])
def test_interrupted_between_loading_and_running(handled):
    """As soon as the handler of that signal has been put back, or set."""
    program = f"""
import os, signal, sys
put = signal.signal
def signal_then_interrupt(number, handler):
    put(number, handler)
    if number == signal.{handled} and "amos_hdl.cli" in sys.modules:
        os.kill(os.getpid(), signal.SIGINT)
signal.signal = signal_then_interrupt
from amos_hdl.__main__ import main
main()
"""
    command = [sys.executable, "-c", program, "info", "digits"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr.lstrip()) == (130, "", "error: interrupted\n")


def test_machines_get_an_object():
    done = interrupted("click", "info", "digits", "--json")
    assert (done.returncode, done.stdout) == (130, '{"error": "interrupted", "exit_code": 130}\n')


def test_what_is_unfinished_goes_with_an_interrupt_and_stays_after_a_failure(tmp_path):
    for error, stays in ((KeyboardInterrupt, False), (SynthesisError("failed"), True)):
        with pytest.raises(BaseException) as raised, unfinished_folder(tmp_path) as folder:
            (folder / "log").write_text("")
            raise error
        assert raised.type in (KeyboardInterrupt, SynthesisError)
        assert (tmp_path / UNFINISHED / "log").exists() == stays
    with unfinished_folder(tmp_path) as folder:
        assert not list(folder.iterdir())
