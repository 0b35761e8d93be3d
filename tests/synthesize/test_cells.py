import copy

import pytest

from amos_hdl.errors import SynthesisError
from amos_hdl.synthesize.cells import count_cells
from amos_hdl.synthesize.families import FAMILIES
from amos_hdl.synthesize.yosys import make_scripts, read_json

STATISTICS = {
    "creator": "Yosys 0.70",
    "modules": {
        "\\network": {
            "num_port_bits": 24,
            "num_cells": 154,
            "num_cells_by_type": {
                "$scopeinfo": 2,
                "CCU2C": 31,
                "LUT4": 53,
                "PFUMX": 8,
                "TRELLIS_FF": 60,
            },
        }
    },
}


def count(statistics, family="ecp5", module="network"):
    return count_cells(statistics, module, FAMILIES[family], where="statistics.json")


def test_counts():
    cells = count(STATISTICS)
    assert (cells.luts, cells.flip_flops, cells.carry_cells, cells.pins) == (53, 60, 31, 24)
    assert cells.lut_sites == 53 + 2 * 31
    assert cells.by_type["PFUMX"] == 8


def test_a_type_that_is_not_in_a_whole_table_is_a_true_zero():
    cells = count(STATISTICS)
    assert (cells.block_rams, cells.dsps) == (0, 0)


@pytest.mark.parametrize("field", ["num_cells", "num_port_bits", "num_cells_by_type"])
def test_a_missing_field_is_not_zero(field):
    statistics = copy.deepcopy(STATISTICS)
    del statistics["modules"]["\\network"][field]
    with pytest.raises(SynthesisError, match=f"no field '{field}'"):
        count(statistics)


@pytest.mark.parametrize("statistics", [{}, {"modules": {}}, {"modules": {"\\other": {}}}, {"modules": 3}])
def test_a_missing_table_is_not_zero(statistics):
    with pytest.raises(SynthesisError) as caught:
        count(statistics)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["53", 5.5, -1, True, None])
def test_a_count_is_a_count(value):
    statistics = copy.deepcopy(STATISTICS)
    statistics["modules"]["\\network"]["num_cells_by_type"]["LUT4"] = value
    with pytest.raises(SynthesisError, match="LUT4"):
        count(statistics)


def test_a_lost_cell_type_is_noticed():
    statistics = copy.deepcopy(STATISTICS)
    del statistics["modules"]["\\network"]["num_cells_by_type"]["LUT4"]
    with pytest.raises(SynthesisError, match="do not add up"):
        count(statistics)


@pytest.mark.parametrize("cell", ["$lut", "$_DFF_P_", "$add", "LUT5", "TRELLIS_FF2", "SB_LUT4"])
def test_an_unknown_cell_is_not_zero(cell):
    statistics = copy.deepcopy(STATISTICS)
    types = statistics["modules"]["\\network"]["num_cells_by_type"]
    types[cell] = types.pop("LUT4")
    with pytest.raises(SynthesisError, match=r"mapped|unknown"):
        count(statistics)


def test_a_shared_cell_counts_once():
    table = {"num_port_bits": 4, "num_cells": 12, "num_cells_by_type": {"SB_LUT4": 3, "SB_DFF": 7, "SB_CARRY": 2}}
    cells = count({"modules": {"\\network": table}}, "ice40")
    assert (cells.luts, cells.flip_flops, cells.carry_cells, cells.lut_sites) == (3, 7, 2, 7)


def test_memory_made_of_luts_is_luts():
    table = {"num_port_bits": 4, "num_cells": 5, "num_cells_by_type": {"LUT6": 3, "INV": 1, "SRL16E": 1}}
    cells = count({"modules": {"\\network": table}}, "xilinx")
    assert (cells.luts, cells.lut_sites) == (5, 5)


def test_a_small_memory_of_gowin_takes_a_tile():
    """As nextpnr 0.11 says of 4,705 LUTs, 158 memories and 5,239 flip-flops: 6,187 flip-flops."""
    table = {
        "num_port_bits": 4,
        "num_cells": 10_102,
        "num_cells_by_type": {"LUT4": 4705, "RAM16SDP4": 158, "DFF": 5239},
    }
    cells = count({"modules": {"\\network": table}}, "gowin-gw1n")
    assert (cells.luts, cells.flip_flops, cells.lut_sites) == (4863, 6187, 4705 + 158 * 8)


def test_report_that_is_not_there_or_not_json(tmp_path):
    with pytest.raises(SynthesisError, match="no report"):
        read_json(tmp_path / "statistics.json")
    (tmp_path / "statistics.json").write_text('{"modules": ')
    with pytest.raises(SynthesisError, match="not JSON"):
        read_json(tmp_path / "statistics.json")
    (tmp_path / "statistics.json").write_text("[]")
    with pytest.raises(SynthesisError, match="not a JSON object"):
        read_json(tmp_path / "statistics.json")


def test_script_flags():
    family = FAMILIES["ecp5"]
    (script,) = make_scripts(["a.v", "b.sv"], "top", family, no_dsp="-nodsp", block_ram=False)
    assert "read_verilog -defer a.v" in script and "read_verilog -defer -sv b.sv" in script
    assert "-nodsp" in script and "-nobram" in script and "keep_hierarchy" not in script
    (script,) = make_scripts(["a.v"], "top", family, network_top="net")
    assert "-nodsp" not in script and "-nobram" not in script and "-noccu2" in script
    folded = make_scripts(["a.v"], "top", family, network_top="net", folded=True)
    assert "cmp2lcu.v" not in folded[0]
    (units, _) = make_scripts(["source0_n_unit0.v", "n_unit12.v", "n_hidden.v"], "n", family, folded=True)
    assert units.index("select -set units n_unit0 n_unit12\n") < units.index("cmp2lcu.v") < units.index("synth_ecp5")
    # carry cells take logic in between the two
    assert ["synth_ecp5" in part for part in folded] == [True, False] == ["techmap" in part for part in folded]
    assert ["flatten" in part for part in folded] == [False, True] and not any("-noccu2" in part for part in folded)
    gowin = FAMILIES["gowin-gw1n"]
    assert "-nolutram" in make_scripts(["a.v"], "top", gowin, folded=True)[0]
    assert "-nolutram" not in make_scripts(["a.v"], "top", gowin)[0]
    assert "-noalu" in make_scripts(["a.v"], "top", gowin, folded=True)[0]
    assert script.index("-set keep_hierarchy 1 net") < script.index("synth_ecp5") < script.index("flatten")


@pytest.mark.parametrize("name", ["a b", "top; shell", "", "1top"])
def test_names_are_not_commands(name):
    with pytest.raises(SynthesisError, match="module name"):
        make_scripts(["a.v"], name, FAMILIES["ecp5"])
    with pytest.raises(SynthesisError, match="module name"):
        make_scripts(["a.v"], "top", FAMILIES["ecp5"], network_top=name)
    with pytest.raises(SynthesisError, match="file name"):
        make_scripts(["a;b.v"], "top", FAMILIES["ecp5"])
