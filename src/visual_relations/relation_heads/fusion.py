"""Our head: labels, boxes and union features added up in one hidden layer, a small ensemble, balanced training.

    hidden = subject label + object label + box geometry + union image + union text
    logits = MLP(hidden), averaged over members as log probabilities

What makes it better than the reference head, and by how much, is in the README of the pipeline `crepe_head`. Features
are centred and scaled by statistics of the training pairs, which are buffers of the head.

Legend: E members, B pairs, C classes, D feature width, G geometry numbers, H hidden width, L object labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from visual_relations.relation_heads.head import RelationHead
from visual_relations.relation_heads.members import MemberLinear
from visual_relations.relation_heads.pairs import Pairs
from visual_relations.relation_heads.params import FusionParams

GEOMETRY_LIMIT = 4.0  # standard deviations


class FusionHead(RelationHead):
    """Predicate logits from every feature its parameters name."""

    def __init__(self, config: FusionParams) -> None:
        super().__init__()
        self.config = config
        self.n_classes, self.background = config.n_classes, config.background
        e, h = config.members, config.hidden
        label_width = config.label_dim * config.label_text + config.label_embedding
        self.label_mean = nn.Buffer(torch.zeros(config.label_dim))
        self.label_scale = nn.Buffer(torch.ones(()))
        sides = ("subject", "object")
        self.embedding = nn.ParameterDict(
            {side: nn.Parameter(0.3 * torch.randn(e, config.n_labels, config.label_embedding)) for side in sides}
        )
        self.label = nn.ModuleDict({side: MemberLinear(e, label_width, h) for side in sides})
        self.inputs = nn.ModuleDict(
            {name: _Scaled(MemberLinear(e, width, h, bias=False), width) for name, width in config.inputs.items()}
        )
        self.hidden = nn.ModuleList(MemberLinear(e, h, h) for _ in range(config.layers))
        self.classifier = MemberLinear(e, h, config.n_predicates)
        self.annotated = MemberLinear(e, h, 1) if config.background else None

    @classmethod
    def from_config(cls, config: FusionParams) -> Self:
        """Build an untrained head; training and loading go through here."""
        return cls(config)

    def prepare(self, pairs: Pairs) -> None:
        """Take means and scales of the features from the training pairs."""
        labels_LD = functional.normalize(pairs.labels_LD.float(), dim=1)
        self.label_mean.copy_(labels_LD.mean(0))
        self.label_scale.copy_((labels_LD - self.label_mean).std().clamp_min(1e-6))
        for name, layer in self._scaled():
            layer.prepare(_feature(pairs, name), per_number=name == "geometry")

    def score(self, pairs: Pairs) -> Tensor:
        """Mean log probability over members, (B, C)."""
        return self.training_logits(pairs, 0.0).log_softmax(-1).mean(0)

    def training_logits(self, pairs: Pairs, prior_R: Tensor | float) -> Tensor:
        """Logits of every member, (E, B, C)."""
        hidden_EBH = self._label(pairs, "subject", pairs.subject_N) + self._label(pairs, "object", pairs.object_N)
        for name, layer in self._scaled():
            dropout = 0.0 if name == "geometry" else self.config.input_dropout
            hidden_EBH = hidden_EBH + layer(_feature(pairs, name), dropout)
        hidden_EBH = self._activate(hidden_EBH)
        for hidden in self.hidden:
            hidden_EBH = self._activate(hidden(hidden_EBH))
        logits_EBR: Tensor = self.classifier(hidden_EBH) + prior_R
        if self.annotated is None:
            return logits_EBR
        # P(r) = P(annotated) P(r | annotated): balancing the predicates leaves the order of the pairs alone.
        annotated_EB1 = self.annotated(hidden_EBH)
        foreground_EBR = functional.logsigmoid(annotated_EB1) + logits_EBR.log_softmax(-1)
        return torch.cat([functional.logsigmoid(-annotated_EB1), foreground_EBR], dim=-1)

    def _label(self, pairs: Pairs, side: str, row_B: Tensor) -> Tensor:
        """A side's labels in the hidden layer, (E, B, H), computed once per label."""
        embedding_ELK = self.embedding[side]
        parts = [embedding_ELK]
        if self.config.label_text:
            labels_LD = functional.normalize(pairs.labels_LD.float(), dim=1) - self.label_mean
            parts.append((labels_LD / self.label_scale).expand(len(embedding_ELK), -1, -1))
        return self.label[side](torch.cat(parts, dim=-1)).index_select(1, row_B)

    def _scaled(self) -> Iterator[tuple[str, _Scaled]]:
        for name, layer in self.inputs.items():
            assert isinstance(layer, _Scaled)  # noqa: S101  for the type checker
            yield name, layer

    def _activate(self, hidden_EBH: Tensor) -> Tensor:
        return functional.dropout(functional.gelu(hidden_EBH), self.config.dropout, self.training)


class _Scaled(nn.Module):
    """A feature, normalised if it is an embedding, centred and scaled, into the hidden layer."""

    def __init__(self, layer: MemberLinear, width: int) -> None:
        super().__init__()
        self.layer = layer
        self.mean = nn.Buffer(torch.zeros(width))
        self.scale = nn.Buffer(torch.ones(width))
        self.normalise = nn.Buffer(torch.tensor(True))

    def prepare(self, x_ND: Tensor, *, per_number: bool) -> None:
        """Geometry is scaled number by number, an embedding as a whole: its directions keep their relative size."""
        self.normalise.fill_(not per_number)
        x_ND = x_ND.float() if per_number else functional.normalize(x_ND.float(), dim=1)
        self.mean.copy_(x_ND.mean(0))
        scale = x_ND.std(0) if per_number else (x_ND - self.mean).std()
        self.scale.copy_(scale.clamp_min(1e-6).expand_as(self.scale))

    def forward(self, x_BD: Tensor, dropout: float) -> Tensor:
        x_BD = functional.normalize(x_BD.float(), dim=1) if self.normalise else x_BD.float()
        x_BD = ((x_BD - self.mean) / self.scale).clamp(-GEOMETRY_LIMIT * 4, GEOMETRY_LIMIT * 4)
        return self.layer(functional.dropout(x_BD, dropout, self.training))


def _feature(pairs: Pairs, name: str) -> Tensor:
    tensor = {"geometry": pairs.geometry_NG, "union": pairs.union_ND, "text": pairs.text_ND}[name]
    if tensor is None:
        raise ValueError(f"this head needs the feature {name!r} of the pairs, which is not given")
    return tensor
