"""What AXI4-Streams cost around the digits network: cells after Yosys, and the clock after place and route on ecp5-25k.

python benchmarks/streams.py        # about ten minutes
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from amos_hdl.emit.generate import generate
from amos_hdl.network import store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.stream import StreamOptions
from amos_hdl.synthesize.flow import synthesize

#: name: (wrapper, whether it is placed and routed: an image in one beat has more pins than the device)
WRAPPERS = {
    "one beat of 40 bytes": (StreamOptions(), False),
    "5 beats of 8 bytes": (StreamOptions(beat_bytes=8), True),
    "40 beats of 1 byte": (StreamOptions(beat_bytes=1), True),
    "5 beats, registers": (StreamOptions(beat_bytes=8, registers=True), True),
    "5 beats, protected": (StreamOptions(beat_bytes=8, protect="tmr"), True),
}


def main() -> None:
    """Measure and print one table."""
    network = store.load(Path(__file__).resolve().parent.parent / "models" / "digits")
    schedule = Schedule(network, HardwareOptions())
    table = Table("wrapper", "LUTs", "of them around the network", "flip-flops", "around", "block RAMs", "Fmax")
    console = Console(width=120)
    for name, (options, pnr) in WRAPPERS.items():
        with TemporaryDirectory() as folder:
            manifest = generate(schedule, Path(folder) / "rtl", options)
            result = synthesize(
                [Path(folder) / "rtl" / path for path in manifest.files],
                manifest.stream.top,
                "ecp5-25k",
                Path(folder) / "work",
                pnr=pnr,
                latency_cycles=manifest.stream.latency_cycles,
                interval_cycles=manifest.stream.interval_cycles,
                network_top=manifest.top,
                frequency_mhz=150,
            )
        design, inner = result.design, result.network
        table.add_row(
            name,
            f"{design.luts:,}",
            f"{design.luts - inner.luts:,}",
            f"{design.flip_flops:,}",
            f"{design.flip_flops - inner.flip_flops:,}",
            str(design.block_rams),
            "not placed" if result.fmax_mhz is None else f"{result.fmax_mhz:.1f} MHz",
        )
        console.print(f"{name} done")
    console.print(table)


if __name__ == "__main__":
    main()
