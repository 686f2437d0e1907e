"""Captions of any number of images, batch by batch.

Shapes: N images, D image vector width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from visual_relations.captioning.captioner import Captioner
from visual_relations.captioning.decoding.beam import decode_beams
from visual_relations.captioning.decoding.hypothesis import Hypothesis
from visual_relations.captioning.decoding.reader import Reader
from visual_relations.captioning.decoding.single import decode_single
from visual_relations.captioning.language_models import most_positions
from visual_relations.captioning.params import DecodingParams


@dataclass(frozen=True)
class Caption:
    """The best caption of an image.

    Attributes:
        text: Without the end token, without blanks around it.
        score: As in `Hypothesis`.
        n_tokens: Tokens written, with the end token.
        finished: False: it was cut at `max_tokens`.
    """

    text: str
    score: float
    n_tokens: int
    finished: bool


def generate(
    captioner: Captioner, tokenizer: PreTrainedTokenizerBase, features_ND: Tensor, params: DecodingParams
) -> list[Caption]:
    """Caption images.

    Args:
        captioner: Writes.
        tokenizer: Of its language model. Captions stop at its end token, and at `params.stop_at`.
        features_ND: Image vectors.
        params: How to write.

    Returns:
        N captions.

    Raises:
        ValueError: If `stop_at` is not one token, or the captions could outgrow the language model.
    """
    best = [ranked[0] for ranked in generate_tokens(captioner, features_ND, stop_tokens(tokenizer, params), params)]
    texts = tokenizer.batch_decode([hypothesis.tokens for hypothesis in best], skip_special_tokens=True)
    return [
        Caption(text.strip(), found.score, len(found.tokens), found.finished)
        for text, found in zip(texts, best, strict=True)
    ]


@torch.no_grad()
def generate_tokens(
    captioner: Captioner, features_ND: Tensor, stop: Sequence[int], params: DecodingParams
) -> list[list[Hypothesis]]:
    """Caption images, in tokens.

    Args:
        captioner: Writes; it is used in evaluation mode.
        features_ND: Image vectors.
        stop: Token ids that end a caption.
        params: How to write.

    Returns:
        For each of N images its hypotheses, best first: K with beam search, else one.

    Raises:
        ValueError: If the captions could outgrow the language model.
    """
    _check_room(captioner, params)
    training = captioner.training
    captioner.eval()
    device = next(captioner.mapper.parameters()).device
    stop_ids = torch.tensor(list(stop), device=device, dtype=torch.long)
    found: list[list[Hypothesis]] = []
    for first in range(0, len(features_ND), params.batch_size):
        prefix_NkE = captioner.prefix(features_ND[first : first + params.batch_size].to(device))
        reader = Reader(captioner.language_model)
        if params.method == "beam":
            found += decode_beams(reader, prefix_NkE, stop_ids, params)
        else:
            found += [[one] for one in decode_single(reader, prefix_NkE, stop_ids, params, first)]
    captioner.train(training)
    return found


def stop_tokens(tokenizer: PreTrainedTokenizerBase, params: DecodingParams) -> list[int]:
    """Ids of the tokens that end a caption.

    Raises:
        ValueError: If there is none, or `stop_at` is not one token.
    """
    stop = [tokenizer.eos_token_id] if tokenizer.eos_token_id is not None else []
    if params.stop_at is not None:
        ids = tokenizer.encode(params.stop_at, add_special_tokens=False)
        if len(ids) != 1:
            raise ValueError(f"stop_at={params.stop_at!r} is {len(ids)} tokens of this language model, not one")
        stop += ids
    if not stop:
        raise ValueError("the tokenizer has no end token: set `stop_at` in the decoding parameters, e.g. to '.'")
    return stop


def _check_room(captioner: Captioner, params: DecodingParams) -> None:
    limit, prefix = most_positions(captioner.language_model), captioner.config.mapper.prefix_length
    if limit is not None and prefix + params.max_tokens > limit:
        raise ValueError(
            f"a prefix of {prefix} and {params.max_tokens} tokens do not fit the {limit} positions of the language "
            f"model: set max_tokens to {limit - prefix} or less"
        )
