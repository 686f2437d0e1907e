"""Text encoder and fusion encoder: one BERT, of which the upper layers also attend to image tokens.

Shapes: N texts, L tokens, D text width, T image tokens, V vocabulary.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertEmbeddings, BertLayer, BertOnlyMLMHead

from visual_relations.vision_language.attention import additive_mask
from visual_relations.vision_language.params import TextParams


class TextEncoder(nn.Module):
    """BERT layers: those below `fusion_from` read the text, the others text and image; plus the word prediction head.

    The layers are called directly. transformers builds cross-attention only into decoder layers, whose self-attention
    turns causal when it is given no mask: every call here passes one.
    """

    def __init__(self, params: TextParams, image_width: int) -> None:
        super().__init__()
        self.fusion_from = params.fusion_from
        plain, crossing = _config(params, crossing=False), _config(params, crossing=True)
        self.embeddings = BertEmbeddings(plain)
        self.layers = nn.ModuleList(
            BertLayer(plain if index < params.fusion_from else crossing) for index in range(params.layers)
        )
        self.token_head = BertOnlyMLMHead(plain)
        self.apply(partial(_initialise, std=params.initial_std))
        if image_width != params.width:
            self._widen_cross_attention(image_width, params.initial_std)
        self.tie()

    def forward(self, ids_NL: Tensor, mask_NL: Tensor) -> Tensor:
        """Encode texts without any image: (N, L, D)."""
        states = self.embeddings(ids_NL)
        mask = additive_mask(mask_NL, states.dtype)
        for layer in self.layers[: self.fusion_from]:
            states = layer(states, mask)
        return states

    def fuse(
        self, states_NLD: Tensor, mask_NL: Tensor, image_NTD: Tensor | None, image_mask_NT: Tensor | None
    ) -> Tensor:
        """Let encoded texts look at images: (N, L, D).

        Args:
            states_NLD: What `forward` returned.
            mask_NL: 1 for tokens, 0 for padding.
            image_NTD: Tokens of one image per text; None: read on without any.
            image_mask_NT: 1 where the text may look; None: everywhere.
        """
        mask = additive_mask(mask_NL, states_NLD.dtype)
        image_mask = None if image_mask_NT is None else additive_mask(image_mask_NT, states_NLD.dtype)
        for layer in self.layers[self.fusion_from :]:
            states_NLD = layer(states_NLD, mask, image_NTD, image_mask)
        return states_NLD

    def tie(self) -> None:
        """Let words be predicted by their own embeddings; needed again when these are replaced."""
        prediction = self.token_head.predictions
        prediction.decoder.weight = self.embeddings.word_embeddings.weight
        prediction.decoder.bias = prediction.bias

    def token_logits(self, states_NLD: Tensor) -> Tensor:
        """Scores of all vocabulary entries at the given states: (..., V)."""
        logits: Tensor = self.token_head(states_NLD)
        return logits

    def _widen_cross_attention(self, image_width: int, std: float) -> None:
        # transformers projects keys and values from the text width; Swin's tokens are wider.
        layers: Any = self.layers[self.fusion_from :]
        for layer in layers:
            attention = layer.crossattention.self
            for name in ("key", "value"):
                projection = nn.Linear(image_width, attention.all_head_size)
                _initialise(projection, std)
                setattr(attention, name, projection)


def _config(params: TextParams, *, crossing: bool) -> BertConfig:
    return BertConfig(
        vocab_size=params.vocabulary,
        hidden_size=params.width,
        num_hidden_layers=params.layers,
        num_attention_heads=params.heads,
        intermediate_size=params.mlp_width,
        max_position_embeddings=params.max_positions,
        hidden_dropout_prob=params.dropout,
        attention_probs_dropout_prob=params.dropout,
        layer_norm_eps=params.layer_norm_eps,
        is_decoder=crossing,
        add_cross_attention=crossing,
        attn_implementation="sdpa",
    )


def _initialise(module: nn.Module, std: float) -> None:
    """BERT's own start: small normal weights, no bias."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=std)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
