"""Boxes as every format writes them, turned into x1, y1, x2, y2 in pixels of the original image.

All functions take and return float32 arrays of shape (N,), one per coordinate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Coordinates = NDArray[np.float32]
Boxes = tuple[Coordinates, Coordinates, Coordinates, Coordinates]


def from_corner_and_size(x: Coordinates, y: Coordinates, w: Coordinates, h: Coordinates) -> Boxes:
    """Visual Genome, GQA, COCO: left upper corner, width, height."""
    return x, y, x + w, y + h


def from_row_and_column_ranges(y1: Coordinates, y2: Coordinates, x1: Coordinates, x2: Coordinates) -> Boxes:
    """VRD's JSON: [ymin, ymax, xmin, xmax]."""
    return x1, y1, x2, y2


def from_relative_ranges(
    x1: Coordinates, x2: Coordinates, y1: Coordinates, y2: Coordinates, width: Coordinates, height: Coordinates
) -> Boxes:
    """Open Images: XMin, XMax, YMin, YMax as shares of the image's width and height (pixels)."""
    return x1 * width, y1 * height, x2 * width, y2 * height


def from_centre_at_1024(boxes: NDArray[np.integer], longer_side: NDArray[np.integer]) -> Boxes:
    """VG150: integers cx, cy, w, h where the longer side is 1024.

    The corner is cut to an integer before scaling, towards zero, because Scene-Graph-Benchmark and neural-motifs both
    write `centre - size / 2` back into the integer array.

    Args:
        boxes: Of shape (N, 4).
        longer_side: Longer side of each box's image in pixels, of shape (N,).
    """
    size = boxes[:, 2:].astype(np.int64)
    corner = np.trunc(boxes[:, :2] - size / 2)
    scaled = np.hstack([corner, corner + size]).astype(np.float32) / 1024 * longer_side[:, None].astype(np.float32)
    x1, y1, x2, y2 = scaled.astype(np.float32).T
    return x1, y1, x2, y2
