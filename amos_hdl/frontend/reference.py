"""What the original network answered: predictions to compare a converted one with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import DataError
from amos_hdl.frontend.npz import plain_arrays


@dataclass(frozen=True, eq=False)
class Reference:
    """The best classes of each image by the original network.

    Parameters
    ----------
    ranking : int64 array ``(image, rank)``
        The best class first; up to five, or one where the file only says which is best.
    """

    ranking: npt.NDArray[np.int64]


def load_reference(path: Path, images: int) -> Reference:
    """Read an NPZ file with ``scores`` ``(image, class)``, numbers, or ``predictions`` ``(image,)``, integers.

    Of equal scores the lower class is the better one.

    Raises DataError if the file is missing or damaged, has neither, or is not of as many ``images``.
    """
    arrays = plain_arrays(path, (), ("scores", "predictions"))
    if "scores" in arrays:
        scores = arrays["scores"]
        if scores.ndim != 2 or len(scores) != images or not np.isfinite(scores).all():
            expected = f"finite numbers ({images}, class), one row for each image"
            raise DataError("scores", where=str(path), expected=expected, got=repr(scores.shape))
        return Reference(np.argsort(-scores.astype(np.float64), axis=1, kind="stable")[:, :5])
    if "predictions" not in arrays:
        raise DataError("neither scores nor predictions", where=str(path))
    predictions = arrays["predictions"]
    if predictions.shape != (images,) or not np.issubdtype(predictions.dtype, np.integer):
        raise DataError("predictions", where=str(path), expected=f"integers ({images},)", got=repr(predictions.shape))
    return Reference(predictions.astype(np.int64)[:, None])
