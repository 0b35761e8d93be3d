import dataclasses
import re

import pytest

from amos_hdl.circuit import FLASH, FOLDED, SERIAL, Architecture, relu, store
from amos_hdl.circuit.activations import find_activation
from amos_hdl.circuit.fitting import fit
from amos_hdl.errors import CircuitError


@pytest.mark.parametrize(
    ("architecture", "form"),
    [(FLASH, "table"), (SERIAL, "linear"), (FOLDED, "table"), (Architecture("staged", 2), "linear")],
    ids=str,
)
def test_circuit_files_round_trip(tmp_path, architecture, form):
    unit = fit(find_activation("relu6"), 4, architecture, form=form)
    store.save(unit, tmp_path / "unit.yaml")
    assert store.load(tmp_path / "unit.yaml") == unit


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 2", "version: 1", "version: Input should be 2"),
        ("offset: ", "other: 1\noffset: ", "unknown key"),
        ("levels:\n- 1\n- 2", "levels:\n- 2\n- 1", "levels: expected 1 first"),
        ("potential_step: ", "potential_step: 1/0 #", "step: expected a fraction"),
        ("potential_step: ", "potential_step: -1/2 #", "steps of potential and value: expected above 0"),
        # ten to this power, written out, would fill the memory
        ("potential_step: ", "potential_step: 1e999999999 #", "step: expected a fraction such as 3/16"),
        (
            "value_step: ",
            f"value_step: '1{'0' * 350}' #",
            "steps of potential and value: expected above 0, 1e-80 to 1e80",
        ),
        ("potential_step: ", f"potential_step: 1/1{'0' * 350} #", "steps of potential and value: expected above 0"),
        ("high: ", "high: 1.0e+29 #", "range: expected gained potentials below"),
        ("high: ", "high: -99.0 #", "range: expected low < high"),
        ("architecture: serial", "architecture: tree", "architecture: expected serial, flash"),
        ("low: ", "low: .nan #", "low: Input should be a finite number"),
        (
            "lateral:\n- - 0\n  - 0",
            "lateral:\n- - 0\n  - 7",
            "lateral weight of gate 1 (level 1): expected non-zero only",
        ),
        ("thresholds:", "tables: [[1], [1, 2]]\nthresholds:", "form of a circuit"),
    ],
)
def test_bad_circuit_files(tmp_path, old, new, message):
    """Among them a cycle: gates 1 and 2 that see each other."""
    path = tmp_path / "unit.yaml"
    unit = fit(find_activation("relu"), 2, SERIAL)
    store.save(dataclasses.replace(unit, circuit=relu(2)), path)
    good = path.read_text()
    assert old in good
    path.write_text(good.replace(old, new, 1))
    with pytest.raises(CircuitError, match=re.escape(message)) as caught:
        store.load(path)
    assert str(caught.value).startswith(f"{path}") and "\n" not in str(caught.value)
