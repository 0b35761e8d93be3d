"""The batch simulator's gates against the same Verilog in Verilator, bit by bit in every clock cycle."""

from pathlib import Path

import numpy as np
import pytest

from amos_hdl.emit.generate import generate
from amos_hdl.errors import SimulationError
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.network import store
from amos_hdl.schedule import HardwareOptions, Port, Schedule
from amos_hdl.simulate.batch import build_batch
from amos_hdl.simulate.build import BuildOptions, build
from amos_hdl.simulate.circuit import read_circuit
from amos_hdl.simulate.design import load_design
from amos_hdl.simulate.evaluation import evaluation_of
from amos_hdl.simulate.lanes import Simulator, Stop, Timing
from amos_hdl.simulate.regression_list import Entry
from amos_hdl.simulate.run import run
from amos_hdl.simulate.words import pack
from amos_hdl.synthesize.elaborate import Elaborator
from tests.conftest import ROOT
from tests.testbenches.test_folded_layers import FOLDS, network

HERE = Path(__file__).parent
SIM_ROOT = ROOT / "build" / "sim"
OUTPUTS = ("out_valid", "out_sums", "out_flags", "out_words")


def verilated(build_, work, port, inputs, valid, signals):
    """Return ``signals`` ``(row, bit)``, the first one lowest, before the rising edge of each row of ``inputs``."""
    work.mkdir(exist_ok=True)
    np.save(work / "inputs.npy", inputs)
    np.save(work / "valid.npy", valid)
    job = {"inputs": str(work / "inputs.npy"), "valid": str(work / "valid.npy"), "port": port, "signals": signals}
    result = run(
        build_, "watch", python_path=[HERE / "cocotb_tests"], job=job, seed=5, work=work / "run", timeout_s=600
    )
    result.require_pass()
    return np.load(work / "run" / "seen.npy")


def operations(source, work):
    work.mkdir()
    netlist = Elaborator()([source], "operations", work)
    return evaluation_of(read_circuit(netlist, "operations", "clk", OUTPUTS), "in_words", OUTPUTS)


def simulated(evaluation, inputs, per_lane):
    timing = Timing(interval=1, map_rows=1, map_columns=1, row_cycles=1, column_cycles=1)
    simulator = Simulator(SIM_ROOT)
    record, _ = simulator.run(evaluation, timing, inputs, len(inputs), per_lane, per_lane, seed=3, stop=Stop())
    return np.unpackbits(record.view(np.uint8), axis=2, bitorder="little").view(bool)


@pytest.mark.parametrize("lanes", [50, 100, 200])
def test_every_operation_and_memories_at_addresses_that_differ_from_lane_to_lane(tmp_path, lanes):
    rows, lane = 1500, lanes - 7
    inputs = np.random.default_rng(lanes).integers(0, 1 << 64, (lanes * rows, 1), dtype=np.uint64)
    source = HERE / "design" / "operations.v"
    evaluation = operations(source, tmp_path / "read")
    record = simulated(evaluation, inputs, rows)[lane, :, : len(evaluation.observed)]
    waived = BuildOptions(verilator_args=("-Wno-WIDTH", "-Wno-UNUSEDSIGNAL", "-Wno-PROCASSINIT"))
    built = build([source], "operations", root=SIM_ROOT, options=waived)
    own = inputs[lane * rows : (lane + 1) * rows].view(np.uint8)
    seen = verilated(built, tmp_path / "verilated", "in_words", own, np.ones(rows, bool), list(OUTPUTS))
    # what has no initial value is its own until it is first written
    assert np.array_equal(record[1:], seen[1:])
    assert (seen[1:].any(axis=0) | (np.arange(seen.shape[1]) >= seen.shape[1] - 1)).all(), "a bit never moved"


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        ("<= a < b", "<= a <= b"),
        ("sums[79:70] <= ~a", "sums[79:70] <= a"),
        ("if (s) memory", "if (t) memory"),
        ("64'h6b8c", "64'h6b8d"),
    ],
)
def test_another_operation_is_seen(tmp_path, pattern, replacement):
    text = (HERE / "design" / "operations.v").read_text()
    assert pattern in text
    (tmp_path / "other.v").write_text(text.replace(pattern, replacement))
    inputs = np.random.default_rng(1).integers(0, 1 << 64, (64 * 60, 1), dtype=np.uint64)
    plain = simulated(operations(HERE / "design" / "operations.v", tmp_path / "plain"), inputs, 60)
    other = simulated(operations(tmp_path / "other.v", tmp_path / "changed"), inputs, 60)
    assert not np.array_equal(plain[:, 1:], other[:, 1:])


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        ("{c, d} + b;", "{c, d} % b;", r"^an operation that the batch simulator has not: got '\$mod'$"),
        ("= a[e]", "= a[$signed(e)]", r"^an index that could be negative: the batch simulator has none$"),
        ("posedge clk", "negedge clk", r"^operations: a register that waits for the falling edge$"),
        ("posedge clk", "posedge in_words[63]", r"^operations: a clock of its own: got "),
        ("wire s = in_words[29]", "wire s; assign s = !s & in_words[29]", r"^operations: a loop of gates: got .* -> "),
    ],
)
def test_what_gates_are_not_made_of_is_refused(tmp_path, pattern, replacement, message):
    text = (HERE / "design" / "operations.v").read_text()
    assert pattern in text
    (tmp_path / "other.v").write_text(
        text.replace(", t = in_words[30]", "; wire t = in_words[30]").replace(pattern, replacement)
    )
    with pytest.raises(SimulationError, match=message):
        operations(tmp_path / "other.v", tmp_path / "read")


def folded(folder):
    store.save(network(), folder / "n")
    generate(Schedule(network(), HardwareOptions(folded=FOLDS)), folder / "rtl")
    design = load_design(folder / "n", folder / "rtl")
    code = design.network.input
    return design, np.random.default_rng(2).integers(code.low, code.high, (70, *code.shape), endpoint=True)


def digits(_):
    images = load_dataset(load_recipe(ROOT / "models" / "digits.yaml").data).images
    return load_design(ROOT / "models" / "digits", ROOT / "rtl_out" / "digits", images), images


@pytest.mark.parametrize("subject", [digits, folded])
def test_every_spike_and_result(tmp_path, subject):
    """All images in lanes, and those of one lane in Verilator: every signal of the record, in every row."""
    design, images = subject(tmp_path)
    simulator = build_batch(design, Elaborator(), root=SIM_ROOT, work=tmp_path / "batch")
    assert (len(simulator.evaluation.memory) > 0) == (subject is folded)
    per_lane = len(images) // 60
    lane, rows = 41, simulator.rows(per_lane)
    record = simulator.run(images, per_lane).bits(lane, lane + 1)
    port, timing = Port.of(design.network.tensors[design.network.input.name]), design.schedule.input_timing
    own = images[lane * per_lane : (lane + 1) * per_lane].reshape(per_lane, port.count, -1)
    inputs, valid = np.zeros((rows, -(-port.bits // 8)), np.uint8), np.zeros(rows, bool)
    for image in range(per_lane):
        at = image * design.schedule.interval_cycles + timing.offsets()
        inputs[at], valid[at] = pack(own[image].T, port.word_bits), True
    entry = Entry(name="watch", toplevel="network", test_module="watch", samples=1)
    sources, control, top = design.resolve(entry, tmp_path / "sources")
    built = build(sources, top, root=SIM_ROOT, control_files=control)
    names = [field.signal for field in simulator.fields]
    seen = verilated(built, tmp_path / "verilated", f"in_{design.network.input.name}", inputs, valid, names)
    for field in simulator.fields:
        mine, theirs = field.of(record), field.of(seen)
        if field.signal.startswith("out_") and field.bits > 1:
            # what stands at an output while it is not valid follows from what stood at the input, noise in one
            shown = simulator.fields[0].of(seen)[:, 0]
            mine, theirs = mine[shown], theirs[shown]
        assert theirs.any(), field.name
        assert np.array_equal(mine, theirs), field.name
