"""A network behind its UART, as something to simulate: what a board holds but for its clock and its pins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.emit.board import link_spec, render_linked, shown_output
from amos_hdl.network import golden, store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.stream import Protection
from amos_hdl.simulate.control_file import Waiver, write_control_file
from amos_hdl.simulate.regression_list import Entry
from amos_hdl.simulate.waivers import STREAM_WAIVERS, WAIVERS, network_waivers

#: Verilator's warnings that are meant in the link.
LINK_WAIVERS = (
    Waiver("WIDTHTRUNC", "a byte of a result is the result moved right by the others", "*_link_answers.v"),
    Waiver(
        "CASEOVERLAP", "Yosys writes a choice of one among many conditions as a casez of which one holds", "*_link_*.v"
    ),
    Waiver("UNUSEDSIGNAL", "counters wrap: the carry is dropped", "*_link*.v", "Bits of signal * '_*_'*"),
    Waiver(
        "UNUSEDSIGNAL", "lengths have two bytes, and short answers a constant in the upper one", match="* 'length'*"
    ),
    Waiver(
        "UNUSEDSIGNAL", "spikes, and errors of the stream, are not looked at on a board", match="Signal is not used*"
    ),
)


@dataclass(frozen=True, eq=False)
class LinkDesign:
    """A linked network.

    Parameters
    ----------
    network_folder : Path
    schedule : Schedule
    images : int64 array ``(image, pixel)``
    bit_cycles : int
        Clock cycles of one bit of the UART; a board has more than a simulation needs.
    leds : int
    top : str
    verilog : mapping of str to str
        Files by their name.
    """

    network_folder: Path
    schedule: Schedule
    images: npt.NDArray[np.int64]
    bit_cycles: int
    leds: int
    top: str
    verilog: Mapping[str, str]

    def resolve(self, entry: Entry, work: Path) -> tuple[Sequence[Path], Sequence[Path], str]:
        """Write sources and a control file, and return them with the top module."""
        folder = work / "verilog"
        folder.mkdir(parents=True, exist_ok=True)
        sources = []
        for name, text in self.verilog.items():
            sources.append(folder / name)
            sources[-1].write_text(text, encoding="utf-8")
        waivers = [*WAIVERS, *STREAM_WAIVERS, *LINK_WAIVERS, *network_waivers(self.schedule)]
        return sources, [write_control_file(work / f"{self.top}.vlt", (), waivers)], self.top

    def job(self, entry: Entry, seed: int, folder: Path) -> Mapping[str, Any]:
        """Write the images of one run into ``folder`` and return the keys of its job."""
        path = folder / "images.npy"
        np.save(path, self.images[: entry.samples], allow_pickle=False)
        return {
            "network": str(self.network_folder.resolve()),
            "images": str(path.resolve()),
            "bit_cycles": self.bit_cycles,
            "leds": self.leds,
            "shown": shown_output(self.schedule.network),
            "latency_cycles": self.schedule.latency_cycles,
        }


def load_link(
    network_folder: Path,
    options: HardwareOptions,
    images: npt.ArrayLike,
    *,
    bit_cycles: int = 4,
    leds: int = 6,
    protect: Protection = "none",
) -> LinkDesign:
    """Return the linked network of a stored one.

    Raises StoreError, ScheduleError or DataError for damaged input, or a network that the link cannot carry.
    """
    schedule = Schedule(store.load(network_folder), options)
    checked = golden.check_images(schedule.network, images)
    top, verilog = render_linked(schedule, link_spec(schedule, bit_cycles, protect), leds)
    return LinkDesign(network_folder, schedule, checked, bit_cycles, leds, top, verilog)
