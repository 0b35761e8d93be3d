"""A network for a board: Verilog of the network and its link, the top with its pins, and what the tools are told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from typing import Any

from amos_hdl.emit.headers import header
from amos_hdl.emit.modules import EmittedModule, check_names, network_modules
from amos_hdl.emit.stream import stream_modules
from amos_hdl.emit.verilog import convert
from amos_hdl.errors import EmitError, ToolError
from amos_hdl.gateware.board import BoardTop, count_lamps
from amos_hdl.gateware.link import LinkedNetwork
from amos_hdl.network import Argmax, Network
from amos_hdl.schedule import Schedule
from amos_hdl.schedule.board import Board
from amos_hdl.schedule.link import LinkSpec
from amos_hdl.schedule.pll import PllSpec
from amos_hdl.schedule.stream import Protection, StreamOptions, StreamSpec

#: Name of the top module, and of the files of the tools.
TOP = "top"
_TITLES = {
    "receiver": "UART, receiver: 8 data bits, lowest first, no parity, 1 stop bit.",
    "requests": "Frames from the host: images go on to the network, requests to the answers.",
    "answers": "Answers to the host, as frames.",
    "transmitter": "UART, transmitter: 8 data bits, lowest first, no parity, 1 stop bit.",
}


@dataclass(frozen=True)
class BoardDesign:
    """What the tools get.

    Members
    -------
    link : LinkSpec
    clock_mhz : Fraction
    pll : PllSpec or None
    verilog : mapping of str to str
        Verilog files by their name, sources before users; without the top.
    top : str
        RTLIL of the module ``top``: pins, clock, buffers.
    constraints_name, constraints : str
        Name and contents of the file of pins and clocks.
    commands : tuple of tuple of str
        As ``amaranth-boards`` has them, Yosys first.
    folded : bool
        Whether there are folded sums, or additions of two bits, which are smaller in carry cells.
    """

    link: LinkSpec
    clock_mhz: Fraction
    pll: PllSpec | None
    verilog: Mapping[str, str]
    top: str
    constraints_name: str
    constraints: str
    commands: tuple[tuple[str, ...], ...]
    folded: bool

    @property
    def sha256(self) -> str:
        """Of everything that the tools read."""
        parts = [*self.verilog.values(), self.top, self.constraints]
        return hashlib.sha256("".join(hashlib.sha256(part.encode()).hexdigest() for part in parts).encode()).hexdigest()


def link_spec(schedule: Schedule, bit_cycles: int, protect: Protection = "none") -> LinkSpec:
    """Return the link of a network."""
    return LinkSpec(
        # an image comes in, at the pace of the line, while the one before is in the network
        stream=StreamSpec.of(schedule, StreamOptions(beat_bytes=1, protect=protect), least_buffers=2),
        digest=schedule.network.digest,
        bit_cycles=bit_cycles,
    )


def shown_output(network: Network) -> str:
    """Return the output that is the class of an image: that of an argmax, else the first."""
    found = [operation.name for operation in network.operations if isinstance(operation, Argmax)]
    return next((name for name in found if name in network.outputs), network.outputs[0])


def render_linked(schedule: Schedule, link: LinkSpec, leds: int) -> tuple[str, dict[str, str]]:
    """Return the name of the module of a network behind a UART, and all Verilog files, sources before users."""
    network, top = schedule.network, f"{schedule.network.name}_link"
    names = {"stream": f"{network.name}_stream", **{part: f"{top}_{part}" for part in _TITLES}}
    linked = LinkedNetwork(link, names, leds=leds, shown=shown_output(network))
    modules = network_modules(schedule, copies=link.stream.copies) + stream_modules(schedule, link.stream)
    modules += [
        EmittedModule(names[part], component, header(_TITLES[part], [], schedule))
        for part, component in linked.parts.items()
    ]
    modules.append(EmittedModule(top, linked, header(*_description(schedule, link), schedule)))
    check_names(modules)
    verilog = convert({module.name: module.component for module in modules})
    return top, {f"{module.name}.v": f"{module.comment}\n{verilog[module.name]}" for module in modules}


def _description(schedule: Schedule, link: LinkSpec) -> tuple[str, list[str]]:
    body = [
        f"rx, tx: {link.bit_cycles} clock cycles per bit, 8 data bits, no parity, 1 stop bit.  "
        f"Frames of {link.image_bytes} bytes are images, answered by {link.result_bytes} bytes of results; for the "
        "protocol see docs/boards.md.",
        "leds: 0 changes with each image, 1 is on after a refused frame until the next image, the others show the "
        f"lowest bits of {shown_output(schedule.network)}.",
    ]
    return f"Network {schedule.network.name} behind a UART.", body


def render_board(
    schedule: Schedule, board: Board, clock_mhz: float | None, baud: int | None, protect: Protection = "none"
) -> BoardDesign:
    """Return a network for ``board``; None: the board's own clock and baud.

    Raises
    ------
    ScheduleError
        If the clock or the baud cannot be made, or the network is too large for the link.
    ToolError
        If ``amaranth-boards`` is not installed.
    """
    clock, pll = board.clock(clock_mhz)
    link = link_spec(schedule, board.bit_cycles(clock, baud), protect)
    platform = _platform(board)
    linked, verilog = render_linked(schedule, link, count_lamps(platform))
    plan = platform.prepare(BoardTop(linked, pll), TOP, emit_src=False)
    constraints = [name for name in plan.files if name.endswith((".lpf", ".pcf", ".cst"))]
    if len(constraints) != 1:
        raise EmitError("files of constraints", where=board.name, expected="one", got=repr(constraints))
    commands = json.loads(plan.files[f"build_{TOP}.json"])["commands"]
    return BoardDesign(
        link=link,
        clock_mhz=clock,
        pll=pll,
        verilog=verilog,
        top=plan.files[f"{TOP}.il"],
        constraints_name=constraints[0],
        constraints=plan.files[constraints[0]],
        commands=tuple(tuple(command) for command in commands),
        folded=schedule.options.carries,
    )


def _platform(board: Board) -> Any:
    """Return the platform of a board, with a UART where it has none of its own."""
    try:
        from amaranth_boards.resources import UARTResource
    except ImportError as error:
        raise ToolError(
            "amaranth-boards is not installed", hint='install it with: pip install "amos-hdl[board]"'
        ) from error
    module, _, name = board.platform.partition(".")
    kind = getattr(import_module(f"amaranth_boards.{module}"), name)
    platform = kind(toolchain="Apicula") if board.pll == "gowin" else kind()
    if ("uart", 0) not in platform.resources:
        # the OrangeCrab's USB is the FPGA's own; the pins 0 and 1 are those a Feather has its UART at
        from amaranth.build import Attrs

        platform.add_resources(
            [UARTResource(0, rx="0", tx="1", conn=("io", 0), attrs=Attrs(IO_TYPE="LVCMOS33", PULLMODE="UP"))]
        )
    return platform
