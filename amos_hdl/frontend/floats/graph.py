"""A float network as a whole: nodes in order, shapes inferred, evaluated on batches of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.floats.nodes import Float, Image, Node, Shape

#: Images computed at once: the maps of one layer stay small.
CHUNK_IMAGES = 64


@dataclass(frozen=True, eq=False)
class FloatGraph:
    """A float network.

    Parameters
    ----------
    source : str
        The file or module it came from, for errors.
    nodes : tuple of Node
        Each after those that it uses; the first is the Image.
    output : str
        The node whose result is the network's, one value per class.

    Raises
    ------
    ImportedModelError
        Naming the node, if shapes do not fit or a name is unknown.
    """

    source: str
    nodes: tuple[Node, ...]
    output: str

    def __post_init__(self) -> None:
        if not self.nodes or not isinstance(self.nodes[0], Image):
            raise ImportedModelError("network without an image", where=self.source)
        _ = self.shapes  # inferred, and so checked, on construction

    @property
    def image(self) -> Image:
        """The node of the image."""
        return next(node for node in self.nodes if isinstance(node, Image))

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Shape of every node's result."""
        shapes: dict[str, Shape] = {}
        for node in self.nodes:
            missing = [name for name in node.inputs if name not in shapes]
            if missing:
                raise ImportedModelError("input that nothing gives", where=node.place, got=repr(missing[0]))
            shapes[node.name] = node.shape(*(shapes[name] for name in node.inputs))
        if len(shapes.get(self.output, ())) != 1:
            got = str(shapes.get(self.output, "none"))
            raise ImportedModelError("output", where=self.source, expected="(class,), one value each", got=got)
        return shapes

    @cached_property
    def users(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that use each node's result."""
        found: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found[name].append(node)
        return {name: tuple(users) for name, users in found.items()}

    def values(
        self, images: Float, changed: Callable[[Node, Float], Float] | None = None
    ) -> Iterator[tuple[Node, Float]]:
        """Yield each node with its result ``(channel, batch, ...)`` for ``images`` ``(batch, *shape)``, all at once.

        ``changed`` may replace a result before others use it.  Results are dropped when nothing needs them any more.
        """
        results: dict[str, Float] = {}
        left = {name: len(users) for name, users in self.users.items()}
        for node in self.nodes:
            given = [results[name] for name in node.inputs] or [np.moveaxis(images, 0, 1)]
            result = node(*given)
            results[node.name] = result if changed is None else changed(node, result)
            yield node, results[node.name]
            for name in dict.fromkeys(node.inputs):
                left[name] -= 1
                if not left[name]:
                    del results[name]

    def __call__(self, images: npt.NDArray[np.floating], progress: Callable[[int], None] | None = None) -> Float:
        """Return the outputs ``(batch, class)`` for ``images`` ``(batch, *shape)``.

        Raises ImportedModelError if they are not of the shape that the network takes.
        """
        if images.shape[1:] != self.image.size:
            expected = f"(image, {', '.join(map(str, self.image.size))})"
            raise ImportedModelError("shape of images", where=self.source, expected=expected, got=str(images.shape))
        outputs = []
        for start in range(0, len(images), CHUNK_IMAGES):
            chunk = images[start : start + CHUNK_IMAGES].astype(np.float32)
            outputs.append(next(value for node, value in self.values(chunk) if node.name == self.output).T)
            if progress is not None:
                progress(start + len(chunk))
        return np.concatenate(outputs) if outputs else np.empty((0, self.shapes[self.output][0]), np.float32)
