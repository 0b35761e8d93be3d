"""Sizes, credits and times of the AXI4-Stream wrapper, and the reference of its receiver."""

import numpy as np
import pytest

from amos_hdl.circuit import relu
from amos_hdl.errors import ScheduleError
from amos_hdl.network import Input, Network, Unit
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.stream import StreamOptions, StreamSpec
from amos_hdl.schedule.stream_counters import SpikeLines
from amos_hdl.schedule.stream_registers import IDENTITY, RegisterMap
from tests.conftest import map_network, small_network


def spec(input_bits=45, latency=13, interval=1, beat_bytes=2, **rest):
    results = {"logits": 35, "winner": 3}
    return StreamSpec(
        input_bits=input_bits,
        results=results,
        network_latency_cycles=latency,
        network_interval_cycles=interval,
        beat_bytes=beat_bytes,
        **rest,
    )


@pytest.mark.parametrize(
    ("bits", "beat_bytes", "beats"), [(45, 6, 1), (45, 5, 2), (45, 1, 6), (48, 6, 1), (49, 6, 2), (1, 64, 1)]
)
def test_beats(bits, beat_bytes, beats):
    assert spec(input_bits=bits, beat_bytes=beat_bytes).beats == beats


@pytest.mark.parametrize(
    ("latency", "interval", "beat_bytes", "credits"),
    [(1, 1, 6, 8), (4, 1, 6, 8), (5, 1, 6, 16), (28, 1, 6, 32), (29, 1, 6, 64), (4, 4, 6, 2), (5, 4, 6, 4)],
)
def test_credits_are_enough_for_the_round_trip_and_a_power_of_two(latency, interval, beat_bytes, credits):
    stream = spec(latency=latency, interval=interval, beat_bytes=beat_bytes)
    assert stream.round_trip_cycles == stream.latency_cycles + 1 == latency + 4
    assert stream.credits == credits
    assert stream.credits * stream.interval_cycles >= stream.round_trip_cycles


def test_results_start_at_bytes_of_their_own():
    stream = spec()
    assert dict(stream.result_bytes) == {"logits": (0, 5), "winner": (5, 1)}
    assert (stream.result_bits, stream.result_beat_bytes) == (38, 6)
    assert stream.to_result({"logits": 0x7_0000_0001, "winner": 5}) == 0x05_07_0000_0001


def test_of_a_schedule():
    schedule = Schedule(small_network(), HardwareOptions())
    one = StreamSpec.of(schedule, StreamOptions())
    assert (one.beat_bytes, one.beats, one.interval_cycles, one.spikes) == (6, 1, 1, None)
    assert one.latency_cycles == schedule.latency_cycles + 3
    folded = Schedule(small_network(), HardwareOptions(folded=("hidden",)))
    assert StreamSpec.of(folded, StreamOptions(beat_bytes=3)).interval_cycles == folded.interval_cycles == 3
    assert StreamSpec.of(schedule, StreamOptions(registers=True)).spike_bits == {"encoder": 18, "hidden": 18}


@pytest.mark.parametrize(
    ("beat_bytes", "encoder", "hidden"),
    [
        # lines, spikes of each
        (6, 18 * [1], 18 * [1]),
        (3, 9 * [2], 6 * [2] + 6 * [1]),
        (2, 9 * [2], 6 * [3]),
        (1, [6, 6, 6], [6, 6, 6]),
    ],
)
def test_spikes_of_gates_that_never_meet_share_a_line(beat_bytes, encoder, hidden):
    """Units of one gate per level: as soon as images are further apart than its levels, a unit has one line."""
    schedule = Schedule(small_network(), HardwareOptions())
    spec = StreamSpec.of(schedule, StreamOptions(beat_bytes=beat_bytes, registers=True))
    for layer, expected in (("encoder", encoder), ("hidden", hidden)):
        spikes = [sum(map(len, line)) for line in spec.spikes[layer].groups]
        assert sorted(spikes) == sorted(expected)
    assert spec.spike_bits["hidden"] == 18


@pytest.mark.parametrize("beat_bytes", [0, -1, 4097, 1.5, True])
def test_bad_beats(beat_bytes):
    with pytest.raises(ScheduleError, match="bytes of a beat: expected 1 to 4096, got "):
        StreamOptions(beat_bytes=beat_bytes)


def test_an_image_too_wide_for_one_beat_says_what_to_do():
    with pytest.raises(ScheduleError, match="cut images into beats with --stream-bytes"):
        spec(beat_bytes=5000)


def test_bad_numbers():
    with pytest.raises(ScheduleError, match="bits, latency and interval of at least 1"):
        spec(input_bits=0)


def test_too_many_spikes_to_count():
    spec(spikes={"a": SpikeLines(tuple(((bit,),) for bit in range(65_535)))})
    with pytest.raises(ScheduleError, match="a: spikes to count: expected <= 65535, got 65536"):
        spec(spikes={"a": SpikeLines(((tuple(range(65_536)),),))})


def frames(stream, *kinds):
    """Return the beats of frames that are given as (beats, tuser in the last), data counted up."""
    beats = []
    for count, user in kinds:
        beats += [(len(beats) + n, n == count - 1, user and n == count - 1) for n in range(count)]
    return beats


def test_right_frames():
    stream = spec()
    random = np.random.default_rng(0)
    images = [int.from_bytes(random.bytes(6), "little") & (2**45 - 1) for _ in range(5)]
    beats = [(data, last, False) for image in images for data, last in stream.layout.to_beats(image)]
    assert stream.layout.evaluate(beats) == ([(image, False) for image in images], 0)


@pytest.mark.parametrize(
    ("kinds", "flags", "errors"),
    [
        ([(3, False), (2, False), (3, False)], [False, True], 1),  # too short
        ([(3, False), (4, False), (3, False)], [False, True], 1),  # too long
        ([(9, False), (3, False)], [True], 1),  # three times too long is one error
        ([(3, True), (3, False), (3, False)], [True, False], 1),  # taken back
        ([(2, True), (7, True), (3, False)], [True], 2),  # each frame is one error at most
        ([(1, False), (1, False), (1, False)], [], 3),
    ],
)
def test_wrong_frames(kinds, flags, errors):
    stream = spec()
    images, counted = stream.layout.evaluate(frames(stream, *kinds))
    assert ([flag for _, flag in images], counted) == (flags, errors)


def test_a_frame_that_never_ends_is_one_error():
    stream = spec()
    beats = [(0, False, False)] * 2
    assert stream.layout.evaluate(beats)[1] == 0
    assert stream.layout.evaluate([*beats, (0, False, False)])[1] == 1
    assert stream.layout.evaluate(beats * 50)[1] == 1


def test_tuser_counts_only_in_the_last_beat():
    stream = spec()
    assert stream.layout.evaluate([(0, False, True), (0, False, True), (0, True, False)]) == ([(0, False)], 0)


def test_register_map():
    digest = "0123456789abcdef" * 4
    map = RegisterMap(
        spec(spikes={"a": SpikeLines((((0, 1),), ((2,), (3,)))), "b": SpikeLines((((0,),), ((1,),), ((2,),)))}), digest
    )
    places = {register.name: (register.offset, register.value) for register in map.registers}
    assert places["identity"] == (0, IDENTITY)
    assert places["network_sha256_0"][1] == 0x01234567 and places["network_sha256_7"] == (0x3C, 0x89ABCDEF)
    assert places["images"] == (0x40, None) and places["spikes_b"] == (0x60, None)
    assert map.address_bits == 7
    # images, results, errors, and lines, not gates, of each layer
    assert map.counters.lines == (1, 1, 1, 2, 3)
    assert map.read_cycles == 2 + 39 + 7 + 1
    offsets = [register.offset for register in map.registers]
    assert len(set(offsets)) == len(offsets) and offsets == sorted(offsets)


def test_of_a_network_of_maps():
    stream = StreamSpec.of(Schedule(map_network(), HardwareOptions()), StreamOptions())
    assert (stream.beat_bytes, stream.beats, stream.layout.image_bits) == (1, 30, 180)
    assert (stream.network_interval_cycles, stream.buffer.images) == (30, 2)
    assert stream.latency_cycles == stream.network_latency_cycles + 5
    assert stream.images_inside == stream.credits + 2
    registers = StreamSpec.of(Schedule(map_network(), HardwareOptions()), StreamOptions(registers=True))
    assert registers.spike_bits == {"hidden": 6, "joined": 6, "gate": 6}
    # pixels come in each clock cycle, what is left of a map once per image
    assert {layer: len(lines.groups) for layer, lines in registers.spikes.items()} == {
        "hidden": 6,
        "joined": 6,
        "gate": 1,
    }


def test_results_that_are_maps():
    network = Network("maps", (Input("x", (1, 4, 4), 0, 3), Unit("u", "x", (relu(2),), [0])), ("u",))
    with pytest.raises(ScheduleError, match=r"^maps: AXI4-Stream: expected outputs of one pixel, got maps: u"):
        StreamSpec.of(Schedule(network, HardwareOptions()), StreamOptions())
