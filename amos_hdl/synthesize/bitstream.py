"""A board's design into its bitstream: Yosys, nextpnr, the packer of the device, and the clock that must be met."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from amos_hdl.emit.board import TOP, BoardDesign
from amos_hdl.errors import DoesNotFitError, SynthesisError
from amos_hdl.files import write_file
from amos_hdl.schedule.board import Board
from amos_hdl.synthesize.nextpnr import REPORT, place
from amos_hdl.synthesize.targets import find_target
from amos_hdl.synthesize.tools import find_tool, run_tool
from amos_hdl.synthesize.unfinished import unfinished_folder
from amos_hdl.synthesize.yosys import NETLIST_JSON, run_yosys

RESULT = "board.json"
_PACKERS = ("icepack", "ecppack", "gowin_pack")
_SUFFIXES = (".bit", ".bin", ".fs")


@dataclass(frozen=True)
class Bitstream:
    """A bitstream and its figures.  The same design, seed and tools give the same bytes.

    Members
    -------
    board, device : str
    network, network_sha256 : str
    bitstream, bitstream_sha256 : str
        Name of the file beside this one.
    design_sha256 : str
        Of what the tools read.
    clock_mhz, fmax_mhz : float
        What the network runs at, and what it could.
    baud : float
        Of the UART.
    luts, flip_flops, block_rams : int
        LUT sites (iCE40: logic cells), flip-flops and block RAMs of everything on the device.
    lut_percent : float
        Of the device.
    image_bytes, result_bytes : int
        Payloads on the link.
    latency_cycles, interval_cycles : int
        Of the network.
    seed : int
        Of place and route.
    tools : dict
    """

    board: str
    device: str
    network: str
    network_sha256: str
    bitstream: str
    bitstream_sha256: str
    design_sha256: str
    clock_mhz: float
    fmax_mhz: float
    baud: float
    luts: int
    flip_flops: int
    block_rams: int
    lut_percent: float
    image_bytes: int
    result_bytes: int
    latency_cycles: int
    interval_cycles: int
    seed: int
    tools: dict[str, str]


def build_bitstream(
    design: BoardDesign,
    board: Board,
    network: str,
    work: Path,
    *,
    seed: int = 1,
    progress: Callable[[str], None] = lambda message: None,
) -> Bitstream:
    """Make the bitstream of ``design`` in ``work``; what an earlier run left there stays unless all succeeds.

    Raises
    ------
    DoesNotFitError
        If the device cannot hold it.
    SynthesisError
        If it is slower than its clock, or a report is not complete.
    ToolError
        If a tool is missing or fails.
    """
    target = find_target(board.target)
    packer_name = next(command[0] for command in design.commands if command[0] in _PACKERS)
    progress("looking for the tools")
    yosys, placer, packer = find_tool("yosys"), find_tool(str(target.family.placer)), find_tool(packer_name)
    with unfinished_folder(work) as folder:
        sources = {**design.verilog, f"{TOP}.il": design.top}
        for name, text in {**sources, design.constraints_name: design.constraints}.items():
            write_file(folder / name, text, SynthesisError)
        progress(f"synthesizing for {target.device} with Yosys {yosys.version}")
        cells = run_yosys(
            yosys, list(sources), TOP, target.family, folder=folder, folded=design.folded, buffers=False
        ).design
        progress(f"placing and routing {cells.lut_sites:,} LUTs on {target.device} with {placer.version}")
        try:
            placed = place(placer, target, cells, _place_options(design, seed), folder=folder, clock=None)
        except DoesNotFitError as error:
            # a board's device is what it is: only the network can become smaller
            hint = "share hardware with --fold LAYER or --fold SUMS=LANESxINPUTS, or take a larger board"
            where = f"{network} on {board.name}"
            raise DoesNotFitError(error.what, where=where, expected=error.expected, got=error.got, hint=hint) from error
        clock = float(design.clock_mhz)
        if placed.fmax_mhz < clock:
            raise SynthesisError(
                "the clock is not met",
                where=f"{network} on {board.name}",
                expected=f"{clock:g} MHz",
                got=f"{placed.fmax_mhz:.1f} MHz",
                hint="lower it with --clock, or try fewer --adders-per-stage, or another --seed",
            )
        progress("packing the bitstream")
        name = _pack(
            design, packer_name, lambda options: run_tool(packer, options, folder=folder, log="pack.log"), folder
        )
        file = folder / f"{network}-{board.name}{Path(name).suffix}"
        (folder / name).rename(file)
        suffix = _dfu_suffix(design.commands, file.read_bytes())
        if suffix is not None:
            write_file(file.with_suffix(".dfu"), file.read_bytes() + suffix, SynthesisError)
        result = Bitstream(
            board=board.name,
            device=target.device,
            network=network,
            network_sha256=design.link.digest,
            bitstream=file.name,
            bitstream_sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
            design_sha256=design.sha256,
            clock_mhz=clock,
            fmax_mhz=round(placed.fmax_mhz, 2),
            baud=round(clock * 1e6 / design.link.bit_cycles, 1),
            luts=placed.used["luts"],
            flip_flops=placed.used.get("flip_flops", cells.flip_flops),
            block_rams=placed.used["block_rams"],
            lut_percent=round(100 * placed.used["luts"] / placed.available["luts"], 1),
            image_bytes=design.link.image_bytes,
            result_bytes=design.link.result_bytes,
            latency_cycles=design.link.stream.network_latency_cycles,
            interval_cycles=design.link.stream.network_interval_cycles,
            seed=seed,
            tools={tool.name: tool.version for tool in (yosys, placer, packer)},
        )
        (work / RESULT).unlink(missing_ok=True)
        for path in sorted(folder.iterdir()):
            if path.is_file():
                path.replace(work / path.name)
        shutil.rmtree(folder)
        write_file(work / RESULT, json.dumps(dataclasses.asdict(result), indent=2) + "\n", SynthesisError)
        return result


def _place_options(design: BoardDesign, seed: int) -> list[str]:
    """Return the platform's own options of nextpnr, with our netlist, a report, a seed, and a clock that may fail."""
    command = next(command for command in design.commands if command[0].startswith("nextpnr"))
    options, words = [], iter(command[1:])
    for word in words:
        match word:
            case "--quiet":
                pass
            case "--log":
                next(words)  # the log is what it prints
            case "--json":
                next(words)
                options += [word, NETLIST_JSON]
            case "--family" | "--cst":  # of the nextpnr for Gowin alone that there was before
                options += ["--vopt", f"{word.removeprefix('--')}={next(words)}"]
            case _:
                options.append(word)
    clock = f"{float(design.clock_mhz):g}"
    return [*options, "--report", REPORT, "--seed", str(seed), "--freq", clock, "--timing-allow-fail"]


def _pack(design: BoardDesign, packer: str, run: Callable[[Sequence[str]], object], folder: Path) -> str:
    """Run the platform's own command of the packer; return the name of the bitstream."""
    command = next(command for command in design.commands if command[0] == packer)
    run(command[1:])
    name = next(word for word in command if word.endswith(_SUFFIXES))
    if not (folder / name).is_file() or not (folder / name).stat().st_size:
        raise SynthesisError(f"{packer} wrote no bitstream", where=str(folder / name))
    return name


def _dfu_suffix(commands: Sequence[Sequence[str]], content: bytes) -> bytes | None:
    """Return what makes a file for ``dfu-util`` of a bitstream, None for a board that is loaded otherwise.

    Source: USB Device Class Specification for Device Firmware Upgrade 1.1, appendix B.
    """
    command = next((command for command in commands if command[0] == "dfu-suffix"), None)
    if command is None:
        return None
    vendor, product = (int(command[command.index(option) + 1], 16) for option in ("-v", "-p"))
    numbers = (0xFFFF, product, vendor, 0x0100)
    suffix = b"".join(number.to_bytes(2, "little") for number in numbers) + b"UFD" + bytes([16])
    return suffix + (zlib.crc32(content + suffix) ^ 0xFFFFFFFF).to_bytes(4, "little")
