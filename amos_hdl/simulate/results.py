"""Results of a simulation as data, read from the JUnit XML that cocotb writes."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from amos_hdl.errors import SimulationError

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class TestResult:
    """One cocotb test.

    Members
    -------
    module, name : str
        Where it is, and what it is called.
    outcome : {"passed", "failed", "skipped"}
        Anything that is neither a pass nor a skip is a failure.
    message : str
        The whole text that the test raised, or the reason why it was skipped; empty when it passed.
    traceback : str
        Where it was raised; empty when it passed.
    wall_s : float
        Seconds.
    simulated_ns : float
        Simulated time, nanoseconds.
    """

    __test__ = False  # pytest: not a test class

    module: str
    name: str
    outcome: Outcome
    message: str
    traceback: str
    wall_s: float
    simulated_ns: float


def read_results(path: Path) -> tuple[TestResult, ...]:
    """Return the tests in cocotb's JUnit XML.

    Raises
    ------
    SimulationError
        The file is missing, cut short or lacks a field, or not one test was run: that is never a pass.
    """
    try:
        # S314 is about files of strangers, whose entities may expand without end: this one cocotb has just written, in
        # a process that was started for it, and Verilog and testbenches of strangers could do worse there
        root = ElementTree.parse(path).getroot()  # noqa: S314
    except FileNotFoundError as error:
        raise SimulationError("the simulation left no results", where=str(path)) from error
    except ElementTree.ParseError as error:
        raise SimulationError(f"results are damaged: {error}", where=str(path)) from error
    tests = tuple(_result(case, path) for case in root.iter("testcase"))
    if not any(test.outcome != "skipped" for test in tests):
        raise SimulationError(
            "not one test was run",
            where=str(path),
            expected="at least 1",
            got=f"{len(tests)}, all skipped" if tests else "0",
        )
    return tests


def _result(case: ElementTree.Element, path: Path) -> TestResult:
    outcome, message, traceback = _outcome(case)
    name = _attribute(case, "name", path)
    simulated_ns = 0.0
    if outcome != "skipped":
        properties = {item.get("name"): item.get("value") for item in case.iter("property")}
        # cocotb 2.1 writes a property, 2.0 an attribute.  A test that could not even begin has neither.
        value = properties.get("sim_time_duration", case.get("sim_time_ns"))
        if value is None and case.find("error") is None:
            raise SimulationError(f"no simulated time of test {name}", where=str(path))
        simulated_ns = float(value or 0)
    return TestResult(
        module=_attribute(case, "classname", path),
        name=name,
        outcome=outcome,
        message=message,
        traceback=traceback,
        wall_s=float(_attribute(case, "time", path)),
        simulated_ns=simulated_ns,
    )


def _outcome(case: ElementTree.Element) -> tuple[Outcome, str, str]:
    for tag in ("failure", "error"):
        element = case.find(tag)
        if element is not None:
            message = element.get("message") or element.get("error_msg") or "the test failed and gave no reason"
            return "failed", message, element.text or ""
    element = case.find("skipped")
    if element is not None:
        return "skipped", element.get("message") or "", ""
    return "passed", "", ""


def _attribute(case: ElementTree.Element, name: str, path: Path) -> str:
    value = case.get(name)
    if value is None:
        raise SimulationError(f"test result without {name!r}", where=str(path))
    return value
