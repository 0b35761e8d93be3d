"""Simulating a folder of Verilog from a test, with one cache of executables for the whole checkout."""

import hashlib
from pathlib import Path

import yaml

from amos_hdl.simulate.design import load_design, testbench_folder
from amos_hdl.simulate.regression import RegressionResult, run_regression
from amos_hdl.simulate.regression_list import Entry, RegressionList
from tests.conftest import ROOT


def simulate(network: Path, rtl: Path, work: Path, *entries: Entry, images=None) -> RegressionResult:
    """Run ``entries`` on the Verilog in ``rtl``."""
    return run_on(load_design(network, rtl, images), work, *entries)


def run_on(subject, work: Path, *entries: Entry) -> RegressionResult:
    """Run ``entries`` on a design or its netlist."""
    return run_regression(
        RegressionList(version=1, entries=entries),
        lambda entry: subject.resolve(entry, work),
        python_path=[testbench_folder()],
        root=ROOT / "build" / "sim",
        work=work,
        prepare=subject.job,
    )


def messages(result: RegressionResult) -> list[str]:
    """Return what failed, in words."""
    lines = [entry.error for entry in result.results if entry.error]
    for entry in result.results:
        lines += [f"{test.name}: {test.message}" for test in (entry.simulation.failures if entry.simulation else ())]
    return lines


def seal(rtl: Path) -> None:
    """Write the hashes of changed Verilog into the manifest, which would else refuse it."""
    path = rtl / "manifest.yaml"
    data = yaml.safe_load(path.read_text())
    data["files"] = {name: hashlib.sha256((rtl / name).read_bytes()).hexdigest() for name in data["files"]}
    path.write_text(yaml.safe_dump(data))


NETWORK = Entry(name="network", toplevel="network", test_module="test_network", samples=300)
