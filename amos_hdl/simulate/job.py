"""Parameters into the simulator process, figures out of it.

The test module calls :func:`load_job`; it imports nothing heavier than ``json``.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amos_hdl.errors import SimulationError

VARIABLE = "AMOS_HDL_JOB"
"""Environment variable that names the job file; :mod:`amos_hdl.simulate.run` sets it."""


@dataclass(frozen=True)
class Job:
    """What one simulation is to do.

    Members
    -------
    parameters : Mapping[str, Any]
        Plain JSON data; large arrays go into a file beside, named here.
    seed : int
        The run's one seed; derive every random number from it.
    work : Path
        Folder for files of this run.
    """

    parameters: Mapping[str, Any]
    seed: int
    work: Path

    def report(self, figures: Mapping[str, Any]) -> None:
        """Hand figures (plain JSON data) back to the caller of the simulation.

        Raises
        ------
        SimulationError
            A figure of this name was reported before: prefix it with the test's name.
        """
        known = read_figures(self.work)
        twice = sorted(set(known) & set(figures))
        if twice:
            raise SimulationError("figure reported twice", got=", ".join(twice), hint="prefix it with the test's name")
        with _figures_path(self.work).open("a", encoding="utf-8") as sink:
            sink.write(json.dumps(dict(figures)) + "\n")


def write_job(work: Path, parameters: Mapping[str, Any], seed: int) -> Path:
    """Write the job file into ``work``, forget earlier figures there, and return its path.

    Raises
    ------
    SimulationError
        ``parameters`` is not plain JSON data.
    """
    path = work / "job.json"
    try:
        text = json.dumps({"parameters": dict(parameters), "seed": seed}, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SimulationError(f"job that is not plain JSON data: {error}", where=str(path)) from error
    path.write_text(text + "\n", encoding="utf-8")
    _figures_path(work).unlink(missing_ok=True)
    return path


def load_job() -> Job:
    """Return the job of this simulator process.

    Raises
    ------
    SimulationError
        This process was not started by :mod:`amos_hdl.simulate.run`.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        raise SimulationError(
            "no job", expected=f"a job file named by {VARIABLE}", hint="start it with amos_hdl.simulate.run"
        )
    path = Path(name)
    data = json.loads(path.read_text(encoding="utf-8"))
    return Job(parameters=data["parameters"], seed=data["seed"], work=path.parent)


def read_figures(work: Path) -> dict[str, Any]:
    """Return everything that was reported by the run in folder ``work``."""
    path = _figures_path(work)
    figures: dict[str, Any] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            figures.update(json.loads(line))
    return figures


def _figures_path(work: Path) -> Path:
    return work / "figures.jsonl"
