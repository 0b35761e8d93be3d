"""Hardware spec of weighted sums that share their adders, a few at once, and read their weights from a ROM."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ScheduleError
from amos_hdl.network import Dense, Tensor
from amos_hdl.schedule.clock import Clock
from amos_hdl.schedule.dense import DenseSpec
from amos_hdl.schedule.port import Port

Array = npt.NDArray[np.int64]


#: Most bits of an input: the value of each bit is a weight of a lane's adders, at most 16 bits with its sign.
MOST_CODE_BITS = 15


@dataclass(frozen=True, eq=False)
class FoldedSumSpec:
    """Weighted sums ``x[n] = bias[n] + Σ_m weights[n, m]·y[m]`` by ``lanes`` adders of ``inputs`` products each.

    Lane k makes sums ``k·folds`` to ``(k + 1)·folds - 1`` one after another, ``folds = units / lanes``; each takes
    ``slices = inputs of a sum / inputs`` clock cycles.  Step t, which is ``fold·slices + slice``, works in clock cycle
    1 + t.  So ``interval_cycles = folds·slices``; after the last step a sum still goes through the adders of a lane and
    the register that collects it: ``latency_cycles = interval_cycles + adders.latency_cycles + 1``.  All sums leave
    together.

    ``in_turn`` they leave as they are made, and none is kept: sum ``k·folds + fold`` is word k of the port from cycle
    ``latency_cycles + fold·slices`` on until the next takes its place, with ``latency_cycles = slices +
    adders.latency_cycles + 1``, and each fold has its own ``out_valid``.

    A product of a code and a weight is added bit by bit, as the weight where the bit is one, shifted.  Working through
    one bit of all codes per clock instead, with twice the sum so far, takes as many LUTs at the same speed
    (``benchmarks/folds.py``) and reads each weight once per bit, so it is not built.

    With ``parts`` an image's inputs come in so many equal parts, each with ``in_valid``; ``interval_cycles`` is then
    from part to part and the latency counts from the last part.

    Parameters
    ----------
    operation : Dense
    source, result : Tensor
        ``source`` is what is at the port at once: one part.
    lanes, inputs : int
        Sums and inputs of each that are worked on at once.
    groups : int
        As of a convolution: sums and inputs are divided into so many groups, a sum reads its own group alone.
    taps : int64 array, shape (group, input), optional
        Which words of the port are the inputs of each group, in the order in which they are read.  Default: group
        after group.
    parts : int
        Only with one group.
    adders_per_stage, lut_inputs, extra_levels : int
        Of the adders of a lane, as in ``DenseSpec``; ``clock`` likewise.
    in_turn : bool
        Only without parts.

    Raises
    ------
    ScheduleError
        If the inputs have more than ``MOST_CODE_BITS``; the lanes do not divide the sums, or the inputs of a lane those
        of a sum; lanes would have to change between groups of more than one sum; or sums of parts leave in turn.
    """

    operation: Dense
    source: Tensor
    result: Tensor
    lanes: int
    inputs: int
    groups: int = 1
    taps: Array | None = None
    parts: int = 1
    adders_per_stage: int = 1
    lut_inputs: int = 4
    extra_levels: int = 0
    in_turn: bool = False
    clock: Clock | None = None

    def __post_init__(self) -> None:
        units, words = self.result.units, self.inputs_of_a_sum
        if self.source.bits > MOST_CODE_BITS:
            expected, got = f"inputs of at most {MOST_CODE_BITS} bits", f"{self.source.bits} bits"
            raise ScheduleError("folded sums", where=self.operation.name, expected=expected, got=got)
        self._check("sums at once", f"a divisor of {units}, the sums", self.lanes, units)
        self._check("inputs at once", f"a divisor of {words}, the inputs of a sum", self.inputs, words)
        if self.in_turn and self.parts > 1:
            raise ScheduleError("sums in turn", where=self.operation.name, expected="1 part", got=str(self.parts))
        per_group = units // self.groups
        if self.groups > 1 and per_group > 1 and per_group % self.folds:
            expected = f"{units} divided by a divisor of {per_group}, the sums of a group"
            raise ScheduleError("sums at once", where=self.operation.name, expected=expected, got=str(self.lanes))

    def _check(self, what: str, expected: str, got: int, whole: int) -> None:
        if got < 1 or whole % got:
            raise ScheduleError(what, where=self.operation.name, expected=expected, got=str(got))

    @property
    def inputs_of_a_sum(self) -> int:
        """Inputs that each sum has in one part."""
        return self.source.units // self.groups

    @property
    def folds(self) -> int:
        """Sums that share a lane."""
        return self.result.units // self.lanes

    @property
    def slices(self) -> int:
        """Clock cycles for a sum in one part."""
        return self.inputs_of_a_sum // self.inputs

    @property
    def interval_cycles(self) -> int:
        """Clock cycles from one vector at the port to the next."""
        return self.folds * self.slices

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from the inputs, or their last part, to all sums; in turn, to the first of each lane."""
        return (self.slices if self.in_turn else self.interval_cycles) + self.adders.latency_cycles + 1

    @cached_property
    def banks(self) -> tuple[tuple[int, ...], ...]:
        """The words that each shift register holds, in the order in which they are read, ``inputs`` per clock."""
        shape = (self.groups, self.inputs_of_a_sum)
        taps = np.arange(self.source.units).reshape(shape) if self.taps is None else self.taps
        if self.result.units == self.groups:  # a lane has a share of the groups, each of one sum
            taps = taps.reshape(self.lanes, -1) if self.groups > 1 else taps
        return tuple(map(tuple, taps.tolist()))

    def bank(self, lane: int) -> int:
        """Return which shift register ``lane`` reads."""
        return lane * len(self.banks) // self.lanes

    @cached_property
    def weights(self) -> Array:
        """The weights of every step, shape (step, lane, input); steps of all parts, one part after another."""
        units, taken = self.result.units, self.inputs_of_a_sum
        whole = self.operation.weights.reshape(units, self.parts, -1)
        if self.taps is not None or self.groups > 1:
            default = np.arange(self.source.units).reshape(self.groups, taken)
            taps = default if self.taps is None else self.taps
            rows = np.repeat(taps, units // self.groups, axis=0)  # (sum, input)
            whole = np.take_along_axis(whole, rows[:, None, :], axis=2)
        steps = whole.reshape(self.lanes, self.folds, self.parts, self.slices, self.inputs)
        return steps.transpose(2, 1, 3, 0, 4).reshape(-1, self.lanes, self.inputs)

    @cached_property
    def weight(self) -> Port:
        """The weights of one step of one lane."""
        return Port(self.inputs, min(0, int(self.weights.min())), max(0, int(self.weights.max())))

    @cached_property
    def rom(self) -> tuple[int, ...]:
        """A word per step: the weights of all lanes side by side, input 0 of lane 0 lowest."""
        bits = self.weight.word_bits
        flat = (self.weights & (1 << bits) - 1).reshape(len(self.weights), -1)
        binary = (flat[:, :, None] >> np.arange(bits) & 1).astype(np.uint8).reshape(len(flat), -1)
        packed = np.packbits(binary, axis=1, bitorder="little")
        return tuple(int.from_bytes(row.tobytes(), "little") for row in packed)

    @property
    def rom_bits(self) -> int:
        """Bits of one word of the ROM."""
        return self.lanes * self.weight.bits

    @cached_property
    def biases(self) -> tuple[tuple[int, ...], ...]:
        """The bias of every sum of each lane, shape (lane, fold)."""
        return tuple(map(tuple, self.operation.biases.reshape(self.lanes, self.folds).tolist()))

    @property
    def biased(self) -> bool:
        """Whether any bias is not zero."""
        return bool(self.operation.biases.any())

    @cached_property
    def adders(self) -> DenseSpec:
        """The adders of a lane: their inputs are, for each input of the lane and each bit of it, a weight or zero."""
        code = Port.of(self.source)
        places = [1 << bit for bit in range(code.word_bits)]
        if code.signed:
            places[-1] = -places[-1]
        rows = np.tile(np.array(places, np.int64), self.inputs)[None]
        low = np.repeat(self.weights.min(axis=(0, 1)).clip(max=0), code.word_bits)
        high = np.repeat(self.weights.max(axis=(0, 1)).clip(min=0), code.word_bits)
        operation = Dense(f"{self.operation.name}_lane", "weights", rows, max(2, code.word_bits + 1))
        source = Tensor(low, high)
        result = operation.result(source)
        options = (self.adders_per_stage, self.lut_inputs, self.extra_levels, self.clock)
        return DenseSpec(operation, source, result, *options)

    @property
    def goes_on(self) -> bool:
        """Whether a sum begins with more than zero: a bias, or what an earlier part has left."""
        return self.biased or self.parts > 1

    @property
    def potential(self) -> Port:
        """The sums, as they leave; sums that are not complete have as many bits and may wrap."""
        whole = Port.of(self.result)
        return Port(self.lanes, *self.result.interval) if self.in_turn else whole

    @property
    def kept(self) -> int:
        """Sums that each lane keeps: all, or the last."""
        return 1 if self.in_turn else self.folds

    def evaluate(self, x: Array) -> Array:
        """Return the sums ``(batch, unit)`` of inputs ``(batch, input)``, step by step as the lanes make them."""
        parts = x.reshape(len(x), self.parts, -1)
        sums = np.tile(np.array(self.biases, np.int64), (len(x), 1, 1))  # (batch, lane, fold)
        banks = [np.array(self.banks[self.bank(lane)]) for lane in range(self.lanes)]
        for step, weights in enumerate(self.weights):
            part, step_of_part = divmod(step, self.interval_cycles)
            fold = step_of_part // self.slices
            for lane, words in enumerate(banks):
                read = words[(step_of_part * self.inputs + np.arange(self.inputs)) % len(words)]
                sums[:, lane, fold] += parts[:, part][:, read] @ weights[lane]
        return sums.reshape(len(x), -1)
