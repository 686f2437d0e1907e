"""Image-text contrast (ITC): an image and its text are closer to each other than to anything else.

In-batch as X-VLM has it (arXiv 2111.08276, eq. 2), or against a momentum teacher's features and queues with soft
targets as ALBEF has it (arXiv 2107.07651, eq. 1-2 and 6). Shapes: B batch, E embedding, K keys.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Contrast(NamedTuple):
    """The loss, and the similarities over temperature (B, K) from which hard negatives are drawn."""

    loss: Tensor
    image_to_text: Tensor
    text_to_image: Tensor


def in_batch_contrast(
    image_BE: Tensor, text_BE: Tensor, temperature: Tensor, same_BB: Tensor | None = None
) -> Contrast:
    """Contrast within a batch.

    Args:
        image_BE: Unit vectors.
        text_BE: Unit vectors, row by row the images' texts.
        temperature: Divides the similarities.
        same_BB: True where a text fits an image (the diagonal, and more where texts repeat). None: the diagonal.
    """
    logits = image_BE @ text_BE.t() / temperature
    targets = positives(logits, same_BB)
    loss = (_soft_cross_entropy(logits, targets) + _soft_cross_entropy(logits.t(), targets.t())) / 2
    return Contrast(loss, logits, logits.t())


def momentum_contrast(
    image_BE: Tensor,
    text_BE: Tensor,
    teacher_image_BE: Tensor,
    teacher_text_BE: Tensor,
    image_keys_EK: Tensor,
    text_keys_EK: Tensor,
    temperature: Tensor,
    alpha: float | Tensor,
    same_BK: Tensor | None = None,
) -> Contrast:
    """Contrast with a teacher's features of this batch and of its queues.

    Args:
        image_BE: Unit vectors of the model.
        text_BE: Unit vectors of the model.
        teacher_image_BE: Unit vectors of the teacher for the same batch.
        teacher_text_BE: Unit vectors of the teacher for the same batch.
        image_keys_EK: The teacher's image features, this batch first.
        text_keys_EK: The teacher's text features, this batch first.
        temperature: Divides the similarities, the teacher's too.
        alpha: Weight of the teacher's similarities among the targets.
        same_BK: True where a key shows the same thing as a row; None: only its own key does.
    """
    to_text = image_BE @ text_keys_EK / temperature
    to_image = text_BE @ image_keys_EK / temperature
    with torch.no_grad():
        own = (1 - alpha) * positives(to_text, same_BK)
        targets_to_text = alpha * functional.softmax(teacher_image_BE @ text_keys_EK / temperature, dim=1) + own
        targets_to_image = alpha * functional.softmax(teacher_text_BE @ image_keys_EK / temperature, dim=1) + own
    loss = (_soft_cross_entropy(to_text, targets_to_text) + _soft_cross_entropy(to_image, targets_to_image)) / 2
    return Contrast(loss, to_text, to_image)


def positives(logits_BK: Tensor, same_BK: Tensor | None) -> Tensor:
    """Target distribution (B, K) over what fits: the diagonal, or evenly over `same`."""
    if same_BK is None:
        return torch.eye(*logits_BK.shape, dtype=logits_BK.dtype, device=logits_BK.device)
    weights = same_BK.to(logits_BK.dtype)
    return weights / weights.sum(1, keepdim=True)


def _soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return -(functional.log_softmax(logits, dim=1) * targets).sum(1).mean()
