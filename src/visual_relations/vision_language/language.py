"""A BERT before it has seen a picture: what both text encoders start from, trained on texts alone where none is given.

Shapes: N texts, L tokens, M hidden words, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor, nn

from visual_relations.vision_language.batches import Texts
from visual_relations.vision_language.losses.ignored import IGNORED
from visual_relations.vision_language.losses.masked_language import token_loss
from visual_relations.vision_language.params import TextParams
from visual_relations.vision_language.text import TextEncoder


class LanguageModel(nn.Module):
    """All layers of a text encoder reading texts only; weights are named as in `VisionLanguageModel`."""

    def __init__(self, config: TextParams) -> None:
        super().__init__()
        self.config = config
        self.text = TextEncoder(config, config.width)

    @classmethod
    def from_config(cls, config: TextParams | dict[str, Any]) -> Self:
        """Build with fresh weights."""
        return cls(TextParams.model_validate(config))

    def forward(self, ids_NL: Tensor, mask_NL: Tensor) -> Tensor:
        """Encode texts with all layers: (N, L, D)."""
        return self.text.fuse(self.text(ids_NL, mask_NL), mask_NL, None, None)


def language_loss(model: LanguageModel, texts: Texts) -> dict[str, Tensor]:
    """Guess hidden words from the rest of the text."""
    where_NL = texts.labels != IGNORED
    logits_MV = model.text.token_logits(model(texts.hidden, texts.mask)[where_NL])
    return {"loss": token_loss(logits_MV, texts.labels[where_NL])}
