"""One circuit of each architecture and form, for everything that must hold for all of them."""

from __future__ import annotations

import numpy as np

from amos_hdl.circuit import FLASH, Architecture, ThresholdCircuit, quantizer, relu
from amos_hdl.network import Input, Network, Unit

STAGED2, STAGED3 = Architecture("staged", 2), Architecture("staged", 3)


def _linear(gains, outputs, levels, offset, thresholds, *lateral) -> ThresholdCircuit:
    gates = len(gains)
    rows = tuple((*row, *(0,) * (gates - len(row))) for row in lateral)
    return ThresholdCircuit(gains, outputs, levels, offset, thresholds, rows)


def _steps(gates: int) -> list[int]:
    return np.sort(np.random.default_rng(gates).integers(-90, 90, (1 << gates) - 1)).tolist()


#: Two gates on a level, every sign of gain, a negative value.
ODD = _linear((2, -3, 0, -1), (5, -7, 1, 3), (1, 1, 2, 3), -4, (3, -2, 0, -9), (), (), (4, -6), (1, 2, -3))
#: One gate per level, gains of both signs.
CHAIN = _linear((1, -2, 3, -1), (8, -3, 5, 1), (1, 2, 3, 4), 2, (10, -7, 4, -30), (), (25,), (-60, 33), (41, -17, 9))
#: A staircase that falls and rises again.
DIP = ThresholdCircuit((1,) * 5, (-3, -2, 4, 5, -1), (1,) * 5, 6, (-40, -11, 0, 7, 70), ((0,) * 5,) * 5)

CIRCUITS = {
    "serial linear": relu(4, step=5, bias=7),
    "serial linear long": relu(9, bias=200),
    "serial table": quantizer(_steps(4)),
    "serial table skipping codes": quantizer([-90, -5, 0, 0, 0, 60, 99]),
    "serial mixed gains linear": CHAIN,
    "serial mixed gains table": CHAIN.to_table(),
    "flash linear": relu(3, step=9, architecture=FLASH),
    "flash table": quantizer(_steps(4), FLASH),
    "flash not monotone": DIP,
    "staged linear": relu(4, step=6, bias=-3, architecture=STAGED2),
    "staged table": quantizer(_steps(4), STAGED2),
    "staged by three": quantizer(_steps(6), STAGED3),
    "odd linear": ODD,
    "odd table": ODD.to_table(),
}
#: Those that have one gate per level, and so can be folded.
FOLDABLE = {name: circuit for name, circuit in CIRCUITS.items() if circuit.depth == circuit.gates}


def units_network(circuits: dict[str, ThresholdCircuit], low: int = -128, high: int = 127) -> Network:
    """Return a network with one unit of each circuit, all with the same potential."""
    names = [name.replace(" ", "_") for name in circuits]
    units = [
        Unit(name, "x", (circuit,), np.zeros(1, int)) for name, circuit in zip(names, circuits.values(), strict=True)
    ]
    return Network("units", (Input("x", 1, low, high), *units), tuple(names))
