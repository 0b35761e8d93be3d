"""A generated network as something to simulate: which sources, which inner signals, which job for the testbench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import amos_hdl
from amos_hdl.emit.manifest import Manifest, load_schedule
from amos_hdl.errors import SimulationError
from amos_hdl.network import Network, golden, store
from amos_hdl.schedule import ArgmaxSpec, DenseSpec, FoldedSumSpec, MaxSpec, Schedule, UnitLayerSpec
from amos_hdl.simulate.control_file import Waiver, write_control_file
from amos_hdl.simulate.regression_list import Entry, RegressionList
from amos_hdl.simulate.waivers import STREAM_WAIVERS, WAIVERS, network_waivers

#: Clock cycles of images back to back that cocotb is given at most, which does some thousand per second, and the images
#: that it is given even so; whole data sets are for the batch simulator.
COCOTB_CYCLES, LEAST_IMAGES = 50_000, 4


@dataclass(frozen=True, eq=False)
class Design:
    """A stored network and the folder of Verilog made from it.

    Parameters
    ----------
    network_folder, rtl : Path
    schedule : Schedule
        With the options that the Verilog was made with.
    manifest : Manifest
    images : int64 array ``(image, pixel)``, optional
        What the network is tried on; random images if not given.
    """

    network_folder: Path
    rtl: Path
    schedule: Schedule
    manifest: Manifest
    images: npt.NDArray[np.int64] | None = None

    @property
    def network(self) -> Network:
        """The network."""
        return self.schedule.network

    @property
    def spike_ports(self) -> list[str]:
        """Ports through which spikes leave the network where a stream counts them; others leave them open."""
        return [port.name for port in self.manifest.ports if port.name.startswith("spikes_")]

    def resolve(self, entry: Entry, work: Path) -> tuple[Sequence[Path], Sequence[Path], str]:
        """Return sources, control files and top module of ``entry``.

        ``toplevel`` is ``network``, ``stream``, ``layer:<name>`` or ``unit:<number>``.  Raises SimulationError for
        anything else.
        """
        kind, _, name = entry.toplevel.partition(":")
        modules = {layer.name: layer.module for layer in self.manifest.layers if layer.module is not None}
        sources = [self.rtl / path for path in self.manifest.files]
        work.mkdir(parents=True, exist_ok=True)
        control = work / f"{self.network.name}.vlt"
        spiking = [(modules[layer.name], "spikes") for layer in self.manifest.layers if layer.gates is not None]
        match kind:
            case "network":
                waivers = [*WAIVERS, *network_waivers(self.schedule)]
                return sources, [write_control_file(control, spiking, waivers)], self.manifest.top
            case "stream" if (wrapper := self.manifest.stream) is not None:
                reason = "spikes leave a layer for testbenches alone"
                unread = Waiver("UNUSEDSIGNAL", reason, f"*{self.manifest.top}.v", "Signal is not used: '_*_'*")
                waivers = [*WAIVERS, *STREAM_WAIVERS, *network_waivers(self.schedule), unread]
                control = work / f"{wrapper.top}.vlt"
                return sources, [write_control_file(control, spiking, waivers)], wrapper.top
            case "layer" if name in modules:
                units = [path for path in sources if path.parent != self.rtl]
                top = modules[name]
                return [*units, self.rtl / f"{top}.v"], [write_control_file(control, (), WAIVERS)], top
            case "unit" if (self.rtl / "units" / f"{self.network.name}_unit{name}.v").is_file():
                top = f"{self.network.name}_unit{name}"
                return [self.rtl / "units" / f"{top}.v"], [write_control_file(control, (), WAIVERS)], top
        layers = ", ".join(modules)
        stream = "" if self.manifest.stream is None else " stream,"
        expected = f"network,{stream} layer:NAME of {layers}, or unit:NUMBER"
        raise SimulationError("toplevel", where=entry.name, expected=expected, got=repr(entry.toplevel))

    def job(self, entry: Entry, seed: int, folder: Path) -> Mapping[str, Any]:
        """Write the images of one run into ``folder`` and return the keys of its job."""
        kind, _, name = entry.toplevel.partition(":")
        job: dict[str, Any] = {
            "network": str(self.network_folder.resolve()),
            "options": self.schedule.options.as_dict(),
        }
        if kind == "stream" and (wrapper := self.manifest.stream) is not None:
            job |= {"beat_bytes": wrapper.beat_bytes, "registers": wrapper.registers is not None}
        if kind in ("network", "stream"):
            path = folder / "images.npy"
            most = max(LEAST_IMAGES, COCOTB_CYCLES // self.schedule.interval_cycles)
            np.save(path, self.some_images(min(entry.samples, most), seed), allow_pickle=False)
            job["images"] = str(path.resolve())
        else:
            job[kind] = name
        return job

    def some_images(self, most: int, seed: int) -> npt.NDArray[np.int64]:
        """Return at most ``most`` of the images, in order; random ones if the design has none."""
        if self.images is not None:
            return self.images[:most]
        code = self.network.input
        return np.random.default_rng(seed).integers(code.low, code.high, (most, code.units), endpoint=True)


def load_design(network_folder: Path, rtl: Path, images: npt.ArrayLike | None = None) -> Design:
    """Load a stored network and the Verilog made from it.

    Raises StoreError, EmitError or DataError for damaged input, or Verilog that was made from another network.
    """
    manifest, schedule = load_schedule(store.load(network_folder), rtl)
    checked = None if images is None else golden.check_images(schedule.network, images)
    return Design(network_folder, rtl, schedule, manifest, checked)


def layer_list(design: Design, samples: int = 2000) -> RegressionList:
    """Return a regression list of the layers of ``design`` on their own: sums, units, greatest taps, argmax.

    What only moves pixels (windows, pools side by side, buffers, flattening, products with what is kept) has the timing
    of whole maps, and is looked at in the network, where every spike behind it says whether its pixels are right.
    """
    entries = []
    for layer in design.manifest.layers:
        spec = design.schedule.specs[layer.name]
        if isinstance(spec, DenseSpec | FoldedSumSpec | UnitLayerSpec | MaxSpec | ArgmaxSpec):
            interval = spec.interval_cycles * (spec.parts if isinstance(spec, FoldedSumSpec) else 1)
            most = min(samples, max(LEAST_IMAGES, COCOTB_CYCLES // interval))
            entries.append(
                Entry(name=layer.name, toplevel=f"layer:{layer.name}", test_module="test_layer", samples=most)
            )
    return RegressionList(version=1, entries=tuple(entries))


def testbench_folder() -> Path:
    """Return the folder of cocotb test modules and regression lists.

    Raises SimulationError if it is not beside the package: testbenches come with a checkout of the repository.
    """
    folder = Path(amos_hdl.__file__).resolve().parent.parent / "testbenches"
    if not (folder / "test_network.py").is_file():
        hint = "clone the repository and install it with: pip install -e ."
        raise SimulationError("testbenches not found", where=str(folder), hint=hint)
    return folder
