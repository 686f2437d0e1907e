"""Where two boxes lie, alone and to each other, as numbers a head can learn from.

Legend: N pairs, G geometry numbers. Boxes are x1, y1, x2, y2 with inclusive corners, in any scale of their image.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.floating]
SIDES = ("x1", "y1", "x2", "y2")


def box_geometry(pairs: pl.DataFrame) -> npt.NDArray[np.float32]:
    """Geometry of the pairs of a table.

    Args:
        pairs: With `sx1 … sy2`, `ox1 … oy2`, `width` and `height`, as in `relation_pairs`.

    Returns:
        (N, G): position of either box in the image (UVTransE's ten numbers), offsets and size ratios of the two,
        overlap, and their place within the union box. Unbounded ratios are in logarithms.
    """
    subject_N4, object_N4 = (
        pairs.select(end + side for side in SIDES).to_numpy().astype(np.float64) for end in ("s", "o")
    )
    size_N2 = pairs.select("width", "height").to_numpy().astype(np.float64)
    parts = (
        _in_image(subject_N4, size_N2),
        _in_image(object_N4, size_N2),
        _offsets(subject_N4, object_N4),
        _overlap(subject_N4, object_N4),
        _in_union(subject_N4, object_N4, size_N2),
    )
    return np.concatenate(parts, axis=1).astype(np.float32)


def _sides(boxes_N4: Floats) -> Floats:
    """Width and height (N, 2), counting both border pixels."""
    return boxes_N4[:, 2:] - boxes_N4[:, :2] + 1


def _in_image(boxes_N4: Floats, size_N2: Floats) -> Floats:
    """Corners and area as shares of the image, and the logarithm of the area share."""
    area_N1 = _sides(boxes_N4).prod(1, keepdims=True) / size_N2.prod(1, keepdims=True)
    return np.concatenate([boxes_N4 / np.tile(size_N2, 2), area_N1, np.log(area_N1)], axis=1)


def _offsets(subject_N4: Floats, object_N4: Floats) -> Floats:
    """Centre difference in units of either box, on a signed log scale; logarithms of size ratio and aspect."""
    difference_N2 = (subject_N4[:, :2] + subject_N4[:, 2:] - object_N4[:, :2] - object_N4[:, 2:]) / 2
    subject_N2, object_N2 = _sides(subject_N4), _sides(object_N4)
    signed = [np.sign(d) * np.log1p(np.abs(d)) for d in (difference_N2 / object_N2, -difference_N2 / subject_N2)]
    ratio_N2 = np.log(subject_N2 / object_N2)
    aspects = [np.log(sides[:, :1] / sides[:, 1:]) for sides in (subject_N2, object_N2)]
    return np.concatenate([*signed, ratio_N2, ratio_N2.sum(1, keepdims=True), *aspects], axis=1)


def _overlap(subject_N4: Floats, object_N4: Floats) -> Floats:
    """Intersection over union, over subject and over object."""
    low, high = np.maximum(subject_N4[:, :2], object_N4[:, :2]), np.minimum(subject_N4[:, 2:], object_N4[:, 2:])
    inter_N = np.clip(high - low + 1, 0, None).prod(1)
    subject_N, object_N = _sides(subject_N4).prod(1), _sides(object_N4).prod(1)
    return np.stack([inter_N / (subject_N + object_N - inter_N), inter_N / subject_N, inter_N / object_N], axis=1)


def _in_union(subject_N4: Floats, object_N4: Floats, size_N2: Floats) -> Floats:
    """Offsets of centres and edges, and extent of the intersection, as shares of the union box; its size and aspect."""
    low, high = np.minimum(subject_N4[:, :2], object_N4[:, :2]), np.maximum(subject_N4[:, 2:], object_N4[:, 2:])
    union_N2 = high - low + 1
    edges_N4 = (subject_N4 - object_N4) / np.tile(union_N2, 2)
    centres_N2 = (edges_N4[:, :2] + edges_N4[:, 2:]) / 2
    inter_N2 = np.minimum(subject_N4[:, 2:], object_N4[:, 2:]) - np.maximum(subject_N4[:, :2], object_N4[:, :2]) + 1
    area_N1 = union_N2.prod(1, keepdims=True) / size_N2.prod(1, keepdims=True)
    aspect_N1 = np.log(union_N2[:, :1] / union_N2[:, 1:])
    return np.concatenate([centres_N2, edges_N4, np.clip(inter_N2, 0, None) / union_N2, area_N1, aspect_N1], axis=1)
