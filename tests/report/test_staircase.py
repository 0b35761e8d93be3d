"""Units as pictures: what they follow, where they step, where their gates spike."""

from dataclasses import replace

import numpy as np
import pytest

from amos_hdl.circuit import quantizer, relu, store
from amos_hdl.project import find_project
from amos_hdl.report.staircase import UNITS, UNITS_PER_LAYER, Line, Staircase, follows, laid_over, staircases
from amos_hdl.schedule import HardwareOptions, Schedule
from tests.conftest import ROOT, small_network


@pytest.mark.parametrize(("gates", "step", "bias"), [(3, 6, 10), (3, 7, -5), (2, 4, 0), (4, 1, 3), (2, 1, 0)])
def test_a_relu_is_found_to_be_one(gates, step, bias):
    x = np.arange(-100, 200)
    line = follows(x, relu(gates, step=step, bias=bias).value(x))
    assert line == Line(step, bias, (1 << gates) - 1)
    assert line([-1000, 1000]).tolist() == [0, 1 << gates]


def test_lines_in_words():
    words = {(6, 10): "clipped ReLU (x + 10)/6", (7, -5): "clipped ReLU (x - 5)/7", (4, 0): "clipped ReLU x/4",
             (1, 3): "clipped ReLU x + 3", (1, 0): "clipped ReLU x"}  # fmt: skip
    for (step, bias), text in words.items():
        assert str(Line(step, bias, 7)) == text
    assert Line(4, 2, 3).points(-10, 20) == [-10, -2, 14, 20]
    assert Line(4, 2, 3).points(0, 10) == [0, 10]


def test_other_steps_are_not_taken_for_one():
    x = np.arange(-50, 50)
    assert follows(x, quantizer([1, 5, 10]).value(x)) is None
    assert follows(x, quantizer([5]).value(x)) is None
    assert follows(x, np.zeros(100, np.int64)) is None
    assert follows(x, 2 * relu(2, step=4).value(x)) is None
    assert follows(x, relu(2, step=4).value(x) + 1) is None


def test_a_copy_of_a_fitted_unit_follows_its_activation():
    fitted = store.load(ROOT / "models" / "circuits" / "swish.yaml")
    step = float(fitted.potential_step)
    # four times coarser potentials, moved by 11
    original = fitted.circuit.to_table()
    circuit = replace(original, tables=tuple(tuple(-(-t // 4) + 11 for t in table) for table in original.tables))
    curve = laid_over(circuit, fitted)
    assert str(curve).startswith("swish, ")
    assert curve.width == pytest.approx(1 / (4 * step), rel=0.02)
    assert curve.origin == pytest.approx(11, abs=1)
    assert curve.height == pytest.approx(1 / float(fitted.value_step), rel=1e-3)
    assert curve(curve.origin + 2 * curve.width) == pytest.approx(curve.height * 2 / (1 + np.exp(-2)))
    points = curve.points(-10_000, 10_000)
    assert points[0] == pytest.approx(curve.low) and points[-1] == pytest.approx(curve.high)
    # no copy: other steps, other values, another number of steps
    assert laid_over(quantizer([1, 5, 10, 30, 31, 32, 90]), fitted) is None
    assert laid_over(relu(2), fitted) is None


def test_units_trained_from_a_circuit_file_follow_its_activation():
    project = find_project(str(ROOT / "models" / "digits_swish.yaml"))
    fitted = {"hidden1": store.load(ROOT / "models" / "circuits" / "swish.yaml")}
    units = [unit for unit in staircases(project.schedule(), fitted) if unit.layer == "hidden1"]
    assert len(units) == UNITS_PER_LAYER
    for unit in units:
        assert unit.line.activation.name == "swish"
        # the error of the fit in units of y, but for rounding of steps and values, where the unit's potentials reach
        assert unit.worst_error <= fitted["hidden1"].worst_error * unit.line.height + 1.5
        assert unit.worst_error >= 1


def test_runs_and_corners_say_what_the_circuit_does():
    circuit = quantizer([-3, 2, 9])
    x = np.arange(-10, 16)
    unit = Staircase("layer", 0, 1, circuit, x, circuit.value(x), None)
    spikes = np.zeros((len(x), 2), bool)
    for gate, first, last in unit.runs():
        spikes[(x >= first) & (x <= last), gate] = True
    assert (spikes == circuit.spikes(x)).all()
    assert unit.corners() == ([-10, -3, 2, 9, 15], [0, 1, 2, 3, 3])
    assert unit.worst_error is None


def test_a_sample_of_each_layer():
    units = staircases(Schedule(small_network(), HardwareOptions()))
    assert len(units) <= UNITS
    assert [(unit.layer, unit.unit, unit.shared_by) for unit in units] == [
        ("encoder", 0, 5), ("encoder", 1, 4), ("hidden", 0, 2), ("hidden", 2, 1), ("hidden", 3, 1),
    ]  # fmt: skip
    assert sum(unit.layer == "hidden" for unit in units) == UNITS_PER_LAYER
    assert units[0].line == Line(4, 0, 3) and units[1].line == Line(5, 2, 3)
    # unit 2 of hidden has a sum of nothing
    assert all(unit.x[0] < unit.x[-1] for unit in units)
    assert units[0].worst_error == 1.0  # the top of the clipped ReLU is a step above the last
