"""Masked relation classification (MRC): how do two entities relate, each seen with everything around it hidden?

Source: arXiv 2305.14281, section 2.2. An entity is encoded from its label and its patches; the two encodings together
must tell the relation, so where things are and what state they are in has to be in them.
Shapes: P pairs, R entities, D width.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.params import MaskScope


def relation_logits(
    model: VisionLanguageModel,
    images_BCSS: Tensor,
    image_of_R: Tensor,
    mask_RT: Tensor,
    ids_RL: Tensor,
    text_mask_RL: Tensor,
    subject_P: Tensor,
    object_P: Tensor,
    scope: MaskScope,
) -> Tensor:
    """Scores (P, classes) of the relations between entities.

    Args:
        model: With a relation head.
        images_BCSS: Normalised pixels.
        image_of_R: Row of the image of each entity.
        mask_RT: 1 for the patches that overlap an entity's box.
        ids_RL: The entities' labels.
        text_mask_RL: 1 for tokens, 0 for padding.
        subject_P: Row of the entity that is the subject of each pair.
        object_P: Row of the entity that is the object.
        scope: Where the surroundings are hidden.
    """
    regions = model.encode_regions(images_BCSS, image_of_R, mask_RT, scope)
    states = model.encode_texts(ids_RL, text_mask_RL)
    entities = model.fuse(states, text_mask_RL, regions.tokens, regions.mask)
    return model.relation_logits(entities[subject_P], entities[object_P])


def relation_loss(logits_PC: Tensor, labels_P: Tensor) -> Tensor:
    """Cross-entropy; pairs whose relation is no class are not in a batch."""
    return functional.cross_entropy(logits_PC, labels_P)
