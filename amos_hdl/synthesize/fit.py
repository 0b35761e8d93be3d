"""Does a design fit its device?  And if not, which device would hold it?"""

import re
from collections.abc import Mapping

from amos_hdl.errors import DoesNotFitError
from amos_hdl.synthesize.cells import CellCounts
from amos_hdl.synthesize.families import RESOURCE_NAMES, RESOURCES, Resource
from amos_hdl.synthesize.targets import TARGETS, Target

# nextpnr seldom places a design that fills a device to the last LUT.
USABLE = 0.9


def needs_of(cells: CellCounts) -> dict[Resource, int]:
    """What a design needs at the least, from Yosys' figures."""
    return {
        "luts": cells.lut_sites,
        "flip_flops": cells.flip_flops,
        "carry_cells": cells.carry_cells,
        "block_rams": cells.block_rams,
        "dsps": cells.dsps,
        "pins": cells.pins,
    }


def check_fit(target: Target, needs: Mapping[Resource, int]) -> None:
    """Raise if a device cannot hold what a design needs.

    Raises
    ------
    DoesNotFitError
        Naming the resource that is exceeded most, and a device of the table that would hold the design.
    """
    if target.capacity is None:
        return
    over = [resource for resource in RESOURCES if needs.get(resource, 0) > target.capacity.of(resource)]
    if over:
        capacity = target.capacity
        worst = max(over, key=lambda resource: needs[resource] / max(capacity.of(resource), 1))
        raise does_not_fit(target, worst, needs[worst], capacity.of(worst), needs)


def does_not_fit(
    target: Target, resource: Resource, needed: int, available: int, needs: Mapping[Resource, int]
) -> DoesNotFitError:
    """The error that says what is missing and what would hold the design."""
    return DoesNotFitError(
        f"the design does not fit {target.name} ({target.device})",
        expected=f"at most {available:,} {RESOURCE_NAMES[resource]}",
        got=f"{needed:,}, that is {needed - available:,} more than there are",
        hint=_advice(target, resource, {**needs, resource: needed}),
    )


def _advice(target: Target, resource: Resource, needs: Mapping[Resource, int]) -> str:
    if resource == "pins":
        return (
            "give the network a serial harness, its stream fewer --stream-bytes, or synthesize without place and route"
        )
    holding = [
        other
        for other in TARGETS.values()
        if other.capacity is not None
        and other.name != target.name
        and all(number <= other.capacity.of(kind) * (USABLE if kind == "luts" else 1) for kind, number in needs.items())
    ]
    # Within a family the cell counts carry over; in another one they are only alike.
    same = [other.name for other in holding if other.family_name == target.family_name]
    if same:
        return f"{same[0]} would hold it"
    if holding:
        return f"{holding[0].name} would probably hold it (other cells, similar counts)"
    return "no known target would hold it: fold layers (more clock cycles per image) or use fewer gates"


def find_overflow(target: Target, log: str) -> tuple[Resource, int, int] | None:
    """Resource, number needed, number available, from nextpnr's "Device utilisation" where a line exceeds 100 %.

    None if nothing does, or if there is no such table: this only explains a failure.  Lines look like
    ``Info:   TRELLIS_COMB:  30000/24288  123%``.
    """
    lines = re.findall(r"^Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s", log, re.MULTILINE)
    table = {name: (int(used), int(available)) for name, used, available in lines}
    for resource, names in target.family.report.items():
        if all(name in table for name in names):
            used, available = sum(table[name][0] for name in names), table[names[0]][1]
            if used > available:
                return resource, used, available
    return None
