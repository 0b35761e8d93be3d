"""What moves bytes between a host and a board."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import Any, Protocol

from amos_hdl.errors import LinkError, ToolError


class Transport(Protocol):
    """A line to a board."""

    def write(self, data: bytes) -> None:
        """Send ``data``."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """Return what has come, after waiting for a first byte for at most ``timeout_s``; nothing if none came."""
        ...

    def now_s(self) -> float:
        """Return seconds on the clock of the line, which in a simulation is the simulation's."""
        ...


class SerialTransport:
    """A serial port that nobody else has open.

    Parameters
    ----------
    port : str
        Name of the device, such as ``/dev/ttyUSB1`` or ``COM3``.
    baud : int
        Bits per second.

    Raises
    ------
    LinkError
        If there is no such port, another program has it, or it cannot be set to ``baud``.
    ToolError
        If pyserial is not installed.
    """

    def __init__(self, port: str, baud: int) -> None:
        try:
            import serial
        except ImportError as error:
            raise ToolError(
                "pyserial is not installed", hint='install it with: pip install "amos-hdl[board]"'
            ) from error
        self.port, self._failure = port, serial.SerialException
        try:
            self._serial: Any = serial.Serial(
                port, baud, timeout=0, write_timeout=10, exclusive=os.name == "posix" or None
            )
        except (serial.SerialException, ValueError, OverflowError, OSError) as error:
            raise _explained(port, baud, error) from error
        # drivers of USB adapters keep short answers back for up to 16 ms; on Linux they can be told not to.  Where one
        # has no such flag, pyserial raises ValueError, and the link is only slower
        if sys.platform == "linux":
            with contextlib.suppress(ValueError):
                self._serial.set_low_latency_mode(True)

    def write(self, data: bytes) -> None:
        """Send ``data``."""
        try:
            self._serial.write(data)
        except (self._failure, OSError) as error:
            raise LinkError(
                f"the serial port failed: {error}", where=self.port, hint="is the board plugged in?"
            ) from error

    def read(self, timeout_s: float) -> bytes:
        """Return what has come, after waiting for at most ``timeout_s`` for a first byte."""
        try:
            self._serial.timeout = timeout_s
            first: bytes = self._serial.read(1)
            return first + self._serial.read(self._serial.in_waiting) if first else b""
        except (self._failure, OSError) as error:
            raise LinkError(
                f"the serial port failed: {error}", where=self.port, hint="is the board plugged in?"
            ) from error

    def now_s(self) -> float:
        """Return seconds on a clock that never goes back."""
        return time.monotonic()

    def close(self) -> None:
        """Give the port back."""
        self._serial.close()


def _explained(port: str, baud: int, error: Exception) -> LinkError:
    """Return why a port could not be opened, in one line."""
    number = getattr(error, "errno", None)
    text = str(error)
    if "exclusively lock" in text or "Access is denied" in text or number == 16:
        return LinkError("the serial port is in use by another program", where=port, hint="close that, and try again")
    if number == 2 or "FileNotFoundError" in text:
        return LinkError("no such serial port", where=port, expected=_known_ports())
    if number == 13:
        return LinkError("the serial port may not be opened", where=port, hint="join the group that owns it (dialout)")
    if number == 25 or "Inappropriate ioctl" in text:
        return LinkError("no serial port", where=port, expected=_known_ports(), got="a file or device of another kind")
    return LinkError(f"the serial port cannot be opened at {baud} baud: {text}", where=port)


def _known_ports() -> str:
    from serial.tools.list_ports import comports

    names = sorted(port.device for port in comports())
    return "one of " + ", ".join(names) if names else "a board that is plugged in; there is no serial port here"
