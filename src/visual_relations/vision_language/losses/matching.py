"""Image-text matching (ITM): does this text describe this image? Against the hardest wrong partners of the batch.

Sources: ALBEF (arXiv 2107.07651, section 3.2), X-VLM (arXiv 2111.08276, eq. 3).
Shapes: B batch, L text, T image tokens, D widths.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from visual_relations.vision_language.losses.contrastive import Contrast
from visual_relations.vision_language.model import VisionLanguageModel

# X-VLM's: keeps a draw possible when the softmax underflows.
WEIGHT_FLOOR = 1e-5


class Negatives(NamedTuple):
    """A wrong image for each text and a wrong text for each image, as rows of the batch."""

    images: Tensor
    texts: Tensor


class Matching(NamedTuple):
    """The loss and the scores (3B, 2): pairs, texts with wrong images, wrong texts with images."""

    loss: Tensor
    logits: Tensor


def negative_weights(logits_BK: Tensor, same_BB: Tensor | None = None, floor: float = WEIGHT_FLOOR) -> Tensor:
    """How likely each row of the batch becomes a negative (B, B): the more similar, the likelier.

    Args:
        logits_BK: Similarities over temperature to this batch's rows, then possibly to a queue's.
        same_BB: True where a pair is right and can be no negative. None: the diagonal.
        floor: Added before right pairs are ruled out.
    """
    n = len(logits_BK)
    weights = functional.softmax(logits_BK[:, :n].float(), dim=1) + floor
    right = torch.eye(n, dtype=torch.bool, device=weights.device) if same_BB is None else same_BB
    return weights.masked_fill(right, 0)


@torch.no_grad()
def draw_negatives(contrast: Contrast, same_BB: Tensor | None = None) -> Negatives:
    """Draw one negative per row and direction; a row that has no wrong partner in the batch keeps a right one."""
    drawn = []
    for logits in (contrast.text_to_image, contrast.image_to_text):
        weights = negative_weights(logits, same_BB)
        alone = weights.sum(1) == 0
        weights[alone, :] = 1.0
        drawn.append(torch.multinomial(weights, 1)[:, 0])
    return Negatives(*drawn)


def matching_loss(
    model: VisionLanguageModel,
    states_BLD: Tensor,
    text_mask_BL: Tensor,
    image_BTD: Tensor,
    image_mask_BT: Tensor | None,
    negatives: Negatives,
) -> Matching:
    """Score right and wrong pairs in one pass through the fusion layers; a wrong image comes with its own mask."""
    wrong_image, wrong_text = negatives
    states = torch.cat([states_BLD, states_BLD, states_BLD[wrong_text]])
    text_mask = torch.cat([text_mask_BL, text_mask_BL, text_mask_BL[wrong_text]])
    image = torch.cat([image_BTD, image_BTD[wrong_image], image_BTD])
    image_mask = (
        None if image_mask_BT is None else torch.cat([image_mask_BT, image_mask_BT[wrong_image], image_mask_BT])
    )
    logits = model.match_logits(model.fuse(states, text_mask, image, image_mask))
    labels = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    labels[: len(states_BLD)] = 1
    return Matching(functional.cross_entropy(logits, labels), logits)
