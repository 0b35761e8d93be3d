"""The cost model against Yosys, within a bound; the form that it chooses is not much larger than the other."""

from amos_hdl.schedule import UnitSpec
from benchmarks.unit_cost import adding, compare, looking_up, spec_of, units
from tests.units import CIRCUITS


def test_the_model_is_near_yosys_and_its_choice_is_good(tmp_path):
    chosen = dict(units(range(3, 5)))
    rows = {row.name: row for row in compare(chosen, tmp_path)}
    for row in rows.values():
        assert 0.85 <= row.ratio <= 1.15, row
    total = sum(row.estimated for row in rows.values()) / sum(row.luts for row in rows.values())
    assert 0.95 <= total <= 1.05
    for bits in range(3, 5):
        for folded in ("", "_folded"):
            table, sums = (rows[f"relu{bits}{folded}_{form}"] for form in ("table", "sums"))
            best, other = sorted((table, sums), key=lambda row: row.estimated)
            assert best.luts <= 1.3 * other.luts, f"{best} was chosen, {other} is smaller"


def test_forms_can_be_asked_for():
    spec = spec_of(CIRCUITS["serial linear"])
    assert isinstance(spec, UnitSpec)
    assert all(tree is not None for tree in looking_up(spec).lookups)
    assert adding(spec).lookups[1:] == (None,) * 3
