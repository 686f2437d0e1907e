"""What every relation head is: a module that scores pairs.

Legend: E members of an ensemble, N pairs, C classes, R predicates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visual_relations.relation_heads.pairs import Pairs


class RelationHead(nn.Module):
    """A head with `n_classes` columns of logits, of which column 0 is the background if `background` is true."""

    n_classes: int
    background: bool

    def prepare(self, pairs: Pairs) -> None:
        """Take from the training pairs what is fixed before training, e.g. means; by default nothing."""

    def score(self, pairs: Pairs) -> Tensor:
        """Logits (N, C) of pairs."""
        raise NotImplementedError

    def training_logits(self, pairs: Pairs, prior_R: Tensor | float) -> Tensor:
        """Logits that are trained, (E, N, C), one set per member of an ensemble.

        Args:
            pairs: The batch.
            prior_R: Added to the logits of the predicates (not of the background): logit-adjusted training.
        """
        logits_ENC = self.score(pairs)[None]
        if not self.background:
            return logits_ENC + prior_R
        return torch.cat([logits_ENC[..., :1], logits_ENC[..., 1:] + prior_R], dim=-1)


def as_head(module: nn.Module) -> RelationHead:
    """The module itself, known to be a head.

    Raises:
        TypeError: If it is none.
    """
    if not isinstance(module, RelationHead):
        raise TypeError(f"{type(module).__name__} is no relation head: it has to be a RelationHead")
    return module
