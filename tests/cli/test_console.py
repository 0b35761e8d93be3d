"""What tables look like where there is little room."""

import io

from rich.console import Console

from amos_hdl import console


def test_names_and_numbers_stay_whole_in_a_narrow_window(monkeypatch):
    window = Console(file=io.StringIO(), width=40, highlight=False)
    monkeypatch.setattr(console, "OUT", window)
    names = [f"column_{n}" for n in range(8)]
    remark = "a remark that may be broken into several lines"
    console.table("title", ["layer", *names, ""], [["hardtanh_1", *range(10_000_000, 10_000_008), remark]], right=names)
    text = window.file.getvalue()
    words = ("hardtanh_1", *names, *(f"10,000,00{n}" for n in range(8)), *remark.split())
    assert all(word in text for word in words) and "…" not in text
    assert window.width == 40
