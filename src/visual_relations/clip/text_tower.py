"""The text tower of an open_clip model, driven with embeddings of our own and at their true length.

open_clip encodes every text at the full context length (77). Its mask is causal and the feature is read at the end
token, so nothing behind that token matters: cutting there gives the same feature and the same gradients for a fraction
of the work. In open_clip 3.x the mask must be passed explicitly (in OpenAI's package it lives inside the blocks).

Legend: B prompts, L tokens, W text width, D feature width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class TextTower:
    """Text parts of a `CLIP` (attributes of the model) or of a `CustomTextCLIP` (attributes of `model.text`).

    Raises:
        TypeError: If the model's text tower is not one whose features depend on the tokens up to the end token only.
    """

    def __init__(self, model: nn.Module) -> None:
        tower: Any = getattr(model, "text", model)
        pool = getattr(tower, "text_pool_type", getattr(tower, "pool_type", None))
        known = all(hasattr(tower, name) for name in ("token_embedding", "positional_embedding", "transformer"))
        causal = getattr(tower, "attn_mask", None) is not None and getattr(tower, "cls_emb", None) is None
        if not (known and causal and pool in {"argmax", "eos"}):
            raise TypeError(f"{type(tower).__name__} with pooling {pool!r} has no causal mask and end token")
        self._tower = tower
        self._eos_id = None if pool == "argmax" else getattr(tower, "text_eos_id", getattr(tower, "eos_id", None))

    @property
    def token_embedding(self) -> nn.Embedding:
        """Token ids to embeddings (W)."""
        embedding: nn.Embedding = self._tower.token_embedding
        return embedding

    @property
    def context_length(self) -> int:
        """Largest L."""
        return int(self._tower.positional_embedding.shape[0])

    def eot_index(self, ids_BL: Tensor) -> Tensor:
        """Position of each text's end token (B,): the largest id, or the model's own end id."""
        if self._eos_id is None:
            return ids_BL.argmax(-1)
        return (ids_BL == self._eos_id).int().argmax(-1)

    def encode(self, embeddings_BLW: Tensor, eot_index_B: Tensor) -> Tensor:
        """Features (B, D) of embedded prompts; gradients flow to the embeddings.

        Args:
            embeddings_BLW: Token embeddings without positions; what lies behind the end tokens is not looked at.
            eot_index_B: Position of each prompt's end token.

        Raises:
            ValueError: If a prompt is longer than the context, or has no end token within it.
        """
        length = int(eot_index_B.max()) + 1
        if length > min(embeddings_BLW.shape[1], self.context_length):
            raise ValueError(
                f"a prompt of {length} tokens does not fit: {embeddings_BLW.shape[1]} embeddings were given and the "
                f"context has {self.context_length}"
            )
        tower = self._tower
        x_BLW = embeddings_BLW[:, :length].to(tower.transformer.get_cast_dtype()) + tower.positional_embedding[:length]
        x_BLW = tower.transformer(x_BLW, attn_mask=tower.attn_mask[:length, :length])
        x_BW = tower.ln_final(x_BLW[torch.arange(len(x_BLW), device=x_BLW.device), eot_index_B])
        projection = tower.text_projection
        if projection is None:
            return x_BW
        features_BD: Tensor = projection(x_BW) if isinstance(projection, nn.Linear) else x_BW @ projection
        return features_BD
