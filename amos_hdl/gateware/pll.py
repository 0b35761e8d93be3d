"""Phase-locked loops as cells of their devices."""

from __future__ import annotations

from amaranth.hdl import Const, Instance, Module, Signal, Value

from amos_hdl.schedule.pll import PllSpec


def place_pll(m: Module, spec: PllSpec, clock: Value, made: Signal, locked: Signal) -> None:
    """Place a loop from ``clock`` (on iCE40 its pad) to ``made``; ``locked`` is high once it runs as it should."""
    match spec.kind:
        case "ecp5":
            m.submodules.pll = _ecp5(spec, clock, made, locked)
        case "ice40":
            m.submodules.pll = _ice40(spec, clock, made, locked)
        case "gowin":
            m.submodules.pll = _gowin(spec, clock, made, locked)


def _ecp5(spec: PllSpec, clock: Value, made: Signal, locked: Signal) -> Instance:
    phase = spec.output_divider - 1  # none: output and feedback are the same
    return Instance(
        "EHXPLLL",
        a_FREQUENCY_PIN_CLKI=f"{float(spec.input_mhz):g}",
        a_FREQUENCY_PIN_CLKOP=f"{float(spec.output_mhz):g}",
        a_ICP_CURRENT="12",
        a_LPF_RESISTOR="8",
        p_PLLRST_ENA="DISABLED",
        p_INTFB_WAKE="DISABLED",
        p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED",
        p_OUTDIVIDER_MUXA="DIVA",
        p_CLKI_DIV=spec.input_divider,
        p_CLKFB_DIV=spec.feedback_divider,
        p_FEEDBK_PATH="CLKOP",
        p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_DIV=spec.output_divider,
        p_CLKOP_CPHASE=phase,
        p_CLKOP_FPHASE=0,
        i_CLKI=clock,
        i_CLKFB=made,
        i_RST=Const(0),
        i_STDBY=Const(0),
        i_PHASESEL0=Const(0),
        i_PHASESEL1=Const(0),
        i_PHASEDIR=Const(1),
        i_PHASESTEP=Const(1),
        i_PHASELOADREG=Const(1),
        i_PLLWAKESYNC=Const(0),
        i_ENCLKOP=Const(0),
        o_CLKOP=made,
        o_LOCK=locked,
    )


def _ice40(spec: PllSpec, pad: Value, made: Signal, locked: Signal) -> Instance:
    return Instance(
        "SB_PLL40_PAD",
        p_FEEDBACK_PATH="SIMPLE",
        p_DIVR=Const(spec.input_divider - 1, 4),
        p_DIVF=Const(spec.feedback_divider - 1, 7),
        p_DIVQ=Const(spec.output_divider.bit_length() - 1, 3),
        p_FILTER_RANGE=Const(spec.filter_range, 3),
        i_PACKAGEPIN=pad,
        i_RESETB=Const(1),
        i_BYPASS=Const(0),
        o_PLLOUTGLOBAL=made,
        o_LOCK=locked,
    )


def _gowin(spec: PllSpec, clock: Value, made: Signal, locked: Signal) -> Instance:
    return Instance(
        "rPLL",
        p_DEVICE="GW1NR-9C",
        p_FCLKIN=f"{float(spec.input_mhz):g}",
        p_IDIV_SEL=spec.input_divider - 1,
        p_FBDIV_SEL=spec.feedback_divider - 1,
        p_ODIV_SEL=spec.output_divider,
        p_DYN_IDIV_SEL="false",
        p_DYN_FBDIV_SEL="false",
        p_DYN_ODIV_SEL="false",
        p_DYN_DA_EN="false",
        p_PSDA_SEL="0000",
        p_DUTYDA_SEL="1000",
        p_CLKFB_SEL="internal",
        p_CLKOUT_BYPASS="false",
        p_CLKOUTP_BYPASS="false",
        p_CLKOUTD_BYPASS="false",
        p_DYN_SDIV_SEL=2,
        p_CLKOUTD_SRC="CLKOUT",
        p_CLKOUTD3_SRC="CLKOUT",
        i_CLKIN=clock,
        i_CLKFB=Const(0),
        i_RESET=Const(0),
        i_RESET_P=Const(0),
        i_FBDSEL=Const(0, 6),
        i_IDSEL=Const(0, 6),
        i_ODSEL=Const(0, 6),
        i_PSDA=Const(0, 4),
        i_DUTYDA=Const(0, 4),
        i_FDLY=Const(0, 4),
        o_CLKOUT=made,
        o_LOCK=locked,
    )
