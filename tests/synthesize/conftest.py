"""A small network with its harness, written by hand, and tools made of a few lines."""

import sys
from pathlib import Path

import numpy as np
import pytest

from amos_hdl.synthesize.tools import TOOLS


def small_design(inputs: int = 8, units: int = 2, bits: int = 4, seed: int = 1) -> str:
    """Verilog of ``network`` (sums with constant weights, pipelined; a threshold each) and of ``harness`` around it."""
    draw = np.random.default_rng(seed)
    lines = [f"module network(input clk, input rst, input in_valid, input [{inputs * bits - 1}:0] x,"]
    lines += [f"  output reg [{units - 1}:0] y, output out_valid);"]
    for unit in range(units):
        terms = [f"$signed({{1'b0, x[{i * bits}+:{bits}]}}) * ({draw.integers(-3, 4) or 1})" for i in range(inputs)]
        level = 0
        while len(terms) > 1:
            pairs = [terms[i : i + 2] for i in range(0, len(terms), 2)]
            terms = [f"u{unit}_{level}_{i}" for i in range(len(pairs))]
            lines += [
                f"  reg signed [{bits + 3 + level}:0] {name}; always @(posedge clk) {name} <= {' + '.join(pair)};"
                for name, pair in zip(terms, pairs, strict=True)
            ]
            level += 1
        lines.append(f"  always @(posedge clk) y[{unit}] <= {terms[0]} >= {draw.integers(-5, 6)};")
    lines += ["  reg [4:0] valid; assign out_valid = valid[4];"]
    lines += ["  always @(posedge clk) if (rst) valid <= 0; else valid <= {valid[3:0], in_valid};", "endmodule"]
    lines += [
        "module harness(input clk, input rst, input data, input shift, input in_valid,",
        f"  output reg [{units - 1}:0] result, output reg out_valid);",
        f"  reg [{inputs * bits - 1}:0] image; reg start; wire [{units - 1}:0] y; wire v;",
        "  always @(posedge clk) begin",
        f"    if (shift) image <= {{image[{inputs * bits - 2}:0], data}};",
        "    start <= in_valid & ~rst; result <= y; out_valid <= v & ~rst;",
        "  end",
        "  network net(.clk(clk), .rst(rst), .in_valid(start), .x(image), .y(y), .out_valid(v));",
        "endmodule",
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def design(tmp_path: Path) -> Path:
    path = tmp_path / "a design.v"  # the blank is meant
    path.write_text(small_design())
    return path


@pytest.fixture
def fake_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that puts a Python script into PATH under a tool's native name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, body: str, version: str = "Yosys 9.9 (git sha1 abc, x) (Version 9.9)") -> Path:
        path = folder / TOOLS[name].native[0]
        head = f"#!{sys.executable}\nimport sys\nif '--version' in sys.argv:\n    print({version!r}); sys.exit()\n"
        path.write_text(head + body)
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def no_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither PATH nor the interpreter's folder has any tool."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setattr(sys, "executable", str(empty / "python"))
