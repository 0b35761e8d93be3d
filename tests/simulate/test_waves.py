"""Save files for wave viewers name what is in the waves, bit by bit."""

import json
import re

import pytest

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.design import load_design
from amos_hdl.simulate.waves import UNIT_ROWS, write_save_files
from tests.cli.test_cli import amos
from tests.simulate.fst_names import fst_names


@pytest.fixture(scope="module")
def waves(small_folder):
    """Return the waves of a short run, as ``amos-hdl simulate --waves fst`` leaves them."""
    (small_folder / "few.yaml").write_text(
        "version: 1\nentries:\n- {name: few, toplevel: network, test_module: test_network, samples: 20}\n"
    )
    command = "simulate small --list few.yaml --waves fst --json".split()
    code, out, err = amos(*command, cwd=small_folder)
    assert code == 0, err
    return small_folder / json.loads(out)["runs"][0]["waves"]


def test_every_name_is_in_the_waves(waves):
    names = fst_names(waves)
    gtkwave, surfer = waves.with_suffix(".gtkw").read_text(), waves.with_suffix(".sucl").read_text()
    assert gtkwave.startswith(f'[dumpfile] "{waves.name}"\n')
    named = re.findall(r"(sample\.[\w.]+)(?:\[(\d+):0\])?", gtkwave)
    assert {name for name, _ in named} >= {"sample.in_pixels", "sample.hidden_layer.spikes", "sample.out_winner"}
    for name, high in named:
        assert names[name] == int(high or 0) + 1
    added = re.findall(r"^variable_add (\S+)$", surfer, re.MULTILINE)
    assert set(added) == {name for name, _ in named} and set(added) <= set(names)


def test_spikes_are_grouped_by_layer_and_named(waves):
    lines = waves.with_suffix(".gtkw").read_text().splitlines()
    begin = lines.index("-hidden: 6 units of 3 gates")
    group = lines[begin : lines.index("-hidden: 6 units of 3 gates", begin + 1)]
    rows = {}
    for line in group:
        if match := re.fullmatch(r"#\{(.*?)\} (.*)", line):
            # the bits of a vector are counted from the left
            rows[match[1]] = [17 - int(bit) for bit in re.findall(r"\((\d+)\)sample\.hidden_layer\.spikes", match[2])]
    planes = {name: bits for name, bits in rows.items() if "gate" in name}
    assert list(planes.values()) == [[unit * 3 + gate for unit in range(6)] for gate in range(3)]
    assert all(re.fullmatch(rf"hidden gate {n}, cycle \d+", name) for n, name in enumerate(planes, 1))
    assert [rows[f"hidden unit {unit}"] for unit in range(6)] == [[n * 3, n * 3 + 1, n * 3 + 2] for n in range(6)]
    # each group that begins ends, the inner one first
    marks = [line for line in lines if line in ("@800200", "@1000200", "@c00200", "@1401200")]
    assert marks.count("@800200") == marks.count("@1000200") == 4
    assert marks.count("@c00200") == marks.count("@1401200") == 2


def test_rows_of_surfer_are_named_in_order(waves):
    """A row is focused by its number, in digits a to p, before it is renamed."""
    lines = waves.with_suffix(".sucl").read_text().splitlines()
    added = [n for n, line in enumerate(lines) if line.startswith(("divider_add", "variable_add"))]
    for number, at in enumerate(added):
        digits = lines[at + 1].removeprefix("item_focus ")
        assert int("".join(f"{ord(digit) - ord('a'):x}" for digit in digits), 16) == number
        assert lines[at + 2].startswith("item_rename ")


def test_large_layers_and_unwritable_folders(small_folder, tmp_path, monkeypatch):
    design = load_design(small_folder / "models" / "small", small_folder / "rtl_out" / "small")
    assert UNIT_ROWS > 6
    monkeypatch.setattr("amos_hdl.simulate.waves.UNIT_ROWS", 2)
    gtkwave, _ = write_save_files(design, tmp_path / "waves.fst")
    assert len(re.findall(r"hidden unit \d", gtkwave.read_text())) == 2
    (tmp_path / "file").write_text("")
    with pytest.raises(SimulationError, match="cannot be written"):
        write_save_files(design, tmp_path / "file" / "waves.fst")
