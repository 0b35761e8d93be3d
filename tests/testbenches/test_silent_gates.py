"""Units whose gates never spike, or always: what is constant in hardware is still as the golden model has it."""

import numpy as np

from amos_hdl.circuit import quantizer
from amos_hdl.emit.generate import generate
from amos_hdl.network import Dense, Input, Network, Unit, store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.simulate.design import load_design
from amos_hdl.simulate.regression_list import read_regression_list
from tests.conftest import ROOT
from tests.testbenches.simulation import messages, run_on


def test_gates_that_are_constant(tmp_path):
    thresholds = ([21] * 7, [3, 9, 15, *[21] * 4], [-1] * 7, [0, 0, 0, 5, 9, 11, 13], [2, 4, 6, 8, 10, 12, 14])
    circuits = tuple(quantizer(steps) for steps in thresholds)
    weights = np.array([[1, -2, 3, 1, 1], [2, 1, -1, 1, 0]])
    operations = (Input("x", 5, 0, 20), Unit("u", "x", circuits, np.arange(5)), Dense("d", "u", weights, 4))
    network = Network("silent", operations, ("d",))
    schedule = Schedule(network, HardwareOptions())
    certain = [[unit.certain(gate) for gate in range(3)] for unit in schedule.specs["u"].distinct]
    assert certain == [[False] * 3, [False, None, None], [True] * 3, [None] * 3, [None] * 3]
    store.save(network, tmp_path / "n")
    generate(schedule, tmp_path / "rtl")
    (entry,) = read_regression_list(ROOT / "testbenches" / "network.yaml").entries
    result = run_on(load_design(tmp_path / "n", tmp_path / "rtl"), tmp_path / "work", entry)
    assert result.passed, messages(result)
