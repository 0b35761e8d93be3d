"""A board against the golden model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import LinkError
from amos_hdl.host.client import BoardClient
from amos_hdl.host.codec import image_payloads, result_payloads, results
from amos_hdl.network import Network, golden
from amos_hdl.schedule.link import Identity

#: Differences that are named.
NAMED = 5


@dataclass(frozen=True, eq=False)
class BoardCheck:
    """What a board answered.

    Members
    -------
    identity : Identity
    values : int64 array ``(image, word)`` by output
        Of the board.
    different : int64 array ``(difference,)``
        Images whose results are not those of the golden model.
    lines : tuple of str
        The first of them in words.
    """

    identity: Identity
    values: dict[str, npt.NDArray[np.int64]]
    different: npt.NDArray[np.int64]
    lines: tuple[str, ...]


def check_board(
    client: BoardClient,
    network: Network,
    images: npt.ArrayLike,
    progress: Callable[[int], None] | None = None,
) -> BoardCheck:
    """Send ``images`` to a board and compare every output with the golden model.

    Raises
    ------
    LinkError
        If the board holds another network, or its sizes are not those of ``network``, or as ``BoardClient``.
    DataError
        If the images are not ones of the network.
    """
    checked = golden.check_images(network, images)
    payloads = image_payloads(network, checked)
    expected = golden.run(network, checked).values
    wanted = result_payloads(network, expected)
    identity = client.require(network.digest)
    sizes = (len(payloads[0]), len(wanted[0])) if payloads else (identity.image_bytes, identity.result_bytes)
    if sizes != (identity.image_bytes, identity.result_bytes):
        got = f"{identity.image_bytes} and {identity.result_bytes}"
        raise LinkError("bytes of an image and of a result", expected=f"{sizes[0]} and {sizes[1]}", got=got)
    answers = client.classify(payloads, progress)
    for number, answer in enumerate(answers):
        if len(answer) != identity.result_bytes:
            expected_bytes = f"{identity.result_bytes} bytes"
            raise LinkError("result", where=f"image {number}", expected=expected_bytes, got=f"{len(answer)}")
    values = results(network, answers) if answers else {}
    different = np.array(
        [n for n, pair in enumerate(zip(answers, wanted, strict=True)) if pair[0] != pair[1]], np.int64
    )
    lines = []
    for number in different[:NAMED].tolist():
        for name, found in values.items():
            right = expected[name][number].reshape(-1)
            if not np.array_equal(found[number], right):
                lines.append(f"image {number}, {name}: expected {right.tolist()}, got {found[number].tolist()}")
    return BoardCheck(identity, values, different, tuple(lines))
