"""The YAML lists of simulations, ``testbenches/*.yaml``, and their schema."""

from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.content import BuildOptions

FORMAT_VERSION = 1

Seed = Annotated[int, Field(ge=1, le=2**31 - 1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class _Strict(BaseModel):
    # strict: "20" is no number and 1 is no boolean.  extra: a misspelt key must not be a silent default.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Entry(_Strict):
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


class RegressionList(_Strict):
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


class _Loader(yaml.SafeLoader):
    """YAML in which a key given twice is an error, not the last one's win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in mapping:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} given twice", key_node.start_mark)
            mapping[key] = self.construct_object(value_node, deep=deep)
        return mapping


def read_regression_list(path: Path) -> RegressionList:
    """Read and check a list.

    Raises
    ------
    SimulationError
        One line with the file and the place in it: not readable, not YAML, another version, an unknown
        key, a wrong type.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - derived from SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        raise SimulationError(f"regression list cannot be read: {error}", where=str(path)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise SimulationError(f"not YAML: {getattr(error, 'problem', error)}", where=where) from error
    if not isinstance(data, dict):
        raise SimulationError("not a regression list", where=str(path), expected="a mapping", got=type(data).__name__)
    if data.get("version") != FORMAT_VERSION or isinstance(data.get("version"), bool):
        raise SimulationError(
            "wrong format version",
            where=f"{path}, version",
            expected=str(FORMAT_VERSION),
            got=repr(data.get("version")),
        )
    try:
        return RegressionList.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        where = f"{path}, {place}" if place else str(path)
        got = None if first["type"] == "missing" else _short(first["input"])
        raise SimulationError(first["msg"], where=where, got=got) from error


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
