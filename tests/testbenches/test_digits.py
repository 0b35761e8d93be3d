"""The digits in rtl_out/, as committed: all images, every spike; each layer; units."""

import pytest

from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.simulate.regression_list import read_regression_list
from tests.conftest import ROOT
from tests.testbenches.simulation import messages, simulate

NETWORK, RTL = ROOT / "models" / "digits", ROOT / "rtl_out" / "digits"
LISTS = {name: read_regression_list(ROOT / "testbenches" / f"{name}.yaml") for name in ("unit", "layer", "network")}


@pytest.mark.parametrize(
    ("name", "entry"), [pytest.param(n, e, id=f"{n}-{e.name}") for n, lst in LISTS.items() for e in lst.entries]
)
def test_regression(name, entry, tmp_path):
    images = load_dataset(load_recipe(ROOT / "models" / "digits.yaml").data).images
    result = simulate(NETWORK, RTL, tmp_path, entry, images=images)
    assert result.passed, messages(result)
    for run in result.results:
        assert all(test.outcome == "passed" for test in run.simulation.tests)
        if name == "network":
            figures = run.simulation.figures
            assert figures["back_to_back.images"] == figures["back_to_back.results"] == 1797
            assert figures["random_gaps.images"] == figures["random_gaps.results"] == 1797
            assert 0 < figures["reset_midway.results"] < figures["reset_midway.images"]
            assert figures["back_to_back.spikes"] == figures["random_gaps.spikes"] > 0
