"""What all streams share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visual_relations.pipelines.relation_pretraining.params import AugmentationParams, TextStreamParams
    from visual_relations.pipelines.relation_pretraining.streams.texts import TextMaker
    from visual_relations.vision_language.params import ModelParams


@dataclass(frozen=True)
class Common:
    """Settings of all streams of a training.

    Attributes:
        model: Image size, grid and pixel statistics.
        texts: Makes token ids.
        params: Lengths of texts.
        augmentation: How views are drawn.
        seed: Of orders and draws.
    """

    model: ModelParams
    texts: TextMaker
    params: TextStreamParams
    augmentation: AugmentationParams
    seed: int
