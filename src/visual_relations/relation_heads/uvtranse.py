"""The reference head: UVTransE as CREPE builds it (arXiv 2307.04838 over 1905.11624; facts read in LLNL/CREPE).

    p = f_p( f_u(union) - f_s(subject) - f_o(object) ),  logits = classifier(p)

It keeps the translation of UVTransE and leaves out its box features, norm penalty and language module.

Legend: B pairs, D feature width, E embedding width, C classes, L object labels.
"""

from __future__ import annotations

from typing import Self

from torch import Tensor, nn

from visual_relations.relation_heads.head import RelationHead
from visual_relations.relation_heads.pairs import Pairs
from visual_relations.relation_heads.params import UVTransEParams


def _two_layers(n_in: int, n_hidden: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_out))


class UVTransE(RelationHead):
    """Predicate logits of a pair from its union, subject and object features, taken as they come (not normalised)."""

    def __init__(self, config: UVTransEParams) -> None:
        super().__init__()
        self.config = config
        self.n_classes, self.background = config.n_classes, config.background
        self.subject = _two_layers(config.dim, config.hidden, config.embedding)
        self.object = _two_layers(config.dim, config.hidden, config.embedding)
        union_dim = config.union_dim or config.dim
        self.union = _two_layers(union_dim, config.hidden, config.embedding) if config.union else None
        self.predicate = _two_layers(config.embedding, config.hidden, config.hidden)
        self.classifier = _two_layers(config.hidden, config.embedding, config.n_classes)

    @classmethod
    def from_config(cls, config: UVTransEParams) -> Self:
        """Build an untrained head; training and loading go through here."""
        return cls(config)

    def forward(self, union_BD: Tensor | None, subject_BD: Tensor, object_BD: Tensor) -> Tensor:
        """Score pairs.

        Args:
            union_BD: Union features (image crop, pseudo-label text or prompt text); None for a labels-only head.
            subject_BD: Subject features.
            object_BD: Object features.

        Returns:
            Logits (B, C); column 0 is the background when the head has one.
        """
        return self._classify(union_BD, self.subject(subject_BD), self.object(object_BD))

    def score(self, pairs: Pairs) -> Tensor:
        """Score pairs whose subject and object features are rows of a label table: logits (B, C)."""
        if pairs.subject_image_ND is not None and pairs.object_image_ND is not None:
            return self(pairs.union_ND, pairs.subject_image_ND, pairs.object_image_ND)
        # Labels repeat: embedding the table once is cheaper than embedding every row, with the same result.
        subject_BE = self.subject(pairs.labels_LD).index_select(0, pairs.subject_N)
        object_BE = self.object(pairs.labels_LD).index_select(0, pairs.object_N)
        return self._classify(pairs.union_ND, subject_BE, object_BE)

    def _classify(self, union_BD: Tensor | None, subject_BE: Tensor, object_BE: Tensor) -> Tensor:
        if (union_BD is None) != (self.union is None):
            has, given = ("no union input", "one") if self.union is None else ("a union input", "none")
            raise ValueError(f"this UVTransE head has {has} but was given {given}; set UVTransEParams.union to match")
        translated_BE = -subject_BE - object_BE
        if self.union is not None:
            translated_BE = translated_BE + self.union(union_BD)
        logits_BC: Tensor = self.classifier(self.predicate(translated_BE))
        return logits_BC
