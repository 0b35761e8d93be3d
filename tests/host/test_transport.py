"""Serial ports: a pseudo terminal with a board at its other end, and ports that cannot be used."""

import os

import pytest

from amos_hdl.errors import LinkError
from amos_hdl.host.client import BoardClient
from amos_hdl.host.transport import SerialTransport
from tests.host.device import SoftBoard, serial_port

serial = pytest.importorskip("serial")


def test_a_board_at_a_port(small):
    with serial_port(SoftBoard(small)) as port:
        transport = SerialTransport(port, 1_000_000)
        assert BoardClient(transport, 5).require(small.digest).image_bytes == 6
        transport.close()


def test_nothing_comes_in_time(small):
    with serial_port(SoftBoard(small)) as port:
        assert SerialTransport(port, 115200).read(0.01) == b""


def test_no_such_port():
    with pytest.raises(LinkError, match=r"^/dev/ttyNONE: no such serial port: expected "):
        SerialTransport("/dev/ttyNONE", 115200)


def test_no_port_at_all(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(LinkError, match=r"no serial port: expected .*, got a file or device of another kind"):
        SerialTransport(str(path), 115200)


def test_a_busy_port(small):
    with serial_port(SoftBoard(small)) as port, serial.Serial(port, exclusive=True):
        with pytest.raises(LinkError, match="in use by another program"):
            SerialTransport(port, 115200)


def test_a_port_that_goes_away():
    controller, port = os.openpty()
    transport = SerialTransport(os.ttyname(port), 115200)
    os.close(controller)
    os.close(port)
    with pytest.raises(LinkError, match="the serial port failed"):
        transport.write(b"x")
        transport.read(1)
