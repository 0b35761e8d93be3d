"""The whole way from Verilog to a result file."""

import hashlib
import math
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from amos_hdl.errors import SynthesisError
from amos_hdl.synthesize.families import RESOURCES
from amos_hdl.synthesize.fit import needs_of
from amos_hdl.synthesize.nextpnr import Placed, run_nextpnr
from amos_hdl.synthesize.result import FORMAT, RESULT, SynthesisResult, write_result
from amos_hdl.synthesize.targets import Target, find_target
from amos_hdl.synthesize.tools import find_tool
from amos_hdl.synthesize.unfinished import unfinished_folder
from amos_hdl.synthesize.yosys import Synthesized, run_yosys

#: Of a work folder, what a run may have written.
_WRITTEN = re.compile(
    r"source\d+_.*|carry_chains\.v|(synthesize|netlist|mapped|statistics|yosys|nextpnr|report|pins)\w*\.\w+"
)


def synthesize(
    sources: Sequence[Path],
    top: str,
    target: str,
    work: Path,
    *,
    pnr: bool,
    latency_cycles: int,
    interval_cycles: int = 1,
    seed: int = 1,
    frequency_mhz: float = 100.0,
    network_top: str | None = None,
    clock: str = "clk",
    block_ram: bool = True,
    folded: bool = False,
    dsp: bool = False,
    progress: Callable[[str], None] | None = None,
) -> SynthesisResult:
    """Synthesize a design and, if asked, place and route it.

    A run works in ``work/unfinished``.  What it made moves to ``work`` when all of it has succeeded, ``result.json``
    last; if it fails, its files (the logs) stay in ``unfinished`` until the next run, unless it is interrupted, and the
    results of an earlier run are left as they were.  One run per work folder at a time.

    Parameters
    ----------
    sources : sequence of Path
        Verilog files.
    top : str
        The module to synthesize: with ``pnr``, a harness with few pins around the network.
    target : str
        A name that ``targets.find_target`` knows.
    work : Path
        Folder for results; made if missing.
    pnr : bool
        Whether to place and route.
    latency_cycles, interval_cycles : int
        Clock cycles from an image's entry to its result, and between two images.
    seed : int
        Of place and route.
    frequency_mhz : float
        What place and route aims at, in MHz; falling short is not an error.
    network_top : str, optional
        The network's module below ``top``, to be counted alone.
    clock : str
        Name of the clock port.
    block_ram : bool
        False forbids block RAM.
    folded : bool
        True for a network with folded sums, or of additions of two bits, which may use carry cells (figures in
        ``families.py``, ``benchmarks``).
    dsp : bool
        True allows DSP blocks where the family's synthesis uses them by default.
    progress : callable, optional
        Is told what begins, in a few words.

    Raises
    ------
    SynthesisError
        For an unknown target, a source that is missing, a work folder that cannot be made, numbers out of range, or a
        report that is not complete.
    DoesNotFitError
        If the device cannot hold the design (with ``pnr`` only).
    ToolError
        If a tool is missing or fails.
    """
    chosen = find_target(target)
    tell = progress if progress is not None else _silent
    _check(sources, chosen, pnr, latency_cycles, interval_cycles, seed, frequency_mhz)
    tell("looking for the tools")  # the first call of a YoWASP build compiles it: up to a minute
    yosys = find_tool("yosys")
    placer = find_tool(chosen.family.placer) if pnr and chosen.family.placer is not None else None

    with unfinished_folder(work) as folder:
        names, digest = _copy_sources(sources, folder)
        tell(f"synthesizing {top} for {chosen.name} with Yosys {yosys.version}")
        synthesized = run_yosys(
            yosys,
            names,
            top,
            chosen.family,
            folder=folder,
            network_top=network_top,
            block_ram=block_ram,
            folded=folded,
            dsp=dsp,
        )
        placed = None
        if placer is not None:
            tell(f"placing and routing {synthesized.design.lut_sites:,} LUTs on {chosen.device} with {placer.version}")
            placed = run_nextpnr(
                placer,
                chosen,
                synthesized.design,
                folder=folder,
                top=top,
                clock=clock,
                seed=seed,
                frequency_mhz=frequency_mhz,
            )
        result = _summarise(
            chosen,
            synthesized,
            placed,
            top=top,
            network_top=network_top,
            seed=seed,
            frequency_mhz=frequency_mhz,
            sources_sha256=digest,
            tools={tool.name: tool.version for tool in (yosys, placer) if tool is not None},
            latency_cycles=latency_cycles,
            interval_cycles=interval_cycles,
        )
        _move_up(folder, work)
        write_result(result, work / RESULT)
        return result


def _silent(message: str) -> None:
    pass


def _check(
    sources: Sequence[Path],
    target: Target,
    pnr: bool,
    latency_cycles: int,
    interval_cycles: int,
    seed: int,
    frequency_mhz: float,
) -> None:
    if pnr and target.family.placer is None:
        raise SynthesisError(f"there is no place and route for {target.name}", hint="synthesize without it")
    if not sources:
        raise SynthesisError("no Verilog sources")
    for source in sources:
        if not source.is_file():
            raise SynthesisError("no such Verilog file", where=str(source))
    for name, value, least in (("latency_cycles", latency_cycles, 0), ("interval_cycles", interval_cycles, 1)):
        if value < least:
            raise SynthesisError(f"{name} out of range", expected=f"at least {least}", got=repr(value))
    if not 0 <= seed < 2**31:
        raise SynthesisError("seed out of range", expected="0 to 2^31 - 1", got=repr(seed))
    if not 0 < frequency_mhz < math.inf:
        raise SynthesisError("frequency_mhz out of range", expected="a positive number", got=repr(frequency_mhz))


def _copy_sources(sources: Sequence[Path], folder: Path) -> tuple[list[str], str]:
    """Copy sources under plain, distinct names (tools see no other folder); returns the names and their SHA-256."""
    digest = hashlib.sha256()
    names: list[str] = []
    for index, source in enumerate(sources):
        content = source.read_bytes()
        name = re.sub(r"[^\w.-]", "_", source.name, flags=re.ASCII)
        name = f"source{index}_{name}"
        (folder / name).write_bytes(content)
        digest.update(hashlib.sha256(content).digest())
        names.append(name)
    return names, digest.hexdigest()


def _move_up(folder: Path, work: Path) -> None:
    """Put the files of this run in the place of those of an earlier one, all of which go."""
    for path in work.iterdir():
        if path.is_file() and _WRITTEN.fullmatch(path.name):
            path.unlink()
    for path in sorted(folder.iterdir()):
        if path.is_file():
            path.replace(work / path.name)
    shutil.rmtree(folder)


def _summarise(
    target: Target,
    synthesized: Synthesized,
    placed: Placed | None,
    *,
    top: str,
    network_top: str | None,
    seed: int,
    frequency_mhz: float,
    sources_sha256: str,
    tools: dict[str, str],
    latency_cycles: int,
    interval_cycles: int,
) -> SynthesisResult:
    figures = needs_of(synthesized.design)
    percent: dict[str, float] | None = None
    if target.capacity is not None:
        available = {resource: target.capacity.of(resource) for resource in RESOURCES}
        if placed is not None:
            figures |= placed.used
        percent = {
            resource: round(100 * figures[resource] / available[resource], 2)
            for resource in RESOURCES
            if available[resource] > 0
        }
    fmax = round(placed.fmax_mhz, 2) if placed is not None else None
    return SynthesisResult(
        format=FORMAT,
        target=target.name,
        device=target.device,
        package=target.package,
        top=top,
        network_top=network_top,
        seed=seed if placed is not None else None,
        frequency_mhz=float(frequency_mhz) if placed is not None else None,
        sources_sha256=sources_sha256,
        tools=tools,
        counted_by="nextpnr" if placed is not None else "yosys",
        luts=figures["luts"],
        flip_flops=figures["flip_flops"],
        carry_cells=figures["carry_cells"],
        block_rams=figures["block_rams"],
        dsps=figures["dsps"],
        pins=figures["pins"],
        percent=percent,
        design=synthesized.design,
        network=synthesized.network,
        fmax_mhz=fmax,
        latency_cycles=latency_cycles,
        interval_cycles=interval_cycles,
        latency_ns=round(1000 * latency_cycles / fmax, 3) if fmax is not None else None,
        images_per_second=round(1e6 * fmax / interval_cycles, 1) if fmax is not None else None,
    )
