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
