"""The design of ``digits_top.v`` in Amaranth; ``python examples/digits_top.py`` prints it as Verilog."""

import sys

from amaranth.back import verilog
from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class DigitsTop(wiring.Component):
    """The digit that was recognized last, and how many there were."""

    pixels: In(64)
    pixels_valid: In(1)
    pixels_last: In(1)
    pixels_ready: Out(1)
    digit: Out(4)
    count: Out(16)

    def elaborate(self, platform):
        """Wire the streams to the network, which comes from the same command as for ``digits_top.v``."""
        m = Module()
        result, valid = Signal(8), Signal()
        image = {
            "i_s_axis_tdata": self.pixels,
            "i_s_axis_tvalid": self.pixels_valid,
            "i_s_axis_tlast": self.pixels_last,
        }
        image |= {"i_s_axis_tuser": 0, "o_s_axis_tready": self.pixels_ready}
        answer = {"o_m_axis_tdata": result, "o_m_axis_tvalid": valid, "i_m_axis_tready": 1}
        m.submodules.network = Instance("digits_stream", i_clk=ClockSignal(), i_rst=ResetSignal(), **image, **answer)
        m.d.sync += self.count.eq(self.count + valid)
        with m.If(valid):
            m.d.sync += self.digit.eq(result)
        return m


if __name__ == "__main__":
    sys.stdout.write(verilog.convert(DigitsTop(), name="digits_top", emit_src=False))
