"""Drives a pipeline and records what it shows, one row per clock cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cocotb
import numpy as np
import numpy.typing as npt
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

Bits = npt.NDArray[np.bool_]

#: Rows after which text is packed into bits, so that memory stays bounded.
ROWS_PER_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Stimulus:
    """What is at the inputs in each row (clock cycle).

    Parameters
    ----------
    words : list of int
        The data port, also in rows that are not valid: there it is noise that must not matter.
    valid, reset : bool arrays, shape (row,)
    """

    words: list[int]
    valid: Bits
    reset: Bits

    @property
    def rows(self) -> int:
        """Number of clock cycles."""
        return len(self.words)


async def run(dut, data: str, stimulus: Stimulus, watch: Sequence[object], valid: str = "in_valid") -> list[Bits]:
    """Drive ``stimulus`` and return, for each handle of ``watch``, a bool array ``(row, bit)``, bit 0 the lowest.

    Everything happens at the falling edge: registers have settled since the rising edge before, inputs are taken by the
    one after.  Row r of the record is read just before row r of the stimulus is set, so what a rising edge takes in
    row r shows in row r + 1.  The clock starts and stops here.
    """
    clock = Clock(dut.clk, 10, "ns")
    clock.start()
    edge, port, valid_port = FallingEdge(dut.clk), getattr(dut, data), getattr(dut, valid)
    port.value, valid_port.value = 0, 0
    # one clock of reset empties the pipeline, whatever ran before
    dut.rst.value = 1
    await edge
    await edge
    dut.rst.value = 0
    texts: list[list[str]] = [[] for _ in watch]
    blocks: list[list[Bits]] = [[] for _ in watch]
    readers = [(handle, text.append) for handle, text in zip(watch, texts, strict=True)]
    valid_rows, reset_rows = stimulus.valid.tolist(), stimulus.reset.tolist()
    valid_now, reset_now = 0, 0
    for row, word in enumerate(stimulus.words):
        await edge
        for handle, keep in readers:
            keep(str(handle.value))
        port.value = word
        if valid_rows[row] != valid_now:
            valid_now = valid_rows[row]
            valid_port.value = int(valid_now)
        if reset_rows[row] != reset_now:
            reset_now = reset_rows[row]
            dut.rst.value = int(reset_now)
        if (row + 1) % ROWS_PER_BLOCK == 0:
            _pack_texts(texts, blocks)
    _pack_texts(texts, blocks)
    await edge
    clock.stop()
    return [np.concatenate(block) for block in blocks]


def _pack_texts(texts: list[list[str]], blocks: list[list[Bits]]) -> None:
    """Turn the recorded texts, all of '0' and '1', into bits; the first character is the highest bit."""
    for text, block in zip(texts, blocks, strict=True):
        if text:
            digits = np.frombuffer("".join(text).encode("ascii"), np.uint8).reshape(len(text), -1)
            if not np.isin(digits, (48, 49)).all():
                raise AssertionError("a recorded signal is neither 0 nor 1")
            block.append((digits == 49)[:, ::-1])
            text.clear()


def generator(seed: int, test: str) -> np.random.Generator:
    """Return the random numbers of one test: from the run's one seed and the test's name."""
    cocotb.log.info("seed %d", seed)
    return np.random.default_rng([seed, *test.encode()])
