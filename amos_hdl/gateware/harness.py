"""A network between two shift registers, so that a device with few pins can hold it."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.schedule import Port, Schedule


class Harness(wiring.Component):
    """Seven pins, whatever the width of the network: an image, or one pixel, is shifted in, results are shifted out.

    It is there to place and route a network by itself: every path within the network then starts and ends in a register
    of the device, and nothing is optimised away.  It adds ``registers`` flip-flops.

    Members
    -------
    in_shift, in_data : In(1)
        While ``in_shift`` is high one bit per clock enters; the first bit ends up lowest.
    in_valid : In(1)
        The image is complete.
    out_valid : Out(1)
        Results are there; they leave at ``out_data`` in the clocks that follow, lowest bit first.
    out_data : Out(1)
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        network = schedule.network
        self.image_bits = Port.of(network.tensors[network.input.name]).bits
        self.result_bits = sum(Port.of(network.tensors[name]).bits for name in network.outputs)
        super().__init__(
            {"in_shift": In(1), "in_data": In(1), "in_valid": In(1), "out_valid": Out(1), "out_data": Out(1)}
        )

    @property
    def registers(self) -> int:
        """Flip-flops of the harness itself."""
        return self.image_bits + self.result_bits + 2

    def elaborate(self, platform: object) -> Module:
        """Build both shift registers around the network."""
        m = Module()
        network, tensors = self.schedule.network, self.schedule.network.tensors
        image = Signal(self.image_bits, reset_less=True)
        image_valid, result_valid = Signal(), Signal()
        with m.If(self.in_shift):
            m.d.sync += image.eq(Cat(image[1:], self.in_data))
        m.d.sync += image_valid.eq(self.in_valid)
        results = [Signal(Port.of(tensors[name]).bits, name=name) for name in network.outputs]
        if self.schedule.gives_maps:
            valids = [Signal(name=f"{name}_valid") for name in network.outputs]
            valid_ports = {f"o_valid_{name}": valid for name, valid in zip(network.outputs, valids, strict=True)}
            m.d.comb += result_valid.eq(Cat(valids).any())
        else:
            valid_ports = {"o_out_valid": result_valid}
        m.submodules["network"] = Instance(
            network.name,
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_in_valid=image_valid,
            **valid_ports,
            **{f"i_in_{network.input.name}": image},
            **{f"o_out_{name}": result for name, result in zip(network.outputs, results, strict=True)},
        )
        held = Signal(self.result_bits, reset_less=True)
        m.d.sync += [self.out_valid.eq(result_valid), held.eq(held >> 1)]
        with m.If(result_valid):
            m.d.sync += held.eq(Cat(results))
        m.d.comb += self.out_data.eq(held[0])
        return m
