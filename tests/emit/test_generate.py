import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from amos_hdl.emit.generate import generate, render, write_harness
from amos_hdl.emit.manifest import load_manifest, load_schedule
from amos_hdl.errors import AmosError, EmitError
from amos_hdl.network import Dense, Input, Network, store
from amos_hdl.schedule import HardwareOptions, Schedule
from tests.conftest import ROOT, small_network
from tests.units import CIRCUITS, FOLDABLE, units_network


@pytest.fixture(scope="module")
def rendered(small):
    return render(Schedule(small, HardwareOptions()))


def test_one_file_per_module_and_equal_units_once(rendered):
    files, manifest = rendered
    verilog = [name for name in files if name.endswith(".v")]
    assert list(manifest.files) == verilog
    # two encoder units and four hidden units, five layers, the delay of the logits, the top
    assert sum(name.startswith("units/") for name in verilog) == 2 + 4
    assert len(verilog) == 6 + 5 + 1 + 1
    for name in verilog:
        assert re.findall(r"^module (\w+)", files[name], re.MULTILINE) == [Path(name).stem]


def test_every_module_says_what_it_is(rendered, small):
    files, _ = rendered
    for name, text in files.items():
        if name.endswith(".v"):
            comment = text[: text.index("\nmodule")]
            assert all(not line or line.startswith("//") for line in comment.splitlines())
            assert small.digest in comment
            assert "atency" in comment or "cycle" in comment
    assert "z1 = x >= 8  (cycle 1)" in files["units/sample_unit0.v"]
    assert "z2 = x >= t  (cycle 2); t for z1 from 0 up: 4, 12" in files["units/sample_unit0.v"]
    weights = small["sums"].weights[0]
    term = f"{abs(weights[0])}*x0" if abs(weights[0]) != 1 else "x0"
    assert term in files["sample_sums.v"].split("potential[0] =")[1].splitlines()[0]


def test_verilog_is_readable(rendered):
    files, _ = rendered
    for name, text in files.items():
        if name.endswith(".v"):
            assert "\\$" not in text, f"generated names in {name}"
            assert " * " not in text.split("module")[1], f"a multiplier in {name}"


@pytest.mark.parametrize("folded", [False, True])
def test_units_of_every_architecture_are_readable(folded):
    network = units_network(FOLDABLE if folded else CIRCUITS)
    files, manifest = render(Schedule(network, HardwareOptions(folded=network.outputs if folded else ())))
    for name, text in files.items():
        if name.startswith("units/"):
            comment, module = text.split("\nmodule")
            assert "\\$" not in module, f"generated names in {name}"
            assert " * " not in module, f"a multiplier in {name}"
            assert ("gates, folded" in comment) == folded
    assert manifest.interval_cycles == (9 if folded else 1)
    often = "9 clock cycles after the one before, or later" if folded else "in every clock cycle"
    assert often in " ".join(files["units.v"].replace("//", "").split())


def test_manifest_describes_the_ports(rendered, small):
    _, manifest = rendered
    ports = {port.name: port for port in manifest.ports}
    assert list(ports) == ["clk", "rst", "in_valid", "in_pixels", "out_valid", "out_logits", "out_winner"]
    pixels = ports["in_pixels"]
    assert (pixels.bits, pixels.words, pixels.word_bits, pixels.signed, pixels.low, pixels.high) == (
        45,
        9,
        5,
        False,
        0,
        16,
    )
    assert ports["out_logits"].signed
    schedule = Schedule(small, HardwareOptions())
    assert manifest.latency_cycles == schedule.latency_cycles
    cycles = {layer.name: layer.spike_cycles for layer in manifest.layers if layer.spike_cycles}
    assert cycles == {name: schedule.spike_cycles(name).tolist() for name in ("encoder", "hidden")}


def test_nothing_about_the_machine_or_the_day(rendered):
    for name, text in rendered[0].items():
        assert str(ROOT) not in text and str(Path.home()) not in text, name
        assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text), name


def test_bytes_do_not_depend_on_hash_seed_or_folder(tmp_path):
    script = (
        "import sys; from tests.conftest import small_network; from amos_hdl.schedule import *; "
        "from amos_hdl.emit.generate import render; "
        "import json; print(json.dumps(render(Schedule(small_network(), HardwareOptions()))[0]))"
    )
    outputs = set()
    for number, seed in enumerate(("0", "1", "2")):
        folder = tmp_path / str(number)
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        outputs.add(
            subprocess.run(
                [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, check=True
            ).stdout
        )
    assert len(outputs) == 1


def test_options_are_in_the_manifest_and_change_the_verilog():
    one, three = (render(Schedule(small_network(), HardwareOptions(adders_per_stage=n))) for n in (1, 3))
    others = {"lut_inputs": 4, "extra_adder_levels": 0, "folded": []}
    assert one[1].options == {"adders_per_stage": 1, **others} and three[1].options["adders_per_stage"] == 3
    assert one[1].options_sha256 != three[1].options_sha256
    assert one[0]["sample_sums.v"] != three[0]["sample_sums.v"]
    assert one[1].latency_cycles > three[1].latency_cycles


def test_core_file_names_every_source(rendered):
    core = rendered[0]["sample.core"]
    assert core.startswith("CAPI=2:\n")
    data = yaml.safe_load(core.removeprefix("CAPI=2:\n"))
    assert data["filesets"]["rtl"]["files"] == list(rendered[1].files)


def test_an_unwritable_folder_leaves_everything_as_it_was(tmp_path, small):
    schedule = Schedule(small, HardwareOptions())
    (tmp_path / "rtl_out").write_text("a file")
    with pytest.raises(EmitError, match=r"rtl_out/small: cannot be written: "):
        generate(schedule, tmp_path / "rtl_out" / "small")
    assert (tmp_path / "rtl_out").read_text() == "a file"


def test_a_failed_run_leaves_the_earlier_result(tmp_path, small, monkeypatch):
    schedule = Schedule(small, HardwareOptions())
    generate(schedule, tmp_path / "small")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.v")}
    monkeypatch.setattr("amos_hdl.emit.generate.dump_yaml", lambda data: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        generate(schedule, tmp_path / "small")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.v")} == before
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path, small):
    schedule = Schedule(small, HardwareOptions())
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("years of work")
    with pytest.raises(
        EmitError, match=r"thesis: not a folder of ours: expected an empty one, or one with manifest\.yaml"
    ):
        generate(schedule, tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter1.tex").read_text() == "years of work"
    store.save(small, tmp_path / "model")
    with pytest.raises(EmitError, match="not a folder of ours"):
        generate(schedule, tmp_path / "model")
    assert store.load(tmp_path / "model") == small
    (tmp_path / "empty").mkdir()
    generate(schedule, tmp_path / "empty")


def test_interrupted_between_the_renames(tmp_path, small, monkeypatch):
    schedule = Schedule(small, HardwareOptions())
    generate(schedule, tmp_path / "small")
    rename = Path.rename

    def interrupted(path, target):
        if path.name == "new":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        generate(schedule, tmp_path / "small")
    monkeypatch.undo()
    load_manifest(tmp_path / "small")
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_changed_and_missing_verilog_is_refused(tmp_path, small):
    generate(Schedule(small, HardwareOptions()), tmp_path / "small")
    load_manifest(tmp_path / "small")
    path = tmp_path / "small" / "sample.v"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(EmitError, match=r"sample\.v: file differs from its manifest: expected \w{64}, got \w{64}; "):
        load_manifest(tmp_path / "small")
    path.unlink()
    with pytest.raises(EmitError, match=r"sample\.v: cannot be read"):
        load_manifest(tmp_path / "small")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(version=9), "version"),
        (lambda d: d.update(extra=1), "unknown key"),
        (lambda d: d["files"].update({"../../etc/passwd": "0"}), "path outside the folder"),
        (lambda d: d.pop("ports"), "ports"),
    ],
)
def test_bad_manifests(tmp_path, small, change, message):
    generate(Schedule(small, HardwareOptions()), tmp_path / "small")
    path = tmp_path / "small" / "manifest.yaml"
    data = yaml.safe_load(path.read_text())
    change(data)
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(EmitError, match=message):
        load_manifest(tmp_path / "small")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: d["options"].update(colour=1),
            "options: expected .'adders_per_stage', 'clock_mhz', 'extra_adder_levels', 'fabric', 'folded', 'interval', "
            "'lut_inputs', 'table_bits'., got",
        ),
        (lambda d: d["options"].clear(), "options: expected"),
        (lambda d: d.update(latency_cycles=3), "latency_cycles differs from the schedule"),
        (lambda d: d["layers"].pop(), "layers differs from the schedule"),
        (lambda d: d["ports"][3].update(bits=3), "ports differs from the schedule"),
    ],
)
def test_a_manifest_that_does_not_fit_its_network(tmp_path, small, change, message):
    generate(Schedule(small, HardwareOptions()), tmp_path / "small")
    path = tmp_path / "small" / "manifest.yaml"
    assert load_schedule(small, tmp_path / "small")[1].options == HardwareOptions()
    data = yaml.safe_load(path.read_text())
    change(data)
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(AmosError, match=message):
        load_schedule(small, tmp_path / "small")


def test_sums_with_constant_bits():
    """Bits of a register that never change once stopped Yosys with "conflicting init values"."""
    random = np.random.default_rng(0)
    for _ in range(12):
        inputs, units = (int(n) for n in random.integers(1, 6, 2))
        weights = random.integers(-1, 2, (units, inputs)) * 2 ** random.integers(0, 5, (units, inputs))
        low = int(random.integers(-3, 3))
        layers = (
            Input("x", inputs, low, low + int(random.integers(0, 4))),
            Dense("a", "x", weights, 8, random.integers(-90, 90, units)),
            Dense("b", "a", 4 * random.integers(-2, 3, (2, units)), 8),
        )
        network = Network("n", layers, ("b", "a"))
        for adders_per_stage in (1, 2, 64):
            render(Schedule(network, HardwareOptions(adders_per_stage=adders_per_stage)))


def test_the_harness_has_seven_pins(tmp_path, small):
    name, path, registers = write_harness(Schedule(small, HardwareOptions()), tmp_path)
    text = path.read_text()
    assert re.search(rf"^module {name}\(", text, re.MULTILINE)
    ports = re.findall(r"^  (?:input|output) (.*);", text, re.MULTILINE)
    assert sorted(ports) == ["clk", "in_data", "in_shift", "in_valid", "out_data", "out_valid", "rst"]
    assert registers > 45


@pytest.mark.parametrize("name", ["my_top.v", "obj_dir/log", "notes.txt"])
@pytest.mark.parametrize("damaged", [False, True])
def test_files_of_somebody_else_stay(tmp_path, name, damaged):
    schedule = Schedule(small_network(), HardwareOptions())
    generate(schedule, tmp_path)
    if damaged:
        (tmp_path / "manifest.yaml").write_text("format: amos-rtl\nname: [\n")
    generate(schedule, tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(EmitError, match=rf"{name}: file that was not generated; its folder would be replaced"):
        generate(schedule, tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_a_manifest_of_something_else(tmp_path):
    (tmp_path / "manifest.yaml").write_text("kind: Deployment\n")
    (tmp_path / "precious.txt").write_text("hi")
    with pytest.raises(EmitError, match=r"manifest\.yaml: not a file of ours: expected format: amos-rtl"):
        generate(Schedule(small_network(), HardwareOptions()), tmp_path)
    assert (tmp_path / "precious.txt").exists()
