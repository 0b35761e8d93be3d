"""Child processes that never outlive their caller."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finished:
    """How a child process ended.

    Members
    -------
    exit_code : int
        As of :mod:`subprocess`: negative is the signal that killed it.
    timed_out : bool
        It was killed because its time was over.
    wall_s : float
        Seconds from start to end.
    """

    exit_code: int
    timed_out: bool
    wall_s: float


def run_logged(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path, timeout_s: float | None = None
) -> Finished:
    """Run ``command`` with both outputs appended to the file ``log``; kill it and all it started on any way out.

    The child is the leader of its own session, so a Ctrl-C of the terminal reaches Python alone, which then kills the
    whole group: make, compilers and simulators included.

    Raises
    ------
    OSError
        The command cannot be started.
    """
    begin = time.monotonic()
    timed_out = False
    with log.open("ab") as sink:
        child = subprocess.Popen(
            list(command),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            # Also after a normal end: the group may hold a grandchild that the child left behind.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    return Finished(child.returncode, timed_out, time.monotonic() - begin)
