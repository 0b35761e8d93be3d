"""Training images moved, turned, sheared and scaled a little, and put back on the integer code."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as functional
from torch import Tensor

from amos_hdl.frontend.recipe import Augmentation


def variants(
    images: Tensor, options: Augmentation, low: int, high: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """Yield ``clean_copies`` times the images, then ``copies`` changed ones.

    Pixels are interpolated linearly between neighbours, taken as ``low`` outside, rounded and clipped to the code.

    Parameters
    ----------
    images : Tensor, shape (image, row, column) or (image, channel, row, column)
        Integers as floats, from ``low`` to ``high``.
    options : Augmentation
    low, high : int
    generator : torch.Generator
    """
    for _ in range(options.clean_copies):
        yield images
    maps = images if images.ndim == 4 else images[:, None]
    for _ in range(options.copies):
        warp = _warps(len(maps), maps.shape[2], maps.shape[3], options, generator)
        grid = functional.affine_grid(warp, list(maps.shape), align_corners=False)
        # outside the picture grid_sample gives 0, so the background is made 0 first
        moved = functional.grid_sample(maps - low, grid, align_corners=False) + low
        changed = moved.round().clamp(low, high).reshape(images.shape)
        if options.flip:
            mirrored = torch.rand(len(maps), generator=generator) < 0.5
            changed[mirrored] = changed[mirrored].flip(-1)
        yield changed


def _warps(count: int, rows: int, columns: int, options: Augmentation, generator: torch.Generator) -> Tensor:
    """Return ``count`` random affine maps, shape ``(image, 2, 3)``, in coordinates where the picture spans -1 to 1."""

    def draw(greatest: float) -> Tensor:
        return greatest * (2 * torch.rand(count, generator=generator) - 1)

    angle = draw(options.rotation_degrees * math.pi / 180)
    size = 1 + draw(options.scale)
    shear = draw(options.shear)
    right, down = draw(2 * options.shift_pixels / columns), draw(2 * options.shift_pixels / rows)
    first = torch.stack([size * angle.cos(), shear - size * angle.sin(), right], dim=1)
    second = torch.stack([size * angle.sin(), size * angle.cos(), down], dim=1)
    return torch.stack([first, second], dim=1)
