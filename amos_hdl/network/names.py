"""Names of networks and operations, which become Verilog modules, instances, ports and files."""

from __future__ import annotations

import re

from amos_hdl.errors import NetworkError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")

# Source: IEEE 1364-2005 annex B and IEEE 1800-2017 annex B; then names that generated modules use or Windows reserves.
_RESERVED = frozenset(
    """
    accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin
    bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking
    cmos config const constraint context continue cover covergroup coverpoint cross deassign default defparam
    design disable dist do edge else end endcase endchecker endclass endclocking endconfig endfunction
    endgenerate endgroup endinterface endmodule endpackage endprimitive endprogram endproperty endspecify
    endsequence endtable endtask enum event eventually expect export extends extern final first_match for
    force foreach forever fork forkjoin function generate genvar global highz0 highz1 if iff ifnone
    ignore_bins illegal_bins implements implies import incdir include initial inout input inside instance int
    integer interconnect interface intersect join join_any join_none large let liblist library local
    localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos
    nor noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive
    priority program property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent
    pure rand randc randcase randsequence rcmos real realtime ref reg reject_on release repeat restrict return
    rnmos rpmos rtran rtranif0 rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared
    sequence shortint shortreal showcancelled signed small soft solve specify specparam static string strong
    strong0 strong1 struct super supply0 supply1 sync_accept_on sync_reject_on table tagged task this
    throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef
    union unique unique0 unsigned until until_with untyped use uwire var vectored virtual void wait wait_order
    wand weak weak0 weak1 while wildcard wire with within wor xnor xor std clk rst aux con nul prn
    """.split()
)


# What a generated module calls things that belong to no operation, or derives from the name of one.
_DERIVED = re.compile(r"valid|harness|unit[0-9]+|delay_.*|in_.*|out_.*|.*_(layer|valid|spikes|delay|delayed)")


def check_operation_name(name: str) -> None:
    """Raise NetworkError unless ``name`` can name an operation, whose module, instance and ports must be its own."""
    check_name(name, "an operation")
    if _DERIVED.fullmatch(name):
        expected = "none that generated Verilog uses itself (valid, harness, unit0, in_.., out_.., .._layer, .._valid)"
        raise NetworkError("name of an operation", expected=expected, got=repr(name))


def check_name(name: str, what: str) -> None:
    """Raise NetworkError unless ``name`` can name a Verilog module, a port and a file."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _RESERVED:
        expected = "a to z, 0 to 9 and _, a letter first, at most 48, no word of Verilog"
        raise NetworkError(f"name of {what}", expected=expected, got=repr(name))
