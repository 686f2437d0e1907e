"""Masked relation classification (MRC): how do two entities relate, each seen with everything around it hidden?

Source: arXiv 2305.14281, section 2.2. An entity is encoded from its label and its patches; the two encodings together
must tell the relation, so where things are and what state they are in has to be in them. Shapes: P pairs.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from visual_relations.vision_language.batches import RelationBatch
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.params import MaskScope


def relation_logits(model: VisionLanguageModel, batch: RelationBatch, scope: MaskScope) -> Tensor:
    """Scores (P, classes) of the relations between the entities of a batch.

    Args:
        model: With a relation head.
        batch: Entities and pairs of them.
        scope: Where an entity's surroundings are hidden.
    """
    regions = model.encode_regions(batch.images, batch.image_of, batch.mask, scope)
    states = model.encode_texts(batch.ids, batch.text_mask)
    entities = model.fuse(states, batch.text_mask, regions.tokens, regions.mask)
    return model.relation_logits(entities[batch.subjects], entities[batch.objects])


def relation_loss(logits_PC: Tensor, labels_P: Tensor) -> Tensor:
    """Cross-entropy; pairs whose relation is no class are not in a batch."""
    return functional.cross_entropy(logits_PC, labels_P)
