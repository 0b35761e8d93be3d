"""Images and results as the bytes on a link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from amos_hdl.network import Network
from amos_hdl.schedule import Port
from amos_hdl.simulate.frames import frames
from amos_hdl.simulate.words import pack, unpack

Integers = npt.NDArray[np.int64]


def image_payloads(network: Network, images: Integers) -> list[bytes]:
    """Return ``images`` ``(image, ...)`` as payloads of ``CLASSIFY``."""
    return [frame.tobytes() for frame in frames(network.tensors[network.input.name], images, 1)]


def result_payloads(network: Network, values: Mapping[str, Integers]) -> list[bytes]:
    """Return the payloads of ``RESULT`` that stand for ``values`` ``(image, ...)`` of each output."""
    images = len(values[network.outputs[0]])
    ports = {name: Port.of(network.tensors[name]) for name in network.outputs}
    parts = [pack(values[name].reshape(images, -1), port.word_bits) for name, port in ports.items()]
    return [row.tobytes() for row in np.concatenate(parts, axis=1)]


def results(network: Network, payloads: Sequence[bytes]) -> dict[str, Integers]:
    """Return the values ``(image, word)`` of each output for which payloads of ``RESULT`` stand."""
    ports = {name: Port.of(network.tensors[name]) for name in network.outputs}
    widths = {name: -(-port.bits // 8) for name, port in ports.items()}
    rows = np.frombuffer(b"".join(payloads), np.uint8).reshape(len(payloads), sum(widths.values()))
    values, first = {}, 0
    for name, port in ports.items():
        bits = np.unpackbits(rows[:, first : first + widths[name]], axis=1, bitorder="little")[:, : port.bits]
        values[name] = unpack(bits.astype(np.bool_), port.word_bits, port.signed)
        first += widths[name]
    return values
