"""amos-hdl: spiking networks of at-most-one-spike neurons, from trained models to checked Verilog.

The sub-packages follow the way of the data; each imports only those named before it:

``circuit`` (one unit) -> ``network`` (what is computed) -> ``frontend`` (trained models in) -> ``schedule`` (when each
spike happens) -> ``gateware`` (Amaranth) -> ``emit`` (Verilog files) -> ``simulate`` (cocotb on Verilator) ->
``synthesize`` (Yosys, nextpnr) -> ``cli``.
"""

__version__ = "0.1.0"
