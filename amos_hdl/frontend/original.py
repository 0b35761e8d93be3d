"""What the original of a converted network answered, kept beside the network: ``original.npz``.

Images are known again by a digest of their pixels, so that any data set can be compared that holds some of them.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import StoreError
from amos_hdl.network import store
from amos_hdl.network.archive import read_arrays, write_arrays

#: Best classes that are kept of each image.
RANKS = 5

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Original:
    """Answers of the original network.

    Parameters
    ----------
    digests : int64, shape (image,)
        Of the pixels, see ``digests_of``.
    ranking : int64, shape (image, rank)
        The up to five best classes, the best first; of equal ones the lowest index first.

    Raises StoreError if shapes do not fit.
    """

    digests: Integers
    ranking: Integers

    def __post_init__(self) -> None:
        if self.ranking.ndim != 2 or self.digests.shape != self.ranking.shape[:1] or not self.ranking.shape[1]:
            expected, got = "(image,) and (image, rank)", f"{self.digests.shape} and {self.ranking.shape}"
            raise StoreError("shapes of digests and ranking", expected=expected, got=got)

    @classmethod
    def of(cls, images: npt.NDArray[np.integer], scores: npt.NDArray[np.floating]) -> Original:
        """Return what ``scores`` ``(image, class)`` of ``images`` ``(image, pixel)`` say."""
        ranking = np.argsort(-scores.astype(np.float64), axis=1, kind="stable")[:, :RANKS]
        return cls(digests_of(images), ranking.astype(np.int64))

    def save(self, folder: Path) -> None:
        """Write the file into ``folder``."""
        write_arrays({"digests": self.digests, "ranking": self.ranking}, folder / store.ORIGINAL)

    def find(self, images: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.bool_], Integers]:
        """Return which of ``images`` it knows, shape (image,), and the ranking of those, in their order."""
        order = np.argsort(self.digests, kind="stable")
        wanted = digests_of(images)
        places = np.searchsorted(self.digests[order], wanted).clip(max=len(order) - 1) if len(order) else wanted
        known = self.digests[order][places] == wanted if len(order) else np.zeros(len(wanted), bool)
        return known, self.ranking[order][places[known]] if len(order) else self.ranking


def load_original(folder: Path) -> Original | None:
    """Return what is kept in ``folder``, or None if nothing is.  Raises StoreError for a damaged file."""
    path = folder / store.ORIGINAL
    if not path.exists():
        return None
    arrays = read_arrays(path)
    if sorted(arrays) != ["digests", "ranking"]:
        raise StoreError("arrays", where=str(path), expected="digests and ranking", got=repr(sorted(arrays)))
    try:
        return Original(arrays["digests"], arrays["ranking"])
    except StoreError as failure:
        raise StoreError(str(failure), where=str(path)) from failure


def digests_of(images: npt.NDArray[np.integer]) -> Integers:
    """Return the first 8 bytes of the SHA-256 of each image, its pixels as little-endian 32-bit integers."""
    rows = np.ascontiguousarray(images.reshape(len(images), math.prod(images.shape[1:])), "<i4")
    found = [hashlib.sha256(row.tobytes()).digest()[:8] for row in rows]
    return np.frombuffer(b"".join(found), "<i8").astype(np.int64)
