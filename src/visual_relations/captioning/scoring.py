"""How probable a captioner finds given texts: image-text matching without generating anything.

Shapes: N texts, D image vector width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from visual_relations.captioning.captioner import Captioner
from visual_relations.captioning.examples import collate
from visual_relations.captioning.loss import token_losses
from visual_relations.captioning.params import IGNORED

Reduction = Literal["sum", "mean"]


@torch.no_grad()
def caption_log_likelihood(
    captioner: Captioner,
    tokenizer: PreTrainedTokenizerBase,
    features_ND: npt.NDArray[np.floating] | Tensor,
    texts: Sequence[str],
    *,
    reduction: Reduction = "mean",
    batch_size: int = 64,
) -> npt.NDArray[np.float64]:
    """Log-probability of texts as captions of images.

    Args:
        captioner: In evaluation mode.
        tokenizer: Of its language model.
        features_ND: The image vector of every text.
        texts: N texts. An end token is added if the tokenizer has one, so that a text also has to stop in time.
        reduction: "sum" over tokens, or their "mean", which does not favour short texts.
        batch_size: Texts at a time.

    Returns:
        N log-probabilities in nats, at most 0.

    Raises:
        ValueError: If a text is empty.
    """
    features_ND = np.asarray(features_ND, np.float32)
    device = next(captioner.mapper.parameters()).device
    end = [tokenizer.eos_token_id] if tokenizer.eos_token_id is not None else []
    tokens = [ids + end for ids in _encode(tokenizer, texts)]
    scores_N = np.empty(len(texts))
    for chosen in _by_length(tokens, batch_size):
        batch = collate(features_ND[chosen], [np.asarray(tokens[n]) for n in chosen])
        batch = type(batch)(*(tensor.to(device) for tensor in batch))
        losses_NL = token_losses(captioner, batch)
        scores_N[chosen] = _reduce(losses_NL, batch.targets_NL != IGNORED, reduction)
    return scores_N


@torch.no_grad()
def text_log_likelihood(
    language_model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    reduction: Reduction = "mean",
    batch_size: int = 64,
) -> npt.NDArray[np.float64]:
    """Log-probability of texts without any image: what the language alone gives away.

    Every text follows the tokenizer's begin token (or its end token, if it has no other) and ends with its end token.

    Args:
        language_model: In evaluation mode, e.g. `captioner.language_model`.
        tokenizer: Of the language model.
        texts: N texts.
        reduction: "sum" over tokens, or their "mean".
        batch_size: Texts at a time.

    Returns:
        N log-probabilities in nats, at most 0.

    Raises:
        ValueError: If a text is empty, or the tokenizer has neither a begin nor an end token.
    """
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    if begin is None:
        raise ValueError("the tokenizer has neither a begin nor an end token, so the first word has no probability")
    end = [tokenizer.eos_token_id] if tokenizer.eos_token_id is not None else []
    tokens = [[begin, *ids, *end] for ids in _encode(tokenizer, texts)]
    scores_N = np.empty(len(texts))
    for chosen in _by_length(tokens, batch_size):
        batch = collate(np.empty((len(chosen), 0)), [np.asarray(tokens[n]) for n in chosen])
        inputs_NL, targets_NL = batch.tokens_NL.to(language_model.device), batch.targets_NL.to(language_model.device)
        logits_NLV = language_model(input_ids=inputs_NL[:, :-1], use_cache=False).logits.float()
        losses_NL = functional.cross_entropy(
            logits_NLV.transpose(1, 2), targets_NL[:, 1:], ignore_index=IGNORED, reduction="none"
        )
        scores_N[chosen] = _reduce(losses_NL, targets_NL[:, 1:] != IGNORED, reduction)
    return scores_N


def _encode(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"] if len(texts) else []
    if empty := [n for n, tokens in enumerate(ids) if not tokens]:
        raise ValueError(f"{len(empty)} texts are empty, the first at position {empty[0]}: leave them out")
    return ids


def _by_length(tokens: Sequence[Sequence[int]], batch_size: int) -> list[npt.NDArray[np.int64]]:
    """Batches of texts of about one length: little padding."""
    order = np.argsort([len(ids) for ids in tokens], kind="stable")
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def _reduce(losses_NL: Tensor, counted_NL: Tensor, reduction: Reduction) -> npt.NDArray[np.float64]:
    total_N = -losses_NL.double().sum(1)
    if reduction == "mean":
        total_N = total_N / counted_NL.sum(1)
    return total_N.cpu().numpy()
