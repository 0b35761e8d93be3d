"""The figures of one synthesis, and the file that holds them."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from amos_hdl.errors import SynthesisError
from amos_hdl.synthesize.cells import CellCounts

RESULT = "result.json"
FORMAT = 1


@dataclass(frozen=True)
class SynthesisResult:
    """Figures of one design on one target.  The same sources, options and tools give the same result, byte for byte.

    Parameters
    ----------
    format : int
        Version of this file format.
    target, device, package : str
        What it was made for.
    top : str
        The module that was synthesized, harness included.
    network_top : str, optional
        The module that ``network`` counts.
    seed : int, optional
        Of place and route; None if there was none.
    frequency_mhz : float, optional
        What place and route aimed at, in MHz.
    sources_sha256 : str
        Of the Verilog sources, in order.
    tools : dict
        Name and version of each tool.
    counted_by : str
        ``nextpnr``: ``luts``, ``block_rams``, ``dsps`` and ``pins`` are what place and route used.
        ``yosys``: they are what the cells take at the least.
    luts : int
        LUT sites that the design takes, carry logic included (iCE40: logic cells; Xilinx: LUT, INV, SRL cells).
    flip_flops, carry_cells, block_rams, dsps, pins : int
        The same for the other resources.
    percent : dict, optional
        Of the device, per resource; None for an estimate without a device.
    design : CellCounts
        Cells of the whole design after Yosys.
    network : CellCounts, optional
        Cells of the network alone after Yosys, without harness.
    fmax_mhz : float, optional
        Highest clock frequency, in MHz, after place and route, at the slowest corner that nextpnr models.
    latency_cycles, interval_cycles : int
        Clock cycles from an image's entry to its result, and between two images.
    latency_ns : float, optional
        Latency in ns at ``fmax_mhz``.
    images_per_second : float, optional
        At ``fmax_mhz``: 10^6 * fmax_mhz / interval_cycles.  Of the network; a serial harness feeds it more slowly.
    """

    format: int
    target: str
    device: str
    package: str
    top: str
    network_top: str | None
    seed: int | None
    frequency_mhz: float | None
    sources_sha256: str
    tools: dict[str, str]
    counted_by: str
    luts: int
    flip_flops: int
    carry_cells: int
    block_rams: int
    dsps: int
    pins: int
    percent: dict[str, float] | None
    design: CellCounts
    network: CellCounts | None
    fmax_mhz: float | None
    latency_cycles: int
    interval_cycles: int
    latency_ns: float | None
    images_per_second: float | None

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    def to_json(self) -> str:
        """The file's text."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"


def write_result(result: SynthesisResult, path: Path) -> None:
    """Write the file whole or not at all: a temporary file beside it, then a rename."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(result.to_json(), encoding="utf-8")
    temporary.replace(path)  # atomic


def load_result(path: Path) -> SynthesisResult:
    """Read a result file back.

    Raises
    ------
    SynthesisError
        If it is missing, damaged, or of another format version.
    """
    from pydantic import TypeAdapter, ValidationError  # here: it takes a quarter of a second to import

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SynthesisError("no synthesis result", where=str(path), hint="run amos-hdl synth") from error
    try:
        result = TypeAdapter(SynthesisResult).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SynthesisError(f"not a synthesis result ({place}: {first['msg']})", where=str(path)) from error
    if result.format != FORMAT:
        raise SynthesisError("another format version", where=str(path), expected=str(FORMAT), got=str(result.format))
    return result
