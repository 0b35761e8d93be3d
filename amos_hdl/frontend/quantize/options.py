"""How a float network is made integer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from amos_hdl.circuit.fitting import FittedUnit
from amos_hdl.errors import ImportedModelError

Calibration = Literal["max", "percentile", "mse"]
Products = Literal["multiply", "units"]

#: Bits of the two units of squares that stand for a product: 1 + 2·8 gates each, 34 a product (the paper's have 40).
PRODUCT_GATES = 8


@dataclass(frozen=True)
class QuantizeOptions:
    """Widths, and how scales are chosen.

    Parameters
    ----------
    weight_bits : int, 2 to 8
        Of every weight, symmetric, one scale per output channel.
    first_bits, last_bits : int or None
        Of the first and the last weighted sum where that differs.
    layer_bits : mapping of layer to int
        Of single layers, by their name in the network; goes before the others.
    gates : int, 1 to 12
        K: spikes that stand for one activation.
    calibration : {"max", "percentile", "mse"}
        The greatest value α of each unit: the greatest seen, the given percentile, or the one of least squared error.
    percentile : float
        50 to 100, in percent.
    alpha : float or None
        One α for all units instead.
    per_channel : bool
        α for each channel rather than for each layer.
    bias_correction : bool
        Move each potential so that its mean over calibration images is that of the float network.
    products : {"multiply", "units"}
        Products of two tensors as real products, or of units as in the paper (``products.py``).

    circuits : tuple of FittedUnit
        Fitted units (linear form) for the functions that they were fitted to; K is then theirs.

    Raises ImportedModelError if a number is out of range.
    """

    weight_bits: int = 6
    first_bits: int | None = None
    last_bits: int | None = None
    layer_bits: Mapping[str, int] = field(default_factory=dict)
    gates: int = 6
    calibration: Calibration = "mse"
    percentile: float = 99.9
    alpha: float | None = None
    per_channel: bool = False
    bias_correction: bool = True
    products: Products = "multiply"
    circuits: tuple[FittedUnit, ...] = ()

    def __post_init__(self) -> None:
        widths = {"weight_bits": self.weight_bits, "first_bits": self.first_bits, "last_bits": self.last_bits}
        for name, bits in {**widths, **self.layer_bits}.items():
            if bits is not None and not 2 <= bits <= 8:
                raise ImportedModelError(name, expected="2 to 8 bits", got=repr(bits))
        if not 1 <= self.gates <= 12:
            raise ImportedModelError("gates", expected="1 to 12", got=repr(self.gates))
        if not 50 <= self.percentile <= 100:
            raise ImportedModelError("percentile", expected="50 to 100", got=repr(self.percentile))
        if self.alpha is not None and not self.alpha > 0:
            raise ImportedModelError("alpha", expected="above 0", got=repr(self.alpha))
