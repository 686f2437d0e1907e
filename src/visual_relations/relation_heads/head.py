"""What every relation head is: a module that scores pairs."""

from __future__ import annotations

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


def as_head(module: nn.Module) -> RelationHead:
    """The module itself, known to be a head.

    Raises:
        TypeError: If it is none.
    """
    if not isinstance(module, RelationHead):
        raise TypeError(f"{type(module).__name__} is no relation head: it has to be a RelationHead")
    return module
