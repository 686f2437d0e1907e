"""Regions of an image: which patches they touch, and where they are after the image was cropped, flipped and resized.

X-VLM's region branch (arXiv 2111.08276, section 3; released code). Boxes here are x, y, width, height in pixels; target
boxes are centre x, centre y, width, height as shares of the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
WHOLE_IMAGE = (0.5, 0.5, 1.0, 1.0)


class View(NamedTuple):
    """How an image was cut: crop in pixels of the original (left, top, width, height), flipped afterwards or not."""

    crop: tuple[int, int, int, int]
    flip: bool = False


class Placed(NamedTuple):
    """Regions found in a view: rows of the boxes, target boxes (N, 4), boxes in pixels of the resized view (N, 4)."""

    rows: list[int]
    targets: NDArray[np.float32]
    pixels: NDArray[np.float64]


def patch_mask(box: Box, grid: int, cell: int) -> NDArray[np.int64]:
    """Patches that a box touches.

    Args:
        box: In pixels of the encoder's input.
        grid: Patches per side.
        cell: Pixels per patch side.

    Returns:
        (1 + grid * grid,): 1 for the first token and for touched patches, at least one; row by row.
    """
    x, y, width, height = box
    mask = np.zeros((grid, grid), dtype=np.int64)
    mask[_cells(y, height, grid, cell), _cells(x, width, grid, cell)] = 1
    return np.concatenate([[1], mask.ravel()])


def place_regions(
    boxes: Sequence[Box],
    view: View,
    size: int,
    order: Sequence[int] | None = None,
    most: int | None = None,
    smallest_share: float = 0.5,
) -> Placed:
    """Find boxes again in a view.

    Args:
        boxes: In pixels of the original image.
        view: How it was cut.
        size: Pixels per side it was resized to.
        order: In which order boxes are tried; None: as they come.
        most: How many are wanted; None: all.
        smallest_share: A box is kept when more than this share of its area is in the crop.
    """
    rows: list[int] = []
    pixels: list[Box] = []
    for row in range(len(boxes)) if order is None else order:
        if most is not None and len(rows) >= most:
            break
        if (inside := _clip(boxes[row], view.crop, smallest_share)) is not None:
            rows.append(row)
            pixels.append(_resize(inside, view, size))
    array = np.array(pixels, dtype=np.float64).reshape(-1, 4)
    targets = np.concatenate([array[:, :2] + array[:, 2:] / 2, array[:, 2:]], axis=1) / size
    return Placed(rows, targets.astype(np.float32), array)


def _cells(start: float, length: float, grid: int, cell: int) -> slice:
    first = min(max(math.floor(start / cell), 0), grid - 1)
    last = min(max(math.ceil((start + length) / cell), 0), grid)
    return slice(first, max(last, first + 1))


def _clip(box: Box, crop: tuple[int, int, int, int], smallest_share: float) -> Box | None:
    """The part of a box inside a crop, in the crop's pixels; None if too little of it is."""
    x, y, width, height = box
    left, top, crop_width, crop_height = crop
    x1, y1 = max(x, left), max(y, top)
    x2, y2 = min(x + width, left + crop_width), min(y + height, top + crop_height)
    if x2 <= x1 or y2 <= y1 or (x2 - x1) * (y2 - y1) <= smallest_share * width * height:
        return None
    return x1 - left, y1 - top, x2 - x1, y2 - y1


def _resize(box: Box, view: View, size: int) -> Box:
    x, y, width, height = box
    _, _, crop_width, crop_height = view.crop
    if view.flip:
        x = crop_width - x - width
    across, down = size / crop_width, size / crop_height
    return x * across, y * down, width * across, height * down
