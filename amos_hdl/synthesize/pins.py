"""Pin constraints for the tool that does not choose pins itself (nextpnr for Gowin)."""

from collections.abc import Mapping
from typing import Any

from amos_hdl.errors import SynthesisError
from amos_hdl.synthesize.fit import does_not_fit
from amos_hdl.synthesize.targets import Target

CONSTRAINTS = "pins.cst"


def gowin_constraints(netlist: Mapping[str, Any], top: str, target: Target, clock: str) -> str:
    """A constraints file that gives every port bit of ``top`` some pin of the target's package.

    The clock gets the pin that boards use for it; the others follow in the order of the ports.  This serves to measure
    a design, not to run it on a board.

    Parameters
    ----------
    netlist : mapping
        The netlist that Yosys wrote as JSON.

    Raises
    ------
    SynthesisError
        If the netlist has no such module or no ports.
    DoesNotFitError
        If there are more port bits than pins.
    """
    try:
        ports = netlist["modules"][top]["ports"]
        widths = {name: len(port["bits"]) for name, port in ports.items()}
        offsets = {name: int(port.get("offset", 0)) for name, port in ports.items()}
    except (KeyError, TypeError) as error:
        raise SynthesisError(f"no ports of module {top!r} in the netlist", got=repr(error)) from error
    names = []
    for name, width in widths.items():
        if name != clock:
            names += [name] if width == 1 else [f"{name}[{offsets[name] + bit}]" for bit in range(width)]
    if len(names) > len(target.user_pins):
        needs = len(names) + 1
        raise does_not_fit(target, "pins", needs, len(target.user_pins) + 1, {"pins": needs})
    lines = [f'IO_LOC "{clock}" {target.clock_pin};'] if clock in widths else []
    lines += [f'IO_LOC "{name}" {pin};' for name, pin in zip(names, target.user_pins, strict=False)]
    return "\n".join(lines) + "\n"
