"""Single bit flips: what must be masked is, what must be seen is, and a triplicated register never shows one."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from amos_hdl.circuit import relu
from amos_hdl.emit.generate import generate, render
from amos_hdl.errors import ScheduleError, SimulationError
from amos_hdl.network import Input, Network, Unit, store
from amos_hdl.schedule import HardwareOptions, Schedule, StreamOptions, StreamSpec
from amos_hdl.simulate.campaign import Place, chosen, place_of, run_campaign
from amos_hdl.simulate.design import load_design
from amos_hdl.simulate.fault_simulator import VERDICT, Register, build_fault_simulator, network_ports
from amos_hdl.simulate.registers import registers_of
from amos_hdl.synthesize.tools import find_tool, run_tool
from tests.conftest import ROOT, gate_network, map_network
from tests.testbenches.simulation import seal

SIM_ROOT = ROOT / "build" / "sim"
PROTECTED = StreamOptions(beat_bytes=2, protect="tmr")


def simulator_for(small, folder, work, stream=None, rtl=None):
    """Return the simulator of the small network, in a wrapper if ``stream`` says how."""
    if rtl is None:
        rtl = work / "rtl"
        generate(Schedule(small, HardwareOptions()), rtl, stream)
    design = load_design(folder / "models" / "small", rtl)
    spec = None if stream is None else StreamSpec.of(design.schedule, stream)
    return build_fault_simulator(design, spec, root=SIM_ROOT, work=work / "work")


@pytest.fixture(scope="module")
def network_simulator(small, small_folder, tmp_path_factory):
    return simulator_for(small, small_folder, tmp_path_factory.mktemp("faults"))


def campaign(simulator, flips=600, seed=1):
    return run_campaign(simulator, simulator.design.some_images(200, 1), flips, seed)


def flip(simulator, name, cycle, *, bit=0, images=30):
    """Return the verdict on one flip while images pass back to back."""
    number = next(n for n, r in enumerate(simulator.registers) if ".".join((*r.path, r.name)) == name)
    traffic = [1, 0, 256, 256, 1, number, 0, bit, cycle]
    plan = np.concatenate([simulator.plan(images), np.array(traffic, np.uint32)])
    verdicts = simulator.run(plan, simulator.to_beats(simulator.design.some_images(200, 1)))
    return dict(zip(VERDICT, verdicts[0].tolist(), strict=True))


def test_registers_are_those_that_yosys_finds(small, tmp_path):
    """Bit for bit, in every module but for memories, by the Verilog alone."""
    files, manifest = render(Schedule(small, HardwareOptions()), PROTECTED)
    expected, found = {}, {}
    (tmp_path / "all.v").write_text("\n".join(files[name] for name in manifest.files))
    script = "read_verilog all.v; proc; write_json all.json"
    run_tool(find_tool("yosys"), ["-q", "-p", script], folder=tmp_path, log="log")
    modules = json.loads((tmp_path / "all.json").read_text())["modules"]
    for name in manifest.files:
        registers = list(registers_of(files[name]))
        # what a memory reads and writes with, Yosys keeps in cells of its own; and a constant has an escaped name
        if any(register.words > 1 for register in registers) or "reg \\" in files[name]:
            continue
        for register in registers:
            found[register.module] = found.get(register.module, 0) + register.bits
            cells = [cell for cell in modules[register.module]["cells"].values() if "dff" in cell["type"]]
            expected[register.module] = sum(int(cell["parameters"]["WIDTH"], 2) for cell in cells)
    assert sum(found.values()) > 400
    assert expected == found


def test_no_flip_outlives_a_network(network_simulator):
    result = campaign(network_simulator)
    assert result.passed and not result.examples
    assert result.total.flips == 600 == sum(group.flips for group in result.groups)
    assert result.total.bits == sum(register.bits for register in network_simulator.registers)
    assert 0 < result.total.masked < 600 and result.total.classes > 0
    # the first register is one clock behind the input
    assert 0 < result.total.longest_cycles < network_simulator.latency_cycles
    assert result.total.worst_images == 1


def test_a_network_whose_spikes_are_counted(tmp_path):
    """Of look-up tables, and with ports that only the register block of a stream reads."""
    network, stream = gate_network(), StreamOptions(beat_bytes=2, registers=True)
    store.save(network, tmp_path / "n")
    generate(Schedule(network, HardwareOptions()), tmp_path / "rtl", stream)
    design = load_design(tmp_path / "n", tmp_path / "rtl")
    result = campaign(build_fault_simulator(design, None, root=SIM_ROOT, work=tmp_path / "work"), 300)
    assert result.passed and 0 < result.total.masked < 300
    assert {group.place.part for group in result.groups} >= {"encoder", "hidden", "last", "votes"}
    # the block itself is left out: no image passes it
    spec = StreamSpec.of(design.schedule, stream)
    result = campaign(build_fault_simulator(design, spec, root=SIM_ROOT, work=tmp_path / "stream"), 300)
    parts = {group.place.part for group in result.groups}
    assert parts >= {"images", "results"} and "registers" not in parts


def test_the_same_seed_gives_the_same_campaign(network_simulator):
    assert campaign(network_simulator, 200, 5) == campaign(network_simulator, 200, 5)
    assert campaign(network_simulator, 200, 5) != campaign(network_simulator, 200, 6)


def test_a_flip_is_seen_where_and_when_it_must_be(network_simulator):
    """The winner's last register, at the output: one image, one class, in the very cycle of the flip."""
    verdict = flip(network_simulator, "winner_layer.index", 25)
    assert verdict == dict.fromkeys(VERDICT, 0) | {"touched": 1, "classes": 1}
    lost = flip(network_simulator, "winner_layer.out_valid", 25)
    assert lost["lost"] == 1 and lost["surplus"] == 0 and not lost["outlived"]
    early = flip(network_simulator, "encoder_layer.step_register", 25)
    assert early["last_cycles"] == network_simulator.latency_cycles - 1


def test_a_register_that_keeps_a_flip_is_caught(small, small_folder, tmp_path):
    rtl = tmp_path / "rtl"
    shutil.copytree(small_folder / "rtl_out" / "small", rtl)
    path = rtl / "sample_delay_logits.v"
    text = path.read_text()
    assert text.count("delayed <= delay_5;") == 1
    text = text.replace("delayed <= delay_5;", "delayed <= delay_5 ^ delay_kept;")
    bits = text.split("reg [", 1)[1].split("]", 1)[0]
    kept = f"  reg [{bits}] delay_kept = 0;\n  always @(posedge clk)\n    delay_kept <= delay_kept;\nendmodule"
    path.write_text(text.replace("endmodule", kept))
    seal(rtl)
    result = campaign(simulator_for(small, small_folder, tmp_path, rtl=rtl))
    assert not result.passed
    assert result.total.outlived > 0
    assert "logits_delay.delay_kept flipped in cycle" in result.examples[0] and "outlived" in result.examples[0]


def test_a_stream_loses_its_order_and_a_protected_one_never(small, small_folder, tmp_path):
    plain = campaign(simulator_for(small, small_folder, tmp_path / "plain", StreamOptions(beat_bytes=2)))
    assert not plain.passed
    assert plain.total.outlived > 0 and plain.total.lost + plain.total.surplus > 0
    simulator = simulator_for(small, small_folder, tmp_path / "tmr", PROTECTED)
    protected = campaign(simulator)
    assert protected.passed
    control = [group for group in protected.groups if group.place.kind == "control"]
    assert {group.place.part for group in control} == {"images", "results", "wrapper"}
    assert all(group.masked == group.flips > 0 and not group.longest_cycles for group in control)
    # it is about the wrapper: of the network inside only what says that an image is there
    kinds = {place_of(simulator.registers[number], stream=True).kind for number in chosen(simulator)}
    assert kinds == {"control", "buffers", "valid"}


@pytest.mark.parametrize("folded", [("sums=2x3",), ("sums=1x3", "hidden=1"), ("hidden",)])
def test_what_counts_in_folded_layers_needs_protection(small, small_folder, tmp_path, folded):
    """And the valid bits that set it going: one too many would be taken for an image, and spoil the next."""
    results = {}
    for protect in ("none", "tmr"):
        rtl = tmp_path / protect
        generate(Schedule(small, HardwareOptions(folded=folded)), rtl, protect=protect)
        results[protect] = campaign(simulator_for(small, small_folder, tmp_path / f"w{protect}", rtl=rtl), 1000)
    plain, shown = results["none"].total, results["tmr"].total
    assert plain.lost + plain.surplus > 0
    # a folded unit is a chain that runs empty; what counts goes wrong from image to image
    assert (plain.outlived > 0) == (folded != ("hidden",)) == (not results["none"].passed)
    assert results["tmr"].passed and shown.lost == shown.surplus == 0 and shown.worst_images == 1
    control = [group for group in results["tmr"].groups if group.place.kind == "control"]
    assert {group.place.part for group in control} >= {"encoder", "hidden", "winner"}
    assert all(group.masked == group.flips > 0 and not group.longest_cycles for group in control)
    assert "valid" not in {group.place.kind for group in results["tmr"].groups}


@pytest.mark.parametrize("options", [HardwareOptions(), HardwareOptions(interval=300)], ids=["unfolded", "folded"])
def test_pixels_are_counted_three_times(map_folder, tmp_path, options):
    """A lost pixel shifts all that follow; protected, no flip outlives, and a flip in what counts shows nowhere."""
    results, network = {}, map_network()
    for protect in ("none", "tmr"):
        rtl, work = tmp_path / protect, tmp_path / f"w{protect}"
        assert generate(Schedule(network, options), rtl, protect=protect).protect == (
            protect if protect == "tmr" else None
        )
        design = load_design(map_folder / "models" / "maps", rtl)
        simulator = build_fault_simulator(design, None, root=SIM_ROOT, work=work)
        results[protect] = run_campaign(simulator, design.some_images(200, 1), 400, 1)
        kinds = {place_of(register, stream=False).kind for register in simulator.registers}
        assert kinds >= {"control", "pixels", "sums", "spikes"}
    assert results["none"].total.outlived > 0 and not results["none"].passed
    # some flips show, be it in a spike alone: which ones change a class is chance
    shown = results["tmr"].total
    assert results["tmr"].passed and shown.masked < shown.flips and shown.worst_images == 1
    control = [group for group in results["tmr"].groups if group.place.kind == "control"]
    assert sum(group.flips for group in control) > 50
    assert all(group.masked == group.flips and not group.longest_cycles for group in control)


def test_a_network_of_maps_behind_streams(map_folder, tmp_path):
    """The buffer before it too: nothing stalls or loses its order."""
    stream, rtl = StreamOptions(protect="tmr"), tmp_path / "rtl"
    generate(Schedule(map_network(), HardwareOptions()), rtl, stream)
    design = load_design(map_folder / "models" / "maps", rtl)
    spec = StreamSpec.of(design.schedule, stream)
    simulator = build_fault_simulator(design, spec, root=SIM_ROOT, work=tmp_path / "work")
    result = run_campaign(simulator, design.some_images(200, 1), 400, 1)
    assert result.passed and {group.place.part for group in result.groups} >= {"images", "results", "wrapper"}
    assert {group.place.kind for group in result.groups if group.place.part == "images"} == {"control", "buffers"}


def test_results_that_are_maps():
    network = Network("n", (Input("x", (1, 4, 4), 0, 3), Unit("u", "x", (relu(2),), [0])), ("u",))
    design = SimpleNamespace(network=network, schedule=Schedule(network, HardwareOptions()))
    with pytest.raises(SimulationError, match=r"^n: flips in a network: expected outputs of one pixel, got maps"):
        network_ports(design)


def test_places(network_simulator):
    places = {place_of(register, stream=False) for register in network_simulator.registers}
    assert Place("hidden", "spikes") in places and Place("winner", "valid") in places
    assert {place.kind for place in places} == {"valid", "spikes", "sums"}


@pytest.mark.parametrize(("beat_bytes", "frame"), [(None, "image"), (2, "frame")], ids=["no spare bits", "spare bits"])
def test_images_on_their_way_are_no_control(small, beat_bytes, frame):
    files, _ = render(Schedule(small, HardwareOptions()), StreamOptions(beat_bytes=beat_bytes))
    found = {one.name: one for one in registers_of(files["sample_stream_images.v"])}
    assert frame in found
    kinds = {
        name: place_of(Register(("images",), name, one.words, one.bits), stream=True).kind
        for name, one in found.items()
    }
    assert {name for name, kind in kinds.items() if kind == "buffers"} == {frame}, kinds


@pytest.mark.parametrize("family", ["ecp5", "ice40", "xilinx -family xcup"])
def test_synthesis_keeps_all_three(small, tmp_path, family):
    """Yosys merges equal registers; with the attribute gone, these too."""
    files, _ = render(Schedule(small, HardwareOptions()), PROTECTED)
    name = "sample_stream_images"
    text = files[f"{name}.v"]
    assert text.count("(* keep *) always") == sum("_copy" in register.name for register in registers_of(text))
    counts = []
    for number, changed in enumerate((text, text.replace("(* keep *)", ""))):
        (tmp_path / f"{number}.v").write_text(changed)
        script = f"read_verilog {number}.v; synth_{family} -top {name}; write_json {number}.json"
        run_tool(find_tool("yosys"), ["-q", "-p", script], folder=tmp_path, log="log")
        cells = json.loads((tmp_path / f"{number}.json").read_text())["modules"][name]["cells"].values()
        counts.append(sum(cell["type"].startswith(("TRELLIS_FF", "SB_DFF", "FD")) for cell in cells))
    control = sum(register.bits for register in registers_of(text) if "_copy" in register.name)
    assert counts[0] - counts[1] == control * 2 // 3


def test_protection_has_its_limits(small):
    with pytest.raises(ScheduleError, match=r"^protect: expected none or tmr, got 'parity'$"):
        StreamOptions(protect="parity")
    with pytest.raises(ScheduleError, match=r"^protection of a stream: expected a latency of at most 1024"):
        StreamSpec(
            input_bits=8,
            results={"r": 2},
            network_latency_cycles=1025,
            network_interval_cycles=1,
            beat_bytes=1,
            protect="tmr",
        )
