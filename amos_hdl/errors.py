"""Errors that a user can do something about.

Every error is one line: where, what, expected, got, and what to do.  The command line prints that line and exits with
``exit_code``; nothing else in the project prints errors or decides exit codes.
"""


class AmosError(Exception):
    """Bad input or a missing means: the user can mend it.

    Parameters
    ----------
    what : str
        The fault in a few words.
    where : str, optional
        The file, and the place in it, or the layer and unit.
    expected, got : str, optional
        What would have been right, and what was found (pass ``repr`` of values).
    hint : str, optional
        What to do about it.
    """

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        got: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.what, self.where, self.expected, self.got, self.hint = what, where, expected, got, hint
        line = f"{where}: {what}" if where else what
        details = [f"expected {expected}"] if expected else []
        if got is not None:
            details.append(f"got {got}")
        if details:
            line += ": " + ", ".join(details)
        if hint:
            line += f"; {hint}"
        super().__init__(" ".join(line.split()))


class CircuitError(AmosError):
    """A threshold circuit that is not well formed."""


class NetworkError(AmosError):
    """A network whose operations do not fit together, or whose integers do not fit their widths."""


class StoreError(AmosError):
    """A stored network that is missing, damaged, of another version, or not plain data."""


class RecipeError(AmosError):
    """A recipe with an unknown key, a wrong type, or settings that contradict each other."""


class ImportedModelError(AmosError):
    """A trained model that is damaged, unsafe to read, or has an operation that cannot be expressed."""


class DataError(AmosError):
    """A data set or image that is missing, damaged, or outside the input code."""


class ScheduleError(AmosError):
    """Hardware options that cannot be realised for this network."""


class EmitError(AmosError):
    """Verilog or a manifest that cannot be written."""


class ToolError(AmosError):
    """An outside tool that is missing, too old, or that failed."""


class SimulationError(AmosError):
    """A simulation that could not be built or run."""


class SynthesisError(AmosError):
    """A report that does not say what it should, or an unknown target."""


class DoesNotFitError(SynthesisError):
    """A design that needs more than the device has."""


class LinkError(AmosError):
    """A serial port that cannot be used, or a board that does not answer or is not the one that is wanted."""


class CheckFailed(AmosError):
    """The hardware and the golden model disagree.  Not bad input: the exit code is 1."""

    exit_code = 1
