"""Verilog files and their manifest; the only caller of Amaranth's back ends."""
