"""The files of the AXI4-Stream wrapper."""

import re

import pytest
import yaml

from amos_hdl.emit.generate import generate, render
from amos_hdl.emit.manifest import load_schedule, stream_options
from amos_hdl.errors import AmosError, EmitError
from amos_hdl.network import Argmax, Input, Network
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.stream import StreamOptions


@pytest.fixture(scope="module")
def rendered(small):
    return render(Schedule(small, HardwareOptions()), StreamOptions(beat_bytes=2, registers=True))


def test_the_network_stays_as_it_was(small, rendered):
    plain, manifest = render(Schedule(small, HardwareOptions()))
    assert "stream" not in plain["manifest.yaml"] and manifest.stream is None
    with_stream, _ = render(Schedule(small, HardwareOptions()), StreamOptions())
    verilog = [name for name in plain if name.endswith(".v")]
    assert all(with_stream[name] == plain[name] for name in verilog)
    # with registers only the spikes leave the top module, which they did not before
    assert [name for name in verilog if rendered[0][name] != plain[name]] == ["sample.v"]
    assert re.search(r"output \[17:0\] spikes_hidden;", rendered[0]["sample.v"])


def test_files_and_core(rendered):
    files, manifest = rendered
    written = list(manifest.files)[-4:]
    assert written == [f"sample_stream{part}.v" for part in ("_images", "_results", "_registers", "")]
    for name in written:
        assert "\\$" not in files[name] and files[name].startswith("// ")
    core = yaml.safe_load(files["sample.core"].removeprefix("CAPI=2:\n"))
    assert core["filesets"]["rtl"]["files"] == list(manifest.files)
    assert core["targets"]["lint"]["toplevel"] == "sample_stream"


def test_the_header_describes_the_protocol(rendered):
    comment = " ".join(line.lstrip("/ ") for line in rendered[0]["sample_stream.v"].split("module")[0].splitlines())
    for text in (
        "Images, s_axis, 2 bytes wide: 3 beats each, tlast in the last.",
        "Dropped as a whole, and one error, is each frame that is too short or too long",
        "Results, m_axis, 6 bytes wide: one beat each",
        "byte 5: winner, 1 word of 3 bits, unsigned, 0 to 4",
        "Latency 20 clock cycles from an image's last beat to its result, one image every 3 at full rate.",
        "At most 8 images are inside",
    ):
        assert text in re.sub(r"\s+", " ", comment), text
    assert "0x40  images  counter" in rendered[0]["sample_stream_registers.v"]


def test_manifest(small, rendered, tmp_path):
    stream = rendered[1].stream
    assert (stream.top, stream.beats, stream.beat_bytes, stream.credits) == ("sample_stream", 3, 2, 8)
    assert stream.registers[0].model_dump() == {"name": "identity", "offset": 0, "value": 0x414D4F53}
    options = StreamOptions(beat_bytes=2, registers=True)
    generate(Schedule(small, HardwareOptions()), tmp_path / "small", options)
    manifest, _ = load_schedule(small, tmp_path / "small")
    assert stream_options(manifest) == options


@pytest.mark.parametrize("change", [{"credits": 4}, {"beat_bytes": 1}, {"latency_cycles": 1}, {"registers": None}])
def test_a_manifest_that_lies_about_its_wrapper(small, tmp_path, change):
    generate(Schedule(small, HardwareOptions()), tmp_path / "small", StreamOptions(beat_bytes=2, registers=True))
    path = tmp_path / "small" / "manifest.yaml"
    data = yaml.safe_load(path.read_text())
    data["stream"].update(change)
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(AmosError, match=r"(stream|ports) differs from the schedule of its network"):
        load_schedule(small, tmp_path / "small")


def test_a_layer_called_stream():
    network = Network("n", (Input("x", 2, 0, 1), Argmax("stream", "x")), ("stream",))
    render(Schedule(network, HardwareOptions()))
    with pytest.raises(EmitError, match=r"two modules of one name: got .'n_stream'.; rename an operation"):
        render(Schedule(network, HardwareOptions()), StreamOptions())
