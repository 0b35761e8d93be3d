"""Child processes that never outlive their caller."""

import contextlib
import os
import signal
import subprocess
import threading
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
    overtime = threading.Event()
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

        def stop() -> None:
            if child.poll() is None:
                overtime.set()
                _kill_group(child)

        # A wait with a time limit looks for the end every 50 ms; a batch of images takes less.
        timer = None if timeout_s is None else threading.Timer(timeout_s, stop)
        try:
            if timer is not None:
                timer.start()
            child.wait()
        finally:
            if timer is not None:
                timer.cancel()
            # Also after a normal end: the group may hold a grandchild that the child left behind.
            _kill_group(child)
            child.wait()
    return Finished(child.returncode, overtime.is_set(), time.monotonic() - begin)


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
