"""How right the cost model of units is, and whether the form it chooses is the smaller: by Yosys for ECP5, each alone.

They are made as in a network whose slowest path is elsewhere, so small rather than fast.

python benchmarks/unit_cost.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from amos_hdl.circuit import FLASH, Architecture, ThresholdCircuit, quantizer, relu
from amos_hdl.emit.verilog import convert
from amos_hdl.gateware.folded import FoldedUnit
from amos_hdl.gateware.unit import AmosUnit
from amos_hdl.schedule import FoldedUnitSpec, UnitSpec
from amos_hdl.schedule.estimate import unit_estimate
from amos_hdl.synthesize.cells import count_cells
from amos_hdl.synthesize.families import FAMILIES
from amos_hdl.synthesize.tools import find_tool, run_tool
from amos_hdl.synthesize.yosys import read_json

LOW, HIGH = -2048, 2047
#: What abc9 is told that the logic may take, in ps: more than any unit does, as if the slowest path were elsewhere.
UNHURRIED_PS = 20_000


@dataclass(frozen=True)
class Compared:
    """LUTs of one unit: by the cost model, and by Yosys."""

    name: str
    estimated: int
    luts: int

    @property
    def ratio(self) -> float:
        """Estimate by measurement."""
        return self.estimated / max(1, self.luts)


def compare(specs: Mapping[str, UnitSpec], work: Path) -> list[Compared]:
    """Synthesize units, all in one Yosys, in the folder ``work``."""
    work.mkdir(parents=True, exist_ok=True)
    family, script = FAMILIES["ecp5"], []
    verilog = convert({name: FoldedUnit(spec) if spec.folded else AmosUnit(spec) for name, spec in specs.items()})
    for name, text in verilog.items():
        (work / f"{name}.v").write_text(text, encoding="utf-8")
        options = " ".join(option for option in (family.no_dsp, family.no_carry, family.no_block_ram) if option)
        script += ["design -reset", f"scratchpad -set abc9.D {UNHURRIED_PS}"]
        script += [f"read_verilog {name}.v", f"{' '.join(family.synth)} {options} -top {name}"]
        script.append(f"tee -q -o {name}.json stat -json")
    (work / "units.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    run_tool(find_tool("yosys"), ["-q", "-s", "units.ys"], folder=work, log="yosys.log")
    found = {name: count_cells(read_json(work / f"{name}.json"), name, family, where=name).luts for name in specs}
    return [Compared(name, unit_estimate(spec).luts, found[name]) for name, spec in specs.items()]


def spec_of(circuit: ThresholdCircuit, kind: type[UnitSpec] = UnitSpec) -> UnitSpec:
    """Return the spec of a unit whose potential has 12 bits, in the form that the cost model chooses."""
    return kind(circuit, LOW, HIGH, *circuit.value_interval(LOW, HIGH))


def adding(spec: UnitSpec) -> UnitSpec:
    """Return the same unit made to add lateral weights wherever there are any."""
    forced = type(spec)(spec.circuit, spec.low, spec.high, spec.result_low, spec.result_high)
    vars(forced).update(lookups=(spec.lookups[0],) + (None,) * (spec.circuit.gates - 1), rom=None)
    return forced


def looking_up(spec: UnitSpec) -> UnitSpec:
    """Return the same unit made to look all thresholds up."""
    # a table circuit has no sums that could be taken instead
    forced = type(spec)(spec.circuit, spec.low, spec.high, spec.result_low, spec.result_high)
    vars(forced).update(linear=None)
    return forced


def units(bits: range) -> Iterator[tuple[str, UnitSpec]]:
    """Yield units of every architecture, and serial ones in both forms."""
    random = np.random.default_rng(0)
    for number in bits:
        steps = np.sort(random.choice(np.arange(-1900, 1900), (1 << number) - 1, replace=False)).tolist()
        linear = relu(number, step=1638 >> number, bias=37)
        yield f"relu{number}_table", looking_up(spec_of(linear))
        yield f"relu{number}_sums", adding(spec_of(linear))
        yield f"relu{number}_folded_table", looking_up(spec_of(linear, FoldedUnitSpec))
        yield f"relu{number}_folded_sums", adding(spec_of(linear, FoldedUnitSpec))
        yield f"steps{number}_serial", spec_of(quantizer(steps))
        if number <= 6:
            yield f"steps{number}_flash", spec_of(quantizer(steps, FLASH))
        if number in (4, 6):
            yield f"steps{number}_staged", spec_of(quantizer(steps, Architecture("staged", 2)))


def main() -> None:
    """Print what the model says and what Yosys says."""
    compared = compare(dict(units(range(2, 9))), Path("build") / "unit_cost")
    print("| unit | LUT4 by the model | by Yosys | ratio |\n|---|---|---|---|")
    for row in compared:
        print(f"| {row.name} | {row.estimated} | {row.luts} | {row.ratio:.2f} |")
    ratios = np.array([row.ratio for row in compared])
    print(f"\nmean {ratios.mean():.2f}, deviation {ratios.std():.2f}, from {ratios.min():.2f} to {ratios.max():.2f}")


if __name__ == "__main__":
    main()
