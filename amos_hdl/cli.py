"""The command line: the verbs put together, and how every run ends."""

from __future__ import annotations

import json as json_format
import os
import signal
import sys
import warnings
from typing import Any

import click

from amos_hdl import __version__
from amos_hdl.commands import behaviour, boards, checks, hardware, models, units, whole
from amos_hdl.console import show_error
from amos_hdl.errors import AmosError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="NETWORK is a name in models/, a folder with network.yaml, or a recipe (.yaml).",
)
@click.version_option(__version__, prog_name="amos-hdl", message="%(prog)s %(version)s")
def app() -> None:
    """Spiking networks of at-most-one-spike neurons: from a stored network to checked Verilog and a routed FPGA."""


for _verb in (
    units.fit,
    models.convert,
    models.train,
    behaviour.info,
    behaviour.evaluate,
    behaviour.noise,
    hardware.generate,
    hardware.synth,
    boards.board,
    boards.host,
    checks.simulate,
    checks.prove,
    checks.faults,
    whole.report,
    whole.run,
):
    app.add_command(_verb)


def main() -> None:
    """Run the command line; every error is one line, and its exit code is 2 (a failed check: 1)."""
    # ended politely, we end what we started, as on Ctrl-C
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(_main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    try:
        code: Any = app.main(arguments, prog_name="amos-hdl", standalone_mode=False)
    except AmosError as error:
        return _fail(str(error), error.exit_code, arguments)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        place = f"{error.ctx.command_path}: " if isinstance(error, click.UsageError) and error.ctx else ""
        return _fail(place + " ".join(error.format_message().split()), 2, arguments)
    except (KeyboardInterrupt, click.Abort) as interruption:
        # amaranth warns of components that were made and not used yet, which is no news now
        warnings.simplefilter("ignore")
        # click wraps what was raised, which may know how to go on
        return _fail(str(interruption.__cause__ or interruption) or "interrupted", 130, arguments)
    except BrokenPipeError:
        # whoever read our output has gone: there is nothing more to say, not at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, MemoryError) as error:
        # a full disk, a name too long for the file system: the user's to mend, whatever was being done
        if isinstance(error, MemoryError):
            return _fail("out of memory", 2, arguments)
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}", 2, arguments)
    return code if isinstance(code, int) else 0


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _fail(line: str, code: int, arguments: list[str]) -> int:
    """Say what went wrong: a line for people, and an object for machines if they asked for one."""
    show_error(line)
    if "--json" in arguments:
        sys.stdout.write(json_format.dumps({"error": line, "exit_code": code}) + "\n")
    return code
