"""A network with AXI4-Streams: nothing lost, duplicated or reordered, whatever source and sink do."""

from __future__ import annotations

import time
from pathlib import Path

import cocotb
import numpy as np
from driver import generator
from stream_bench import Bench, pauses

from amos_hdl.network import golden, store
from amos_hdl.schedule import HardwareOptions, Port, Schedule
from amos_hdl.schedule.stream import StreamOptions, StreamSpec
from amos_hdl.schedule.stream_registers import RegisterMap
from amos_hdl.simulate.frames import pixel_rows
from amos_hdl.simulate.job import load_job
from amos_hdl.simulate.words import as_integers, pack

JOB = load_job()
NETWORK = store.load(Path(JOB.parameters["network"]))
SCHEDULE = Schedule(NETWORK, HardwareOptions.of(JOB.parameters["options"]))
SPEC = StreamSpec.of(
    SCHEDULE, StreamOptions(beat_bytes=JOB.parameters["beat_bytes"], registers=JOB.parameters["registers"])
)
IMAGES = golden.check_images(NETWORK, np.load(JOB.parameters["images"], allow_pickle=False))
TRACE = golden.run(NETWORK, IMAGES, SCHEDULE)


def numbers_on_port(name: str, values: np.ndarray) -> list[int]:
    """Return ``values`` ``(image, word)`` as the numbers on the port of ``name``."""
    return as_integers(pack(values, Port.of(NETWORK.tensors[name]).word_bits))


CODES = numbers_on_port(NETWORK.input.name, pixel_rows(IMAGES, Port.of(NETWORK.tensors[NETWORK.input.name]).count))
OUTPUTS = {name: numbers_on_port(name, TRACE.values[name]) for name in NETWORK.outputs}
RESULTS = [SPEC.to_result({name: words[image] for name, words in OUTPUTS.items()}) for image in range(len(IMAGES))]
ANSWERS = dict(zip(CODES, RESULTS, strict=True))
FRAME_BYTES = SPEC.beats * SPEC.beat_bytes
#: Ones in all bits of a frame that belong to pixels.
LOOKED_AT = np.frombuffer(SPEC.layout.to_bytes((1 << SPEC.layout.image_bits) - 1), np.uint8)


def frame(image: int, random: np.random.Generator) -> bytes:
    """Return the bytes of an image, noise in the bits beyond it."""
    noise = random.integers(0, 256, FRAME_BYTES, np.uint8) & ~LOOKED_AT
    return (np.frombuffer(SPEC.layout.to_bytes(CODES[image]), np.uint8) | noise).tobytes()


async def start(dut, random: np.random.Generator) -> Bench:
    """Return a bench after reset."""
    bench = Bench(dut, SPEC, ANSWERS, random)
    await bench.reset(2)
    return bench


def report(name: str, bench: Bench, started: float) -> None:
    """Hand over what was counted."""
    watch = bench.watch
    figures = {"images": len(watch.entries), "results": len(watch.results), "dropped": watch.dropped}
    figures |= {"errors": watch.errors, "cycles": watch.cycle, "seconds": time.perf_counter() - started}
    JOB.report({f"{name}.{key}": value for key, value in figures.items()})


def check_results(bench: Bench, numbers: np.ndarray) -> None:
    """Compare what left with what was sent, without the watch's word for what entered."""
    got = [tdata for _, tdata, _ in bench.watch.results]
    expected = [RESULTS[image] for image in numbers]
    wrong = [place for place, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b]
    assert not wrong, f"image {numbers[wrong[0]]}: expected {expected[wrong[0]]:#x}, got {got[wrong[0]]:#x}"
    assert len(got) == len(expected), f"expected {len(expected)} results, got {len(got)}"
    assert bench.sink.count() == len(got), f"the sink counted {bench.sink.count()}"


@cocotb.test()
async def full_rate(dut):
    """Nobody stalls: one image per interval, every result after the latency."""
    random, started = generator(JOB.seed, "full_rate"), time.perf_counter()
    bench = await start(dut, random)
    numbers = np.arange(len(IMAGES))
    for image in numbers:
        bench.send(frame(image, random))
    await bench.drain()
    check_results(bench, numbers)
    entries, left = np.array(bench.watch.entries), np.array([cycle for cycle, _, _ in bench.watch.results])
    gaps = np.unique(np.diff(left))
    assert (gaps == SPEC.interval_cycles).all(), f"expected a result every {SPEC.interval_cycles} cycles, got {gaps}"
    # where there is a buffer, later images wait in it for the network
    latencies = np.unique((left - entries)[: None if SPEC.buffer is None else 1])
    assert latencies.tolist() == [SPEC.latency_cycles], f"expected latency {SPEC.latency_cycles}, got {latencies}"
    bench.stop()
    report("full_rate", bench, started)


@cocotb.test()
@cocotb.parametrize(bursty=[False, True], stalls=[False, True], reset=[False, True])
async def cross(dut, bursty, stalls, reset):
    """Source without and with gaps, sink without and with stalls, without and with resets in mid-image."""
    name = "_".join(["bursty" if bursty else "continuous", *["stalls"] * stalls, *["reset"] * reset])
    random, started = generator(JOB.seed, name), time.perf_counter()
    bench = await start(dut, random)
    if bursty:
        bench.source.set_pause_generator(pauses(random, 0.4))
    if stalls:
        bench.sink.set_pause_generator(pauses(random, 0.5))
    numbers = random.permutation(len(IMAGES))
    if reset:
        numbers = np.resize(numbers, 300)  # enough for all resets, however few there are
    for image in numbers:
        bench.send(frame(image, random))
    if reset:
        for cycles in (1, 2, 3, 1):
            await bench.clocks(SPEC.latency_cycles + int(random.integers(1, 3 * SPEC.beats + 8)))
            await until_mid_image(bench)
            await bench.reset(cycles)
    await bench.drain()
    if reset:
        assert bench.watch.dropped > 0, "no reset dropped anything"
        # what the source had not yet begun to send is answered, the last image last
        assert bench.watch.results[-1][1] == RESULTS[numbers[-1]]
    else:
        check_results(bench, numbers)
    assert bench.watch.errors == 0
    bench.stop()
    report(name, bench, started)


async def until_mid_image(bench: Bench) -> None:
    """Wait until some beats of an image, but not all, have been taken, and another image is inside."""
    for _ in range(1000):
        await bench.clocks(1)
        if bench.watch.outstanding and (SPEC.beats == 1 or bench.watch.frames.beats_of_frame):
            return
    raise AssertionError("no image was ever half taken")


@cocotb.test()
async def credits(dut):
    """Nobody takes results: as many images are taken as there is room for, none more; then all come out."""
    random, started = generator(JOB.seed, "credits"), time.perf_counter()
    bench = await start(dut, random)
    bench.sink.pause = True
    most = SPEC.images_inside
    numbers = np.arange(3 * most) % len(IMAGES)
    for image in numbers:
        bench.send(frame(image, random))
    await bench.clocks(most * SPEC.interval_cycles + 2 * SPEC.latency_cycles + 100)
    assert len(bench.watch.entries) == most, f"expected {most} inside, got {len(bench.watch.entries)}"
    assert dut.s_axis_tready.value == 0
    for taken in range(1, 4):
        # one result taken lets one image in
        bench.sink.pause = False
        while len(bench.watch.results) < taken:
            await bench.clocks(1)
            bench.sink.pause = True
        await bench.clocks(2 * SPEC.interval_cycles + 10)
        assert len(bench.watch.entries) == most + len(bench.watch.results)
    bench.sink.pause = False
    await bench.drain()
    check_results(bench, numbers)
    bench.stop()
    report("credits", bench, started)


@cocotb.test()
async def wrong_frames(dut):
    """Frames that are too short, too long or taken back: dropped, each one error; all others are answered."""
    random, started = generator(JOB.seed, "wrong_frames"), time.perf_counter()
    bench = await start(dut, random)
    bench.source.set_pause_generator(pauses(random, 0.2))
    bench.sink.set_pause_generator(pauses(random, 0.4))
    errors, lost, sent = 0, False, []
    for image in random.permutation(len(IMAGES)):
        kind = random.choice(["right", "short", "long", "refused"], p=[0.55, 0.15, 0.15, 0.15])
        data = frame(image, random)
        if kind == "short" and SPEC.beats == 1:
            kind = "long"
        if kind == "right":
            sent.append((image, lost))
        else:
            errors += 1
        if kind == "short":
            data = data[: SPEC.beat_bytes * int(random.integers(1, SPEC.beats))]
        if kind == "long":
            data += random.bytes(SPEC.beat_bytes * int(random.integers(1, 2 * SPEC.beats + 3)))
        bench.send(data, refused=kind == "refused" or (kind == "short" and random.random() < 0.5))
        lost = kind != "right"
    await bench.drain()
    check_results(bench, np.array([image for image, _ in sent], np.int64))
    assert [bool(user) for _, _, user in bench.watch.results] == [after_error for _, after_error in sent]
    assert bench.watch.errors == errors, f"expected {errors} errors, got {bench.watch.errors}"
    bench.stop()
    report("wrong_frames", bench, started)


if JOB.parameters["registers"]:
    from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

    @cocotb.test()
    async def registers(dut):
        """Identity, counters while images run and after, a hole, a write, and reset."""
        random, started = generator(JOB.seed, "registers"), time.perf_counter()
        bench = await start(dut, random)
        master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        for channel in (master.read_if, master.write_if):
            channel.log.setLevel("WARNING")
        map = RegisterMap(SPEC, NETWORK.digest)
        places = {register.name: register.offset for register in map.registers}

        async def counter(name: str) -> int:
            lower = await master.read_dword(places[name])
            return lower | await master.read_dword(places[name] + 4) << 32

        for register in map.registers:
            expected = 0 if register.value is None else register.value
            got = await master.read_dword(register.offset)
            assert got == expected, f"{register.name}: expected {expected:#x}, got {got:#x}"
        digest = "".join([f"{await master.read_dword(places[f'network_sha256_{n}']):08x}" for n in range(8)])
        assert digest == NETWORK.digest
        bench.sink.set_pause_generator(pauses(random, 0.3))
        for image in range(len(IMAGES)):
            bench.send(frame(image, random))
            if image % 7 == 0:
                bench.send(frame(image, random), refused=True)
        for _ in range(20):
            before = len(bench.watch.results)
            got = await counter("results")
            assert before <= got <= len(bench.watch.results) + 1
        await bench.drain()
        expected = {"images": len(IMAGES), "results": len(IMAGES), "errors": bench.watch.errors}
        expected |= {f"spikes_{layer}": int(spikes.sum()) for layer, spikes in TRACE.spikes.items()}
        for name, value in expected.items():
            got = await counter(name)
            assert got == value, f"{name}: expected {value}, got {got}"
        assert bench.watch.errors == -(-len(IMAGES) // 7)
        hole = places["network_sha256_0"] - 4
        assert (await master.read(hole, 4)).resp == AxiResp.SLVERR
        assert (await master.write(places["images"], bytes(4))).resp == AxiResp.SLVERR
        assert (await counter("images")) == len(IMAGES)
        # a reset while images are inside: not one spike from before it is counted after it
        for after in range(1, SPEC.latency_cycles + 2, 3):
            entered = len(bench.watch.entries) + 3
            for image in range(3):
                bench.send(frame(image, random))
            while len(bench.watch.entries) < entered:
                await bench.clocks(1)
            await bench.clocks(after - 1)
            await bench.reset(1)
            await bench.clocks(SPEC.latency_cycles + 10)
            assert [await counter(name) for name in expected] == [0] * len(expected)
        bench.stop()
        report("registers", bench, started)
