"""Phase-locked loops: which dividers make one clock of another.

Sources: Lattice FPGA-TN-02200 (ECP5 sysCLOCK), FPGA-TN-02052 (iCE40 sysCLOCK), Gowin UG286 and DS117 (GW1NR-9 C6/I5);
the limits are those that ``ecppll``, ``icepll`` and ``gowin_pll`` keep to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from amos_hdl.errors import ScheduleError

PllKind = Literal["ecp5", "ice40", "gowin"]

#: Phase detector and oscillator, MHz.
_LIMITS: dict[PllKind, tuple[tuple[float, float], tuple[float, float]]] = {
    "ecp5": ((3.125, 400), (400, 800)),
    "ice40": ((10, 133), (533, 1066)),
    "gowin": ((3, 400), (400, 1200)),
}
#: Largest divider of the input, largest of the feedback, dividers of the oscillator.
_DIVIDERS: dict[PllKind, tuple[int, int, tuple[int, ...]]] = {
    "ecp5": (128, 80, tuple(range(1, 129))),
    "ice40": (16, 128, tuple(2**power for power in range(1, 7))),
    "gowin": (64, 64, (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)),
}
#: How far the clock may be from what was asked for.
TOLERANCE = Fraction(1, 100)


@dataclass(frozen=True)
class PllSpec:
    """Dividers of one loop.

    ``output = input / input_divider * feedback_divider``, on iCE40 that ``/ output_divider``; the oscillator runs at
    ``output * output_divider``.

    Parameters
    ----------
    kind : {"ecp5", "ice40", "gowin"}
    input_mhz : Fraction
    input_divider, feedback_divider, output_divider : int
    """

    kind: PllKind
    input_mhz: Fraction
    input_divider: int
    feedback_divider: int
    output_divider: int

    @property
    def detector_mhz(self) -> Fraction:
        """What the phase detector compares."""
        return self.input_mhz / self.input_divider

    @property
    def output_mhz(self) -> Fraction:
        """The clock that is made."""
        made = self.detector_mhz * self.feedback_divider
        return made / self.output_divider if self.kind == "ice40" else made

    @property
    def oscillator_mhz(self) -> Fraction:
        """What the oscillator inside runs at."""
        return self.output_mhz * self.output_divider

    @property
    def filter_range(self) -> int:
        """Of an iCE40: the loop filter that the detector's frequency wants, as ``icepll`` chooses it."""
        return next((value for value, top in enumerate((17, 26, 44, 66, 101), 1) if self.detector_mhz < top), 6)

    @classmethod
    def near(cls, kind: PllKind, input_mhz: Fraction, output_mhz: Fraction) -> PllSpec:
        """Return the loop nearest to ``output_mhz``, with the fastest detector among equals and the oscillator in
        the middle of its range.

        Raises
        ------
        ScheduleError
            If none is within 1 %.
        """
        middle = Fraction(sum(_LIMITS[kind][1])) / 2
        best = min(
            cls._all(kind, input_mhz, output_mhz),
            key=lambda pll: (abs(pll.output_mhz - output_mhz), pll.input_divider, abs(pll.oscillator_mhz - middle)),
            default=None,
        )
        if best is None or abs(best.output_mhz - output_mhz) > output_mhz * TOLERANCE:
            got = "none" if best is None else f"{float(best.output_mhz):g} MHz at best"
            raise ScheduleError(
                f"clock from {float(input_mhz):g} MHz by a PLL", expected=f"{float(output_mhz):g} MHz", got=got
            )
        return best

    @classmethod
    def _all(cls, kind: PllKind, input_mhz: Fraction, output_mhz: Fraction) -> Iterator[PllSpec]:
        """Yield for each input and output divider the loops next to ``output_mhz`` that are within the limits."""
        detector, oscillator = _LIMITS[kind]
        inputs, feedbacks, outputs = _DIVIDERS[kind]
        for input_divider in range(1, inputs + 1):
            if not detector[0] <= input_mhz / input_divider <= detector[1]:
                continue
            for output_divider in outputs:
                # the oscillator is as near to what it would be as the clock is to what is asked for
                about = output_mhz * output_divider
                if not oscillator[0] * (1 - TOLERANCE) <= about <= oscillator[1] * (1 + TOLERANCE):
                    continue
                wanted = output_mhz * input_divider / input_mhz * (output_divider if kind == "ice40" else 1)
                for feedback in {int(wanted), int(wanted) + 1}:
                    pll = cls(kind, input_mhz, input_divider, feedback, output_divider)
                    if 1 <= feedback <= feedbacks and oscillator[0] <= pll.oscillator_mhz <= oscillator[1]:
                        yield pll
