"""Masked language modelling (MLM): guess hidden words from the rest of the text and the image.

Sources: ALBEF (arXiv 2107.07651, eq. 4 and 7: a momentum teacher's guesses as soft targets), X-VLM (arXiv 2111.08276,
eq. 4). Shapes: B batch, L text, M hidden words, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from visual_relations.vision_language.losses.ignored import IGNORED
from visual_relations.vision_language.model import VisionLanguageModel


def token_loss(
    logits_MV: Tensor, labels_M: Tensor, teacher_logits_MV: Tensor | None = None, alpha: float | Tensor = 0.0
) -> Tensor:
    """Cross-entropy with the words, and with weight alpha with the teacher's guesses."""
    hard = functional.cross_entropy(logits_MV, labels_M)
    if teacher_logits_MV is None:
        return hard
    guesses = functional.softmax(teacher_logits_MV, dim=-1)
    soft = -(functional.log_softmax(logits_MV, dim=-1) * guesses).sum(-1).mean()
    return (1 - alpha) * hard + alpha * soft


def masked_token_logits(
    model: VisionLanguageModel,
    ids_BL: Tensor,
    text_mask_BL: Tensor,
    image_BTD: Tensor,
    image_mask_BT: Tensor | None,
    where_BL: Tensor,
) -> Tensor:
    """Vocabulary scores (M, V) at the places where `where_BL` is true."""
    states = model.encode_texts(ids_BL, text_mask_BL)
    fused = model.fuse(states, text_mask_BL, image_BTD, image_mask_BT)
    return model.text.token_logits(fused[where_BL])


def masked_language_loss(
    model: VisionLanguageModel,
    ids_BL: Tensor,
    labels_BL: Tensor,
    text_mask_BL: Tensor,
    image_BTD: Tensor,
    image_mask_BT: Tensor | None = None,
    teacher: VisionLanguageModel | None = None,
    teacher_image_BTD: Tensor | None = None,
    alpha: float | Tensor = 0.0,
) -> Tensor:
    """Guess the hidden words of a batch.

    Args:
        model: What is trained.
        ids_BL: Texts with words hidden.
        labels_BL: What was hidden; `IGNORED` elsewhere.
        text_mask_BL: 1 for tokens, 0 for padding.
        image_BTD: Image tokens.
        image_mask_BT: Where the texts may look; None: everywhere.
        teacher: Gives soft targets from its own image tokens; None: no soft targets.
        teacher_image_BTD: The teacher's image tokens.
        alpha: Weight of the soft targets.
    """
    where = labels_BL != IGNORED
    if not bool(where.any()):
        return image_BTD.sum() * 0.0
    logits = masked_token_logits(model, ids_BL, text_mask_BL, image_BTD, image_mask_BT, where)
    teacher_logits = None
    if teacher is not None and teacher_image_BTD is not None:
        with torch.no_grad():
            teacher_logits = masked_token_logits(teacher, ids_BL, text_mask_BL, teacher_image_BTD, image_mask_BT, where)
    return token_loss(logits, labels_BL[where], teacher_logits, alpha)
