"""Captioning at GPT-2 small's size, random weights: decoding against the original's way, frozen against tuned steps.

The reference decoder does what the original does: one image at a time, beam 5, the whole sequence read again for every
token. Random weights never stop, so every caption has the full length. 67 tokens take the reference about a minute per
image; `VISUAL_RELATIONS_BENCH_TOKENS=12` leaves that row out. One thread, processor time.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.report import Row, show
from visual_relations.captioning.captioner import Captioner
from visual_relations.captioning.decoding import generate_tokens
from visual_relations.captioning.loss import CaptionBatch, caption_loss
from visual_relations.captioning.params import CaptionerConfig, CaptionTrainingParams, DecodingParams, MapperParams
from visual_relations.captioning.training import make_optimizer

IMAGES = 16
BEAMS = 5
STOP = 13  # "."
GPT2_SMALL = {"model_type": "gpt2", "vocab_size": 50257}
TARGETS = {12: 10.0, 67: 20.0}
REFERENCE_IMAGES = {12: 3, 67: 1}
MOST_OF_TUNED = 0.6


def run() -> list[Row]:
    """Decoding rows first, then the training step."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    chosen = [int(n) for n in os.environ.get("VISUAL_RELATIONS_BENCH_TOKENS", "12,67").split(",")]
    captioner = _captioner(tuned=False).eval()
    rows = [_decoding(captioner, n_tokens) for n_tokens in chosen]
    del captioner
    return [*rows, _training_step()]


def _captioner(*, tuned: bool) -> Captioner:
    config = CaptionerConfig(
        mapper=MapperParams(kind="mlp"), feature_dim=512, tune_language_model=tuned, architecture=GPT2_SMALL
    )
    return Captioner.from_config(config)


def _decoding(captioner: Captioner, n_tokens: int) -> Row:
    features = torch.randn(IMAGES, 512)
    params = DecodingParams(beams=BEAMS, max_tokens=n_tokens, batch_size=IMAGES)
    ours, found = _timed(lambda: generate_tokens(captioner, features, [STOP], params))
    n_reference = REFERENCE_IMAGES[n_tokens]
    reference, expected = _timed(lambda: [_uncached_beams(captioner, row, n_tokens) for row in features[:n_reference]])
    equal = all(
        [hypothesis.tokens for hypothesis in ours] == theirs for ours, theirs in zip(found, expected, strict=False)
    )
    ratio = (reference / n_reference) / (ours / IMAGES)
    note = f"seconds per image; {n_reference} reference image(s); ids of all beams {'equal' if equal else 'DIFFER'}"
    target = TARGETS[n_tokens]
    return Row(
        f"beam {BEAMS}, {n_tokens} tokens, {IMAGES} images against one at a time without cache",
        ours / IMAGES,
        reference / n_reference,
        ratio,
        f">= {target:g}",
        equal and ratio >= target,
        note,
    )


@torch.no_grad()
def _uncached_beams(captioner: Captioner, features_D: Tensor, n_tokens: int) -> list[list[int]]:
    """All beams of one image, best first, reading everything anew for every token; none ever stops."""
    prefix_1kE = captioner.prefix(features_D[None])
    embedding = captioner.language_model.get_input_embeddings()
    tokens_KT = torch.zeros(1, 0, dtype=torch.long)
    sums_K = torch.zeros(1)
    for step in range(1, n_tokens + 1):
        embedded = torch.cat([prefix_1kE.expand(len(tokens_KT), -1, -1), embedding(tokens_KT)], 1)
        logits_KV = captioner.language_model(inputs_embeds=embedded, use_cache=False).logits[:, -1]
        candidates_KV = sums_K[:, None] + logits_KV.softmax(-1).log()
        best_K = (candidates_KV / step).flatten().topk(BEAMS).indices
        parents_K, next_K = best_K // candidates_KV.shape[1], best_K % candidates_KV.shape[1]
        sums_K = candidates_KV.flatten()[best_K]
        tokens_KT = torch.cat([tokens_KT[parents_K], next_K[:, None]], 1)
        if (next_K == STOP).any():
            raise RuntimeError("random weights wrote a stop token: the reference has no rule for it, change the seed")
    return tokens_KT.tolist()


def _training_step(n_captions: int = 16, n_tokens: int = 12, rounds: int = 4) -> Row:
    """Forward, backward and optimiser step, frozen and tuned in turns, so that a disturbance hits both."""
    tokens = torch.randint(GPT2_SMALL["vocab_size"], (n_captions, n_tokens))
    batch = CaptionBatch(torch.randn(n_captions, 512), tokens, tokens)
    steps = {tuned: _step(tuned, batch) for tuned in (False, True)}
    best = {False: float("inf"), True: float("inf")}
    for _ in range(rounds):
        for tuned, step in steps.items():
            best[tuned] = min(best[tuned], _timed(step)[0])
    ratio = best[False] / best[True]
    return Row(
        f"training step, {n_captions} captions, frozen language model against a tuned one",
        best[False],
        best[True],
        ratio,
        f"<= {MOST_OF_TUNED:g}",
        ratio <= MOST_OF_TUNED,
        "smaller is better",
    )


def _step(tuned: bool, batch: CaptionBatch) -> Callable[[], None]:  # noqa: FBT001
    captioner = _captioner(tuned=tuned).train()
    optimizer = make_optimizer(captioner, CaptionTrainingParams())

    def step() -> None:
        caption_loss(captioner, batch)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()

    step()  # the optimiser's state is made during the first one
    return step


def _timed(function: Callable[[], object]) -> tuple[float, object]:
    """Processor seconds of this process, which other processes on the machine change little."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


if __name__ == "__main__":
    sys.exit(not show(run()))
