"""Greedy decoding and sampling: one caption per image.

Shapes: N images, R rows (images whose caption is unfinished), T tokens so far, V vocabulary, k prefix length, E width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from visual_relations.captioning.decoding.controls import Controls
from visual_relations.captioning.decoding.hypothesis import Hypothesis
from visual_relations.captioning.decoding.reader import Reader
from visual_relations.captioning.params import DecodingParams


def decode_single(
    reader: Reader, prefix_NkE: Tensor, stop: Tensor, params: DecodingParams, first: int
) -> list[Hypothesis]:
    """Write one caption per image.

    Args:
        reader: A new one.
        prefix_NkE: Prefixes.
        stop: Token ids that end a caption.
        params: Method "greedy" or "sample".
        first: Number of the first image; image number and seed fix what is sampled, whatever the batch.

    Returns:
        N hypotheses.
    """
    n_images, device = len(prefix_NkE), prefix_NkE.device
    controls = Controls(params)
    uniform_NT = _uniform(n_images, first, params).to(device) if params.method == "sample" else None
    tokens_NT = torch.zeros(n_images, 0, dtype=torch.long, device=device)
    scores_N = torch.zeros(n_images, device=device)
    lengths_N = torch.zeros(n_images, dtype=torch.long, device=device)
    open_R = torch.arange(n_images, device=device)
    logits_RV = reader.read_prefix(prefix_NkE)
    for step in range(params.max_tokens):
        logits_RV = controls(tokens_NT[open_R], logits_RV).log_softmax(-1)
        next_R = logits_RV.argmax(-1) if uniform_NT is None else _sample(logits_RV, uniform_NT[open_R, step])
        scores_N[open_R] += logits_RV.gather(1, next_R[:, None])[:, 0]
        lengths_N[open_R] += 1
        tokens_NT = torch.cat([tokens_NT, tokens_NT.new_zeros(n_images, 1)], 1)
        tokens_NT[open_R, step] = next_R
        going_on = (~torch.isin(next_R, stop)).nonzero()[:, 0]
        if not len(going_on) or step + 1 == params.max_tokens:
            break
        reader.choose(going_on, len(open_R))
        open_R = open_R[going_on]
        logits_RV = reader.read(next_R[going_on])
    scores_N = scores_N / lengths_N**params.length_exponent
    finished_N = torch.isin(tokens_NT.gather(1, lengths_N[:, None] - 1)[:, 0], stop)
    return [
        Hypothesis(tokens[:length], score, finished)
        for tokens, length, score, finished in zip(
            tokens_NT.tolist(), lengths_N.tolist(), scores_N.tolist(), finished_N.tolist(), strict=True
        )
    ]


def _uniform(n_images: int, first: int, params: DecodingParams) -> Tensor:
    """One uniform number per image and step."""
    rows = []
    for image in range(first, first + n_images):
        generator = torch.Generator().manual_seed(params.seed * 1_000_003 + image)
        rows.append(torch.rand(params.max_tokens, generator=generator, dtype=torch.float64))
    return torch.stack(rows)


def _sample(log_probabilities_RV: Tensor, uniform_R: Tensor) -> Tensor:
    """Tokens at which the cumulative probability passes a uniform number."""
    cumulative_RV = log_probabilities_RV.double().exp().cumsum(-1)
    threshold_R = uniform_R * cumulative_RV[:, -1]
    return torch.searchsorted(cumulative_RV, threshold_R[:, None], right=True)[:, 0].clamp(
        max=cumulative_RV.shape[1] - 1
    )
