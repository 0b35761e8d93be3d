"""From Verilog to figures of a device: Yosys, nextpnr, and parsers that raise.

The entry is ``amos_hdl.synthesize.flow.synthesize``; ``targets.TARGETS`` lists the devices.
"""
