"""Drives a pipeline and records what it shows, one row per clock cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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


class Feed(NamedTuple):
    """Ports of one network and what they are given."""

    data: Any
    valid: Any
    reset: Any
    stimulus: Stimulus


async def run(dut, data: str, stimulus: Stimulus, watch: Sequence[object], valid: str = "in_valid") -> list[Bits]:
    """Drive ``stimulus`` into the ports ``data`` and ``valid`` of ``dut``; see ``run_all``."""
    return await run_all(dut.clk, [Feed(getattr(dut, data), getattr(dut, valid), dut.rst, stimulus)], watch)


async def run_all(clk, feeds: Sequence[Feed], watch: Sequence[object]) -> list[Bits]:
    """Drive all ``feeds`` at once; return, for each handle of ``watch``, a bool array ``(row, bit)``, bit 0 the lowest.

    Everything happens at the falling edge: registers have settled since the rising edge before, inputs are taken by the
    one after.  Row r of the record is read just before row r of the stimulus is set, so what a rising edge takes in
    row r shows in row r + 1.  The clock starts and stops here.  A feed that ends before the others is left as it is.
    """
    clock = Clock(clk, 10, "ns")
    clock.start()
    edge = FallingEdge(clk)
    # one clock of reset empties the pipeline, whatever ran before
    for feed in feeds:
        feed.data.value, feed.valid.value, feed.reset.value = 0, 0, 1
    await edge
    await edge
    for feed in feeds:
        feed.reset.value = 0
    texts: list[list[str]] = [[] for _ in watch]
    blocks: list[list[Bits]] = [[] for _ in watch]
    readers = [(handle, text.append) for handle, text in zip(watch, texts, strict=True)]
    # a port is only set where its value changes
    plans = [
        (feed, feed.stimulus.words, _changes(feed.stimulus.valid), _changes(feed.stimulus.reset)) for feed in feeds
    ]
    for row in range(max(feed.stimulus.rows for feed in feeds)):
        await edge
        for handle, keep in readers:
            keep(str(handle.value))
        for feed, words, valid, reset in plans:
            if row >= len(words):
                continue
            feed.data.value = words[row]
            if row in valid:
                feed.valid.value = valid[row]
            if row in reset:
                feed.reset.value = reset[row]
        if (row + 1) % ROWS_PER_BLOCK == 0:
            _pack_texts(texts, blocks)
    _pack_texts(texts, blocks)
    await edge
    clock.stop()
    return [np.concatenate(block) for block in blocks]


def _changes(bits: Bits) -> dict[int, int]:
    """Return the rows in which a bit that was 0 before the first row changes, and what it is then."""
    rows = np.flatnonzero(np.diff(bits, prepend=False))
    return {int(row): int(bits[row]) for row in rows}


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
