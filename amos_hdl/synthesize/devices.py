"""Networks and devices: folds with which a network fits, and how many devices it needs."""

from __future__ import annotations

from dataclasses import dataclass

from amos_hdl.errors import DoesNotFitError, ScheduleError
from amos_hdl.network import Network
from amos_hdl.schedule.folding import Plan, Planner
from amos_hdl.schedule.formulas import Estimate
from amos_hdl.schedule.memory import MEMORY_KINDS, MemoryKind
from amos_hdl.schedule.options import HardwareOptions
from amos_hdl.synthesize.families import Family, Resource
from amos_hdl.synthesize.fit import USABLE
from amos_hdl.synthesize.targets import TARGETS, Capacity, Target, find_target


@dataclass(frozen=True)
class Devices:
    """How many devices a network needs.

    Members
    -------
    target : str
    count : int
        Devices, each filled to ``USABLE`` of its LUTs.
    interval_cycles : int
        Clock cycles from one image to the next.
    size : Estimate
    """

    target: str
    count: int
    interval_cycles: int
    size: Estimate


def memories_of(target: Target) -> MemoryKind:
    """Return the memories of a device."""
    return next(kind for name, kind in MEMORY_KINDS.items() if target.family_name.startswith(name))


def needs(size: Estimate) -> dict[Resource, int]:
    """Return how many cells of each kind a network needs."""
    return {"luts": size.luts, "flip_flops": size.flip_flops, "block_rams": size.block_rams}


def devices_for(size: Estimate, capacity: Capacity, family: Family) -> int:
    """Return how many devices of ``family`` hold a network of ``size``."""
    wanted = needs(size)
    wanted["luts"] += round(family.lone_flip_flops * size.flip_flops)
    if family.shared_cell:
        wanted["luts"] = max(wanted["luts"], wanted["flip_flops"])
    usable = {name: capacity.of(name) * (USABLE if name == "luts" else 1.0) for name in wanted}
    return max(1, *(-(-wanted[name] // max(1, int(usable[name]))) for name in wanted))


def plan(
    network: Network,
    options: HardwareOptions,
    *,
    interval: int | None = None,
    luts: int | None = None,
    device: str | None = None,
) -> Plan:
    """Return folds for an interval in clock cycles, for so many LUTs, or for a device; for a device at an interval too.

    Raises
    ------
    ScheduleError
        If the interval cannot be reached, or the LUTs are too few.
    DoesNotFitError
        If the device is too small: how many it would need.
    SynthesisError
        If there is no such device.
    """
    if luts is not None and (interval is not None or device is not None):
        raise ScheduleError("--luts", expected="no --interval and no --device beside it")
    target = None if device is None else _with_capacity(device)
    planner = Planner(network, options, MEMORY_KINDS["ecp5"] if target is None else memories_of(target))
    if interval is not None:
        found = planner.for_interval(interval)
        if target is not None and device_count(found.total, target) > 1:
            raise _too_small(network, target, found.total, f"at an interval of {interval:,}")
        return found
    if target is not None:
        shortest = planner.smallest_interval(lambda size: device_count(size, target) == 1)
        if shortest is None:
            least = planner.smallest(planner.most_interval)
            raise _too_small(network, target, least, "however far it is folded")
        return planner.for_interval(shortest)
    shortest = planner.smallest_interval(lambda size: size.luts <= (luts or 0))
    if shortest is None:
        fewest = planner.smallest(planner.most_interval).luts
        expected = f"at least about {fewest:,}, which {network.name} takes however far it is folded"
        raise ScheduleError("--luts", expected=expected, got=f"{luts}")
    return planner.for_interval(shortest)


def devices_needed(network: Network, options: HardwareOptions, device: str) -> Devices:
    """Return the fewest devices that hold a network, and the shortest interval, about, with which they do."""
    target = _with_capacity(device)
    planner = Planner(network, options, memories_of(target))
    least = device_count(planner.smallest(planner.most_interval), target)
    interval = planner.smallest_interval(lambda size: device_count(size, target) <= least) or planner.most_interval
    return Devices(target.name, least, interval, planner.smallest(interval))


def capacity_of(target: Target) -> Capacity:
    """Return what a device has.  Raises ScheduleError if that is not known."""
    if target.capacity is None:
        able = ", ".join(name for name, other in TARGETS.items() if other.capacity is not None)
        raise ScheduleError("device", expected=f"one with known capacity: {able}", got=repr(target.name))
    return target.capacity


def _with_capacity(device: str) -> Target:
    target = find_target(device)
    capacity_of(target)
    return target


def device_count(size: Estimate, target: Target) -> int:
    """Return how many devices a network of ``size`` needs.  Raises ScheduleError if the capacity is not known."""
    return devices_for(size, capacity_of(target), target.family)


def _too_small(network: Network, target: Target, size: Estimate, how: str) -> DoesNotFitError:
    capacity, wanted = capacity_of(target), needs(size)
    got = ", ".join(f"{number:,} of {capacity.of(name):,} {name.replace('_', ' ')}" for name, number in wanted.items())
    return DoesNotFitError(
        f"{network.name} does not fit {target.name} {how}",
        got=f"about {got}",
        hint=f"{device_count(size, target):,} devices would hold it",
    )
