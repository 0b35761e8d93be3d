"""Fault campaigns: thousands of single bit flips in registers, at random places and times, and what each did.

A flip is one bit of one register, inverted between two clock edges of a running device; the same traffic without it is
what it is compared with.  Places are drawn uniformly over bits, times uniformly over the clock cycles in which the
pipeline is full.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.fault_simulator import VERDICT, FaultSimulator, Register
from amos_hdl.simulate.words import Integers

#: Flips that share one traffic, and one undisturbed run of it.
FLIPS_PER_TRAFFIC = 20
#: Traffics that one process runs: the same whatever the number of cores, so results are too.
TRAFFICS_PER_PROCESS = 25
#: Of 256 clock cycles, those in which an image is offered and a result is wanted, one pair per traffic in turn.
_PACES = ((256, 256), (180, 256), (256, 140), (128, 128))

#: Counters of folded sums, of units that share comparators, of sums over maps.
_COUNTERS = frozenset(
    "address slice fold working bias_fold part_fold fresh gate turn pixel_row pixel_column complete done".split()
)
#: Modules in which pixels wait; of their registers those that hold pixels.
_WAITS, _PIXELS = re.compile(r"(_window|_buffer\d+)$|^delay_"), ("row", "tap", "pixels", "delay", "_")
#: Registers of the wrapper that hold images on their way; a frame without spare bits has its port's name.
_BUFFERS = ("frame", "image", "word_so_far", "word_read", "rest_of_word", "pixel_at_hand")

Integer = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Place:
    """Where a bit is.

    Members
    -------
    part : str
        The layer of the network, or ``images`` and ``results`` of the stream wrapper.
    kind : str
        ``valid`` (the steps and the valid bits that go along with an image), ``spikes`` (spikes and the gates that have
        fired so far), ``control`` (what counts, from image to image, and what is there three times), ``pixels`` (of
        windows and branches that wait), ``sums`` (all other words of a layer), and of the wrapper ``control`` and
        ``buffers``.
    """

    part: str
    kind: str


def place_of(register: Register, stream: bool) -> Place:
    """Return where a register belongs; ``stream``: the device is a stream wrapper."""
    path = register.path[1:] if stream and register.path[:1] == ("network",) else register.path
    if stream and path == register.path:
        buffers = register.name in _BUFFERS or register.name.startswith(("stored_", "_"))
        return Place(path[0] if path else "wrapper", "buffers" if buffers else "control")
    name = register.name
    if "_copy" in name or name in _COUNTERS:
        return Place(path[0].removesuffix("_layer"), "control")
    if path and _WAITS.search(path[0]):
        return Place(path[0], "pixels" if name.startswith(_PIXELS) else "control")
    if name in ("out_valid", "step_register") or name.startswith(("valid", "step")):
        kind = "valid"
    elif name.startswith("spike") or name == "code":
        kind = "spikes"
    else:
        kind = "sums"
    return Place(path[0].removesuffix("_layer") if path else "", kind)


@dataclass(frozen=True)
class Group:
    """What came of the flips in one kind of place.

    Members
    -------
    place : Place
    bits : int
        Bits of registers that are there.
    flips : int
    masked : int
        Flips after which every result was right, and in its place.
    classes : int
        Flips after which an image got another class, or none.
    worst_images : int
        Most results that one flip made wrong, missing or surplus.
    lost, surplus : int
        Flips after which results were missing; after which there were too many.
    longest_cycles : int
        Latest clock cycle after a flip in which any output differed, of the flips that did not outlive.
    outlived : int
        Flips still seen after the latency, or by the probe that follows the traffic.
    stalled : int
        Flips after which images were not taken any more.
    """

    place: Place
    bits: int
    flips: int
    masked: int
    classes: int
    worst_images: int
    lost: int
    surplus: int
    longest_cycles: int
    outlived: int
    stalled: int


@dataclass(frozen=True)
class Campaign:
    """What came of a campaign.

    Members
    -------
    groups : tuple of Group
        In the order in which places first come up.
    total : Group
        All of them together.
    stream : bool
        The device is a stream wrapper: a lost or surplus result then shifts all that follow.
    examples : tuple of str
        The first few flips that must not be, in words.
    """

    groups: tuple[Group, ...]
    total: Group
    stream: bool
    examples: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """No flip outlives, stalls or desynchronises."""
        total = self.total
        return not (total.outlived or total.stalled or (self.stream and (total.lost or total.surplus)))


def chosen(simulator: FaultSimulator) -> list[int]:
    """Return which registers of ``simulator`` a campaign is about.

    Of a network all.  Of a stream wrapper its own, and the valid bits of the network inside: what else is in there does
    behind a wrapper what it does without one.
    """
    stream = simulator.spec is not None
    numbers = []
    for number, register in enumerate(simulator.registers):
        place = place_of(register, stream)
        counters = place.part == "registers"  # statistics of AXI4-Lite: no image comes by
        if not counters and (not stream or place.kind in ("control", "buffers", "valid")):
            numbers.append(number)
    return numbers


def run_campaign(
    simulator: FaultSimulator,
    images: Integers,
    flips: int,
    seed: int,
    progress: Callable[[int], None] | None = None,
) -> Campaign:
    """Flip ``flips`` bits, one at a time, while ``images`` ``(image, pixel)`` pass, and return what came of it.

    The same arguments give the same result on any number of cores.  ``progress`` is called with the flips done.

    Raises SimulationError if there are too few images, or the simulator crashes.
    """
    stream = simulator.spec is not None
    interval, round_trip = simulator.interval_cycles, simulator.latency_cycles + simulator.interval_cycles
    lead, window = round_trip, max(round_trip, 16)
    # enough to keep the pipeline full until the last flip, at full rate, and those of the probe
    before = -(-(lead + window) // interval) + 2
    probe = 4 if simulator.spec is None else simulator.spec.credits + 2
    if len(images) < before + probe:
        raise SimulationError("images of a campaign", expected=f"at least {before + probe}", got=f"{len(images)}")
    random = np.random.default_rng(seed)
    numbers = np.array(chosen(simulator), np.int64)
    sizes = np.array([simulator.registers[number].words * simulator.registers[number].bits for number in numbers])
    ends = np.cumsum(sizes)
    bits = random.integers(0, ends[-1], flips)
    where = np.searchsorted(ends, bits, side="right")
    within = bits - (ends - sizes)[where]
    widths = np.array([simulator.registers[number].bits for number in numbers])[where]
    # (flip, word): register, element, bit, cycle
    drawn = np.stack([numbers[where], within // widths, within % widths, lead + random.integers(0, window, flips)], 1)
    beats = simulator.to_beats(images)
    plans: list[list[npt.NDArray[np.uint32]]] = []
    for number, first in enumerate(range(0, flips, FLIPS_PER_TRAFFIC)):
        if number % TRAFFICS_PER_PROCESS == 0:
            plans.append([simulator.plan(before)])
        some = drawn[first : first + FLIPS_PER_TRAFFIC]
        first_beat = int(random.integers(0, len(images) - before - probe + 1)) * simulator.beats
        offered, wanted = _PACES[number % len(_PACES)]
        head = [seed % 2**31 + number, first_beat, offered, wanted, len(some)]
        plans[-1] += [np.array(head, np.uint32), some.astype(np.uint32).ravel()]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    verdicts: list[Integer] = []
    done = 0
    with ThreadPoolExecutor(cores) as pool:
        try:
            for part in pool.map(lambda plan: simulator.run(np.concatenate(plan), beats), plans):
                verdicts.append(part)
                done += len(part)
                if progress is not None:
                    progress(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return _summary(simulator, numbers.tolist(), drawn, np.concatenate(verdicts), stream)


def _summary(
    simulator: FaultSimulator, numbers: Sequence[int], drawn: Integer, verdicts: Integer, stream: bool
) -> Campaign:
    places = {number: place_of(simulator.registers[number], stream) for number in numbers}
    bits: dict[Place, int] = {}
    for number, place in places.items():
        bits[place] = bits.get(place, 0) + simulator.registers[number].words * simulator.registers[number].bits
    of_flip = [places[number] for number in drawn[:, 0].tolist()]
    groups = []
    for place, count in bits.items():
        chosen_flips = np.array([other == place for other in of_flip], np.bool_)
        groups.append(_group(place, count, verdicts[chosen_flips]))
    total = _group(Place("all", ""), sum(bits.values()), verdicts)
    return Campaign(tuple(groups), total, stream, tuple(_examples(simulator, drawn, verdicts, stream)))


def _group(place: Place, bits: int, verdicts: Integer) -> Group:
    columns = dict(zip(VERDICT, verdicts.T, strict=True))
    wrong = (columns["touched"] > 0) | (columns["lost"] > 0) | (columns["surplus"] > 0)
    within = columns["last_cycles"][columns["outlived"] == 0]
    return Group(
        place=place,
        bits=bits,
        flips=len(verdicts),
        masked=int((~wrong).sum()),
        classes=int((columns["classes"] > 0).sum()),
        worst_images=int(columns["touched"].max(initial=0)),
        lost=int((columns["lost"] > 0).sum()),
        surplus=int((columns["surplus"] > 0).sum()),
        longest_cycles=int(within.max(initial=0)),
        outlived=int((columns["outlived"] > 0).sum()),
        stalled=int((columns["stalled"] > 0).sum()),
    )


def _examples(
    simulator: FaultSimulator, drawn: Integer, verdicts: Integer, stream: bool, most: int = 5
) -> Iterable[str]:
    columns = dict(zip(VERDICT, verdicts.T, strict=True))
    bad = (columns["outlived"] > 0) | (columns["stalled"] > 0)
    if stream:
        bad |= (columns["lost"] > 0) | (columns["surplus"] > 0)
    for flip in np.flatnonzero(bad)[:most].tolist():
        number, element, bit, cycle = drawn[flip].tolist()
        register = simulator.registers[number]
        name = ".".join((*register.path, register.name)) + (f"[{element}]" if register.words > 1 else "")
        effects = [key for key in ("lost", "surplus", "outlived", "stalled") if columns[key][flip]]
        yield f"bit {bit} of {name} flipped in cycle {cycle}: {', '.join(effects)}"
