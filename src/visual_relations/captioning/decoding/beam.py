"""Beam search for many images at once.

The rule is the original's: at every step, candidates of an image are ranked by log-probability over length (not by
log-probability with a correction at the end), and a finished caption stays in the race unchanged. Only unfinished
captions are read by the language model.

Shapes: N images, K beams, R rows (unfinished beams of all images), T tokens so far, V vocabulary, k prefix length,
E language model width. Beams of an image are ordered best first.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from visual_relations.captioning.decoding.controls import Controls
from visual_relations.captioning.decoding.hypothesis import Hypothesis
from visual_relations.captioning.decoding.reader import Reader
from visual_relations.captioning.params import DecodingParams


@dataclass
class _Beams:
    """All beams; before the first step there is one empty beam per image."""

    tokens_NKT: Tensor
    sums_NK: Tensor  # log-probability
    lengths_NK: Tensor
    finished_NK: Tensor

    @classmethod
    def start(cls, n_images: int, device: torch.device) -> _Beams:
        empty = torch.zeros(n_images, 1, device=device)
        return cls(empty.long()[:, :, None][:, :, :0], empty, empty.long(), empty.bool())


def decode_beams(reader: Reader, prefix_NkE: Tensor, stop: Tensor, params: DecodingParams) -> list[list[Hypothesis]]:
    """Find the K best captions per image.

    Args:
        reader: A new one.
        prefix_NkE: Prefixes.
        stop: Token ids that end a caption.
        params: Number of beams and the rest.

    Returns:
        For each of N images K hypotheses, best first.
    """
    controls = Controls(params)
    beams = _Beams.start(len(prefix_NkE), prefix_NkE.device)
    logits_RV = reader.read_prefix(prefix_NkE)
    for _ in range(params.max_tokens):
        open_before = ~beams.finished_NK
        logits_RV = controls(beams.tokens_NKT[open_before], logits_RV)
        beams, parents_NK = _extend(beams, logits_RV, stop, params)
        open_now = ~beams.finished_NK
        if not open_now.any() or beams.tokens_NKT.shape[2] == params.max_tokens:
            break
        row_of = open_before.flatten().cumsum(0).view_as(open_before) - 1
        reader.choose(row_of.gather(1, parents_NK)[open_now], len(logits_RV))
        logits_RV = reader.read(beams.tokens_NKT[..., -1][open_now])
    return _hypotheses(beams, params)


def _extend(beams: _Beams, logits_RV: Tensor, stop: Tensor, params: DecodingParams) -> tuple[_Beams, Tensor]:
    """Add one token to every unfinished beam and keep the K best of each image.

    Returns:
        The new beams, and the old beam (N, K) each came from.
    """
    candidates_NKC, tokens_NKC = _candidates(beams, logits_RV, params.beams)
    lengths_NK = beams.lengths_NK + ~beams.finished_NK
    ranked_NKC = candidates_NKC / (lengths_NK**params.length_exponent)[:, :, None]
    best_NK = ranked_NKC.flatten(1).topk(params.beams).indices
    parents_NK = best_NK // candidates_NKC.shape[2]
    next_NK = tokens_NKC.flatten(1).gather(1, best_NK)
    finished_NK = beams.finished_NK.gather(1, parents_NK)
    history_NKT = beams.tokens_NKT.gather(1, parents_NK[:, :, None].expand(-1, -1, beams.tokens_NKT.shape[2]))
    new = _Beams(
        torch.cat([history_NKT, next_NK[:, :, None]], 2),
        candidates_NKC.flatten(1).gather(1, best_NK),
        lengths_NK.gather(1, parents_NK),
        finished_NK | torch.isin(next_NK, stop),
    )
    return new, parents_NK


def _candidates(beams: _Beams, logits_RV: Tensor, n_best: int) -> tuple[Tensor, Tensor]:
    """Log-probabilities and last tokens (N, K, C) of what each beam can become; a finished one only stays.

    The best C = K tokens of every beam are enough: no other can be among the K best of the image.
    """
    open_NK = ~beams.finished_NK
    best_RC, tokens_RC = logits_RV.topk(min(n_best, logits_RV.shape[1]))
    log_probabilities_RC = best_RC - logits_RV.logsumexp(-1, keepdim=True)
    shape = (*open_NK.shape, best_RC.shape[1])
    candidates_NKC = beams.sums_NK.new_full(shape, -torch.inf)
    tokens_NKC = tokens_RC.new_zeros(shape)
    candidates_NKC[open_NK] = beams.sums_NK[open_NK][:, None] + log_probabilities_RC
    tokens_NKC[open_NK] = tokens_RC
    candidates_NKC[..., 0] = torch.where(open_NK, candidates_NKC[..., 0], beams.sums_NK)
    return candidates_NKC, tokens_NKC


def _hypotheses(beams: _Beams, params: DecodingParams) -> list[list[Hypothesis]]:
    scores_NK = beams.sums_NK / beams.lengths_NK**params.length_exponent
    order_NK = scores_NK.sort(dim=1, descending=True, stable=True).indices
    return [
        [Hypothesis(tokens[b][: lengths[b]], scores[b], finished[b]) for b in order]
        for order, tokens, lengths, scores, finished in zip(
            order_NK.tolist(),
            beams.tokens_NKT.tolist(),
            beams.lengths_NK.tolist(),
            scores_NK.tolist(),
            beams.finished_NK.tolist(),
            strict=True,
        )
    ]
