"""Tables of constants: the words that Yosys finds in the Verilog are those that went in, whatever their width."""

import re

import numpy as np
import pytest

from amos_hdl.emit.table import Table, table_verilog
from amos_hdl.synthesize.tools import find_tool, run_tool


def words_by_yosys(text, tmp_path):
    """Return the words of the one memory of a module, by Yosys."""
    (tmp_path / "table.v").write_text(text)
    script = "read_verilog table.v; hierarchy -top table; proc; memory -nomap; write_verilog -noattr out.v"
    run_tool(find_tool("yosys"), ["-p", script], folder=tmp_path, log="yosys.log")
    found = re.findall(r"words\[(\d+)\] = \d+'h([0-9a-f]+);", (tmp_path / "out.v").read_text())
    assert [int(place) for place, _ in found] == list(range(len(found)))
    return tuple(int(word, 16) for _, word in found)


@pytest.mark.parametrize(("count", "bits"), [(2, 1), (3, 7), (300, 31), (1000, 5), (5, 4096), (3, 5000)])
def test_words_come_back(count, bits, tmp_path):
    random = np.random.default_rng(count)
    # a bit that is the same in all words would not be in Yosys' memory
    words = 0, (1 << bits) - 1, *(int.from_bytes(random.bytes(bits // 8 + 1)) >> 8 - bits % 8 for _ in range(count - 2))
    text = table_verilog("table", Table(words, bits))
    assert words_by_yosys(text, tmp_path) == words
    assert f"[{(count - 1).bit_length() - 1}:0] address" in text


def test_a_word_out_of_place_is_seen(tmp_path):
    words = tuple(range(8))
    text = table_verilog("table", Table(words, 3)).replace("[i * 3 +: 3]", "[i * 3 + 1 +: 3]")
    assert words_by_yosys(text, tmp_path) != words


def test_a_table_is_a_few_lines():
    assert len(table_verilog("table", Table(tuple(range(1 << 14)), 14)).splitlines()) < 150
