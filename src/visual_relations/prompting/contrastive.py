"""Stage 1 of CREPE: learn the prompt from pictures and pseudo labels, without predicate labels.

    loss = softplus( cos(image, pseudo text) - cos(image, prompt) )

One fixed negative per pair, temperature 1, no negatives from the batch (read in LLNL/CREPE); the negative carries no
gradient. Only the learner's parameters are trained.

Legend: N pairs, B pairs of a batch, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn
from torch.nn import functional

from visual_relations.clip.frozen import FrozenClip
from visual_relations.prompting.params import ContrastiveParams
from visual_relations.prompting.prompts import Prompt, PromptLearner, encode_pairs
from visual_relations.training.device import resolve_device
from visual_relations.training.loop import fit
from visual_relations.training.schedules import constant, warmup_cosine


@dataclass(frozen=True)
class ContrastivePairs:
    """What stage 1 sees of the pairs: prompt, union feature (N, D), and cosine to the pseudo label (N,)."""

    prompts: Sequence[Prompt]
    image_ND: Tensor
    negative_N: Tensor

    def __len__(self) -> int:
        return len(self.prompts)


class ShuffledPairs:
    """Rows of a step's batch, a pure function of (seed, step); every pair once per epoch."""

    def __init__(self, n_pairs: int, batch_size: int, seed: int) -> None:
        self._n, self._size, self._seed = n_pairs, min(batch_size, n_pairs), seed
        self._epoch = (-1, np.arange(0))

    def __getitem__(self, step: int) -> Tensor:
        """Rows of the batch."""
        epoch, place = divmod(step, -(-self._n // self._size))
        if self._epoch[0] != epoch:
            self._epoch = (epoch, np.random.default_rng([self._seed, epoch]).permutation(self._n))
        return torch.from_numpy(self._epoch[1][place * self._size : (place + 1) * self._size])


def contrastive_loss(positive_B: Tensor, negative_B: Tensor, kind: str) -> Tensor:
    """Mean loss of a batch from the cosines of the images to their prompts and to their pseudo labels."""
    if kind == "cosine":
        return (1 - positive_B).mean()
    return functional.softplus(negative_B - positive_B).mean()


def train_prompts(
    clip: FrozenClip,
    learner: PromptLearner,
    pairs: ContrastivePairs,
    params: ContrastiveParams,
    workspace_folder: Path | None = None,
) -> pl.DataFrame:
    """Train a learner in place.

    Args:
        clip: Frozen CLIP.
        learner: Untrained learner.
        pairs: Training pairs.
        params: Recipe.
        workspace_folder: Where an interrupted training continues from; None: from the start.

    Returns:
        History of the training loop.

    Raises:
        ValueError: If there is no pair, or a feature is NaN or infinite.
    """
    if not len(pairs):
        raise ValueError("no training pair to learn prompts from; check the splits of the annotations")
    if not bool(torch.isfinite(pairs.image_ND).all()):
        row = int((~torch.isfinite(pairs.image_ND)).any(1).nonzero()[0])
        raise ValueError(f"the union feature of training pair {row} is NaN or infinite; extract the features again")
    device = resolve_device(params.loop.device)
    clip.to(device)

    def loss(module: nn.Module, rows_B: Tensor) -> dict[str, Tensor]:
        image_BD = pairs.image_ND[rows_B].to(device)
        text_BD = encode_pairs(clip, [pairs.prompts[row] for row in rows_B.tolist()], module, image_BD)
        positive_B = functional.cosine_similarity(image_BD, text_BD.float(), dim=1)
        negative_B = pairs.negative_N[rows_B].to(device)
        return {"loss": contrastive_loss(positive_B, negative_B, params.loss), "cosine": positive_B.detach().mean()}

    batches = ShuffledPairs(len(pairs), params.batch_size, params.loop.seed)
    optimizer = _optimizer(learner, params)
    schedule = (
        warmup_cosine(optimizer, params.warmup_steps, params.loop.steps)
        if params.schedule == "cosine"
        else constant(optimizer)
    )
    return fit(learner, batches, loss, optimizer, schedule, params.loop, workspace_folder, description="prompt learner")


def _optimizer(learner: nn.Module, params: ContrastiveParams) -> torch.optim.Optimizer:
    if params.optimizer == "sgd":
        return torch.optim.SGD(learner.parameters(), params.learning_rate, momentum=params.momentum)
    return torch.optim.AdamW(learner.parameters(), params.learning_rate, weight_decay=0.0)
