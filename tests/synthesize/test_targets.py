import re

import pytest

from amos_hdl.errors import DoesNotFitError, SynthesisError
from amos_hdl.synthesize.families import FAMILIES, RESOURCES
from amos_hdl.synthesize.fit import check_fit, find_overflow
from amos_hdl.synthesize.targets import TARGETS, find_target


def test_names_and_aliases():
    assert find_target("ecp5-25k").device == "LFE5U-25F"
    assert find_target("gw2a18") is find_target("gowin-gw2a18")
    names = [name for target in TARGETS.values() for name in (target.name, *target.aliases)]
    assert len(names) == len(set(names))


def test_unknown_target_lists_the_known_ones():
    with pytest.raises(SynthesisError) as caught:
        find_target("virtex2")
    assert "\n" not in str(caught.value)
    assert "'virtex2'" in str(caught.value)
    assert all(name in str(caught.value) for name in TARGETS)


def test_every_target_is_complete():
    for target in TARGETS.values():
        assert (target.capacity is None) == (target.family.placer is None)
        assert (target.clock_pin is not None) == target.family.gowin_buffers
        assert target.clock_pin not in target.user_pins
        assert len(set(target.user_pins)) == len(target.user_pins)
        if target.capacity is not None:
            assert "nextpnr" in target.capacity.source
            assert len(target.user_pins) < target.capacity.pins


@pytest.mark.parametrize(
    ("family", "cell", "kind"),
    [
        ("ecp5", "LUT4", "luts"),
        ("ecp5", "TRELLIS_FF", "flip_flops"),
        ("ecp5", "CCU2C", "carry_cells"),
        ("ecp5", "DP16KD", "block_rams"),
        ("ecp5", "MULT18X18D", "dsps"),
        ("ecp5", "PFUMX", "none"),
        ("ecp5", "LUT5", None),
        ("ice40", "SB_DFFESR", "flip_flops"),
        ("ice40", "SB_CARRY", "carry_cells"),
        ("ice40", "SB_RAM40_4K", "block_rams"),
        ("gowin-gw1n", "LUT1", "luts"),
        ("gowin-gw1n", "DFFCE", "flip_flops"),
        ("gowin-gw1n", "DFF", "flip_flops"),
        ("gowin-gw1n", "MUX2_LUT5", "none"),
        ("gowin-gw2a", "ALU", "carry_cells"),
        ("xilinx", "INV", "luts"),
        ("xilinx", "FDRE", "flip_flops"),
        ("xilinx", "SRL16E", "memory"),
        ("xilinx", "CARRY8", "carry_cells"),
        ("xilinx", "DSP48E2", "dsps"),
    ],
)
def test_kind_of_cell(family, cell, kind):
    assert FAMILIES[family].kind_of(cell) == kind


def test_too_large_says_what_how_many_and_where_it_would_fit():
    with pytest.raises(DoesNotFitError) as caught:
        check_fit(find_target("ecp5-25k"), {"luts": 30_000, "flip_flops": 24_289})
    text = str(caught.value)
    assert "\n" not in text
    assert "ecp5-25k" in text and "24,288 LUTs" in text and "30,000" in text and "5,712 more" in text
    assert "ecp5-45k would hold it" in text


def test_exactly_full_fits():
    check_fit(find_target("ecp5-25k"), {"luts": 24_288})


@pytest.mark.parametrize("resource", RESOURCES)
def test_each_resource_is_checked(resource):
    target = find_target("ice40-up5k")
    with pytest.raises(DoesNotFitError):
        check_fit(target, {resource: target.capacity.of(resource) + 1})


def test_nothing_would_hold_it():
    with pytest.raises(DoesNotFitError, match="no known target"):
        check_fit(find_target("ecp5-85k"), {"luts": 90_000})


def test_another_family_is_only_probable():
    with pytest.raises(DoesNotFitError, match="would probably hold it"):
        check_fit(find_target("ice40-hx8k"), {"luts": 9_000})


def test_too_many_pins_asks_for_a_harness():
    with pytest.raises(DoesNotFitError, match=re.escape("at most 39 pins") + ".*harness"):
        check_fit(find_target("ice40-up5k"), {"pins": 400})


LOG = """Info: Device utilisation:
Info: \t          TRELLIS_FF:    1622/  24288     6%
Info: \t        TRELLIS_COMB:   {used}/  24288    {percent}%
"""


def test_overflow_from_nextpnrs_log():
    target = find_target("ecp5-25k")
    assert find_overflow(target, LOG.format(used=24_300, percent=100)) == ("luts", 24_300, 24_288)
    assert find_overflow(target, LOG.format(used=24_288, percent=100)) is None
