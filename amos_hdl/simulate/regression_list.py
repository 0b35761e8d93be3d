"""The YAML lists of simulations, ``testbenches/*.yaml``, and their schema."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from amos_hdl.errors import SimulationError
from amos_hdl.files import Strict, read_yaml
from amos_hdl.simulate.content import BuildOptions

Seed = Annotated[int, Field(ge=1, le=2**31 - 1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class Entry(Strict):
    """One simulation of a regression list, run once for each seed.

    Members
    -------
    name : str
        Unique in the list; names the folder of the run and the suite in the XML.
    toplevel : str
        What is simulated; the caller's resolver knows what the name stands for.
    test_module : str
        Python module with the cocotb tests.
    test_filter : str or None
        Regular expression; only tests whose full name matches.
    parameters : dict
        For the tests, as they please.
    samples : int
        Images, or whatever the test counts.
    seeds : tuple of int
        1 to 2^31 - 1, each once.
    verilator_args : tuple of str
        More arguments for Verilator.
    waves, coverage : str
        As of :class:`amos_hdl.simulate.content.BuildOptions`.
    timeout_s : float
        Seconds after which one run is killed.
    """

    name: Name
    toplevel: str = Field(min_length=1)
    test_module: str = Field(min_length=1)
    test_filter: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    samples: int = Field(ge=1)
    seeds: tuple[Seed, ...] = Field(default=(1,), min_length=1, strict=False)
    verilator_args: tuple[str, ...] = Field(default=(), strict=False)
    waves: Literal["none", "fst"] = "none"
    coverage: Literal["off", "line", "toggle"] = "off"
    timeout_s: float = Field(default=600, gt=0)

    @field_validator("seeds")
    @classmethod
    def _each_once(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("a seed is listed twice")
        return seeds

    @field_validator("parameters")
    @classmethod
    def _no_samples(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        if "samples" in parameters:
            raise ValueError("samples is a key of the entry, not of its parameters")
        return parameters

    def build_options(self) -> BuildOptions:
        """Return how the executable is built."""
        return BuildOptions(waves=self.waves, coverage=self.coverage, verilator_args=self.verilator_args)


class RegressionList(Strict):
    """A whole list.

    Members
    -------
    version : int
        Of this format.
    entries : tuple of Entry
        In the order they are run.
    """

    version: Literal[1]
    entries: tuple[Entry, ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _unique_names(self) -> "RegressionList":
        names = [entry.name for entry in self.entries]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two entries named {', '.join(twice)}")
        return self


def read_regression_list(path: Path) -> RegressionList:
    """Read and check a list.

    Raises
    ------
    SimulationError
        One line with the file and the place in it: not readable, not YAML, another version, an unknown
        key, a wrong type.
    """
    return read_yaml(path, RegressionList, SimulationError)
