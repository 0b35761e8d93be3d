"""Weighted sums written as text: proved equal, register by register, to what Amaranth and Yosys make of them."""

import re

import numpy as np
import pytest

from amos_hdl.emit.sums import sums_module
from amos_hdl.emit.verilog import by_yosys
from amos_hdl.errors import ToolError
from amos_hdl.gateware.dense import DenseLayer
from amos_hdl.network import Dense, Tensor
from amos_hdl.schedule import DenseSpec
from amos_hdl.synthesize.tools import find_tool, run_tool

PROOF = (
    "read_verilog gold.v gate.v; proc; opt_clean; equiv_make gold gate both; hierarchy -top both; opt_clean; "
    "equiv_simple -undef; equiv_status -assert"
)


def sums(interval, adders_per_stage=1, lut_inputs=6, extra_levels=0, weight=8):
    """Return sums with a row of zeros, a row that never is positive, and two equal rows."""
    random = np.random.default_rng(1)
    weights, bias = random.integers(-weight, weight, (6, 7)), random.integers(-20, 20, 6)
    weights[1], weights[2], bias[2] = 0, -np.abs(weights[2]), -5
    weights[5], bias[5] = weights[4], bias[4]
    operation, source = Dense("d", "x", weights, 4, bias), Tensor(np.full(7, interval[0]), np.full(7, interval[1]))
    return DenseSpec(operation, source, operation.result(source), adders_per_stage, lut_inputs, extra_levels)


def prove(spec, folder, change=lambda text: text):
    (folder / "gold.v").write_text(by_yosys({"gold": DenseLayer(spec)})["gold"])
    (folder / "gate.v").write_text(change(sums_module("gate", spec)))
    return run_tool(find_tool("yosys"), ["-p", PROOF], folder=folder, log="yosys.log")


@pytest.mark.parametrize(
    ("adders_per_stage", "lut_inputs", "extra_levels"), [(1, 4, 0), (2, 6, 0), (1, 6, 3), (5, 4, 2), (1, 2, 1)]
)
@pytest.mark.parametrize("interval", [(0, 7), (-4, 3), (2, 2), (0, 1)])
def test_the_text_is_the_circuit_of_the_component(adders_per_stage, lut_inputs, extra_levels, interval, tmp_path):
    said = prove(sums(interval, adders_per_stage, lut_inputs, extra_levels), tmp_path)
    assert "Equivalence successfully proven!" in said


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"_with_carry = (.*) - ", r"_with_carry = \1 + "),
        (r"_row\[(\d)\] = 8'h96", r"_row[\1] = 8'h97"),
        (r"_at_2 <= (\w+);", r"_at_2 <= ~\1;"),
        (r"if \(rst\) valid_2 <= 1'h0", r"if (rst) valid_2 <= 1'h1"),
    ],
)
def test_another_circuit_is_not_proved(pattern, replacement, tmp_path):
    def change(text):
        changed, done = re.subn(pattern, replacement, text, count=1)
        assert done
        return changed

    with pytest.raises(ToolError, match="unproven"):
        prove(sums((0, 7)), tmp_path, change)


def test_each_value_is_one_block_of_readable_lines():
    text = sums_module("gate", sums((0, 7)))
    for block in re.findall(r"\n\n(  wire .*?)(?=\n\n)", text, re.DOTALL):
        (name,) = set(re.findall(r"\b(sum\d+)_with_carry = ", block))
        assert set(re.findall(r"^  (?:wire|reg) (?:\[\S+\] )?(sum\d+)", block, re.MULTILINE)) == {name}
    assert not re.search(r"\b0:0\b|\{ \w+ \}|\* ", text)


def test_two_rows_are_added_in_the_form_that_inverts_fewer_bits():
    """A sign is one inverted bit in a row of several; of what is subtracted all are inverted."""
    two = Dense("d", "x", np.array([[1, 1], [1, -1]]), 2)
    source = Tensor(np.array([-999, 0]), np.array([999, 15]))
    spec = DenseSpec(two, source, two.result(source), 1, lut_inputs=2)
    rows = [[counter.bits[0][0].inverted for counter in adder.counters] for adder in spec.graph.adders]
    assert not spec.graph.counts
    assert [spec.is_difference(adder) for adder in spec.graph.adders] == [2 * sum(row) > len(row) for row in rows]
    assert any(adder.counts and not spec.is_difference(adder) for adder in spec.graph.adders)
    assert any(spec.is_difference(adder) for adder in spec.graph.adders)
    tables = DenseSpec(two, source, two.result(source), 1, lut_inputs=6)  # they take inverters in
    assert all(tables.is_difference(adder) for adder in tables.graph.adders if adder.counts)
