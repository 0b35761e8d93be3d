"""Gates that are tables written as text: proved equal, register by register, to what Amaranth and Yosys make."""

import re
from dataclasses import replace

import numpy as np
import pytest

from amos_hdl.circuit import decision, relu
from amos_hdl.emit.gates import gates_module
from amos_hdl.emit.verilog import by_yosys
from amos_hdl.errors import ToolError
from amos_hdl.gateware.gates import GateLayer
from amos_hdl.network import Dense, Input, Network, Unit
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.synthesize.tools import find_tool, run_tool
from tests.conftest import gate_network
from tests.units import ODD

PROOF = (
    "read_verilog gold.v gate.v; proc; opt_clean; equiv_make gold gate both; hierarchy -top both; opt_clean; "
    "equiv_simple -undef; equiv_status -assert"
)
#: Units whose y is wires, choices, a sum, and how many spikes they see.
CIRCUITS = {
    "binary code": (relu(3, bias=5), 3),
    "one answer": (decision((0, 1, 1, 0, 0, 1, 0, 1), 4), 3),
    "choices of both signs": (ODD.to_table(), 3),
    "a sum": (replace(relu(6), outputs=tuple(-5 << place for place in reversed(range(6)))), 6),
    "one input": (relu(2), 1),
}


def layer_of(circuit, inputs):
    """Return units of ``circuit`` on spikes; the last of them sees nothing."""
    weights = 1 << np.arange(inputs)
    rows = np.array([weights, weights[::-1], weights * (np.arange(inputs) != 0), 0 * weights])
    units = Unit("y", "s", (circuit,), np.zeros(len(rows), int))
    return Network("n", (Input("x", inputs, 0, 1), Dense("s", "x", rows, 8), units), ("y",))


def spec_of(network, layer):
    return Schedule(network, HardwareOptions()).specs[layer]


def prove(spec, folder, change=lambda text: text):
    (folder / "gold.v").write_text(by_yosys({"gold": GateLayer(spec)})["gold"])
    (folder / "gate.v").write_text(change(gates_module("gate", spec)))
    return run_tool(find_tool("yosys"), ["-p", PROOF], folder=folder, log="yosys.log")


def test_all_kinds_of_values_are_there():
    units = [spec_of(layer_of(*kind), "y").distinct[0] for kind in CIRCUITS.values()]
    assert [(unit.has_binary_code, unit.decoder is not None) for unit in units] == [
        (True, False),
        (False, True),
        (False, True),
        (False, False),
        (True, False),
    ]


@pytest.mark.parametrize("kind", CIRCUITS.values(), ids=CIRCUITS)
def test_the_text_is_the_circuit_of_the_component(kind, tmp_path):
    assert "Equivalence successfully proven!" in prove(spec_of(layer_of(*kind), "y"), tmp_path)


@pytest.mark.parametrize("layer", ["hidden", "last"])
def test_words_of_several_bits_are_read(layer, tmp_path):
    assert "Equivalence successfully proven!" in prove(spec_of(gate_network(), layer), tmp_path)


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"(TABLE_0_2 = \d+'h\w*)(\w);", lambda match: f"{match[1]}{int(match[2], 16) ^ 1:x};"),
        (r"TABLE_0_2\[\{ (\S+), (\S+),", r"TABLE_0_2[{ \2, \1,"),
        (r"spike_1_2 <= 1'h0;", "spike_1_2 <= fires_1_2;"),
        (r"in_valid & ~rst", "in_valid"),
        (r"assign y\[(\d+):(\d+)\] = \{ (\S+), (\S+),", r"assign y[\1:\2] = { \4, \3,"),
    ],
    ids=["an entry", "a wire", "a clear", "reset", "a value"],
)
def test_another_circuit_is_not_proved(pattern, replacement, tmp_path):
    def change(text):
        changed, done = re.subn(pattern, replacement, text, count=1)
        assert done
        return changed

    with pytest.raises(ToolError, match="unproven"):
        prove(spec_of(gate_network(), "hidden"), tmp_path, change)


def test_each_unit_is_one_block_of_readable_lines():
    text = gates_module("gate", spec_of(gate_network(), "hidden"))
    blocks = re.findall(r"(?<=\n\n)  localparam .*?(?=\n\n|\nendmodule)", text, re.DOTALL)
    for block in blocks:
        (unit,) = set(re.findall(r"\b(?:TABLE|fires|spike)_(\d+)", block))
        assert f"assign spikes[{3 * int(unit) + 2}:{3 * int(unit)}] = " in block
    assert len(blocks) == 5  # the third of six units has a gate for ever or none
    assert max(map(len, text.splitlines())) < 120
