"""What a captioner is trained on: the likelihood of true captions, token by token.

Shapes: N captions, D image vector width, L tokens of the longest caption of the batch (with its end).
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from visual_relations.captioning.captioner import Captioner
from visual_relations.captioning.params import IGNORED


class CaptionBatch(NamedTuple):
    """Captions with their image vectors.

    Attributes:
        features_ND: Image vectors.
        targets_NL: Tokens to predict; `IGNORED` where nothing is learned (padding).
        tokens_NL: The same tokens as the language model reads them; any token where there is padding.
    """

    features_ND: Tensor
    targets_NL: Tensor
    tokens_NL: Tensor


def token_losses(captioner: Captioner, batch: CaptionBatch) -> Tensor:
    """Negative log-likelihood (N, L) in nats of every target; 0 where it is ignored."""
    logits_NLV = captioner(batch.features_ND, batch.tokens_NL[:, :-1])
    return functional.cross_entropy(
        logits_NLV.flatten(0, 1).float(), batch.targets_NL.flatten(), ignore_index=IGNORED, reduction="none"
    ).view_as(batch.targets_NL)


def caption_loss(captioner: Captioner, batch: CaptionBatch) -> dict[str, Tensor]:
    """Mean negative log-likelihood over all tokens of a batch that count, in nats, as "loss"."""
    n_targets = (batch.targets_NL != IGNORED).sum().clamp(min=1)
    return {"loss": token_losses(captioner, batch).sum() / n_targets}
