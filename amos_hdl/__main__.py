"""What runs first: until all is loaded, Ctrl-C ends the program with one line, as it does from then on."""

from __future__ import annotations

import os
import signal
import sys

#: As ``cli`` says it; there is nothing to clean up yet.
_LINE, _OBJECT, _CODE = b"error: interrupted\n", b'{"error": "interrupted", "exit_code": 130}\n', 130


def _end(number: int, frame: object) -> None:
    # no exception: one that is raised while modules are loaded shows its way through all of them
    os.write(2, _LINE)
    if "--json" in sys.argv:
        os.write(1, _OBJECT)
    os._exit(_CODE)


def main() -> None:
    """Load the command line and run it."""
    # a shell's background job ignores Ctrl-C, and goes on doing so
    heard = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    if heard:
        signal.signal(signal.SIGINT, _end)
    from amos_hdl.cli import main as run

    try:
        if heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        # before the command line is ready to take it, or after it has said how the run ended
        _end(signal.SIGINT, None)


if __name__ == "__main__":
    main()
