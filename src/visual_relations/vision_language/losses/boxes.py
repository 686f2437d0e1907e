"""Box prediction: where in the image is what the text names?

Source: X-VLM (arXiv 2111.08276, eq. 5). Boxes are centre x, centre y, width, height as shares of the image.
Shapes: R regions, N and M boxes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class BoxLosses(NamedTuple):
    """Mean L1 distance (sum over the four numbers) and mean 1 - GIoU."""

    distance: Tensor
    overlap: Tensor


def box_losses(predicted_R4: Tensor, target_R4: Tensor, is_image_R: Tensor | None = None) -> BoxLosses:
    """Compare predicted with true boxes.

    Args:
        predicted_R4: From `VisionLanguageModel.boxes`.
        target_R4: The truth.
        is_image_R: 1 for rows whose text describes the whole image; they do not count. None: all count.
    """
    counts = torch.ones_like(target_R4[:, 0]) if is_image_R is None else 1.0 - is_image_R.to(target_R4.dtype)
    number = counts.sum().clamp(min=1.0)
    distance = (predicted_R4 - target_R4).abs().sum(1)
    predicted, target = to_corners(predicted_R4), to_corners(target_R4)
    if _degenerate(predicted) or _degenerate(target):
        # As the original: one box turned inside out switches the overlap off for the batch.
        overlap = torch.zeros_like(distance)
    else:
        overlap = 1 - generalised_iou(predicted, target).diagonal()
    return BoxLosses((distance * counts).sum() / number, (overlap * counts).sum() / number)


def to_corners(boxes_N4: Tensor) -> Tensor:
    """Centre, width, height to x1, y1, x2, y2."""
    centre, half = boxes_N4[:, :2], boxes_N4[:, 2:] / 2
    return torch.cat([centre - half, centre + half], dim=1)


def iou(boxes_N4: Tensor, others_M4: Tensor) -> Tensor:
    """Intersection over union of all pairs (N, M); x1, y1, x2, y2."""
    shared, union = _intersection_and_union(boxes_N4, others_M4)
    return shared / union


def generalised_iou(boxes_N4: Tensor, others_M4: Tensor) -> Tensor:
    """GIoU of all pairs (N, M) (arXiv 1902.09630): also says how far apart boxes are that do not meet."""
    shared, union = _intersection_and_union(boxes_N4, others_M4)
    low = torch.minimum(boxes_N4[:, None, :2], others_M4[None, :, :2])
    high = torch.maximum(boxes_N4[:, None, 2:], others_M4[None, :, 2:])
    hull = (high - low).clamp(min=0).prod(-1)
    return shared / union - (hull - union) / hull


def _intersection_and_union(boxes_N4: Tensor, others_M4: Tensor) -> tuple[Tensor, Tensor]:
    low = torch.maximum(boxes_N4[:, None, :2], others_M4[None, :, :2])
    high = torch.minimum(boxes_N4[:, None, 2:], others_M4[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas, other_areas = ((boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (boxes_N4, others_M4))
    return shared, areas[:, None] + other_areas[None, :] - shared


def _degenerate(boxes_N4: Tensor) -> bool:
    return bool((boxes_N4[:, 2:] < boxes_N4[:, :2]).any())
