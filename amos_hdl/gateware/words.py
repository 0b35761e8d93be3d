"""Words side by side in one port: word n at bits ``[n·word_bits, (n+1)·word_bits)``."""

from __future__ import annotations

from amaranth.hdl import Module, Shape, Signal, Value

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.schedule import Port


def shape(port: Port) -> Shape:
    """Return the shape of one word of ``port``."""
    return Shape(port.word_bits, port.signed)


def word(value: Value, port: Port, number: int) -> Value:
    """Return word ``number`` of ``value``, which is laid out as ``port``, with its sign."""
    bits = value[number * port.word_bits : (number + 1) * port.word_bits]
    return bits.as_signed() if port.signed else bits


def register(m: Module, value: Value, name: str) -> Signal:
    """Return ``value`` one clock cycle later, as the register ``name``.

    It has no reset: what data registers hold before the first valid image is never taken for one.
    """
    stored = Signal(value.shape(), name=name, reset_less=True)
    m.d.sync += stored.eq(value)
    return stored


def valid_pipeline(m: Module, valid: Value, cycles: int, copies: int = 1) -> Value:
    """Return ``valid`` delayed by ``cycles`` registers called ``valid_1``, ``valid_2``, ..., all low after reset."""
    for cycle in range(1, cycles + 1):
        stored = ControlRegister(m, 1, f"valid_{cycle}", copies=copies)
        m.d.sync += stored.eq(valid)
        valid = stored.value
    return valid
