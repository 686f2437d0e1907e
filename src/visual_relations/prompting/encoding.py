"""Text features of prompts, written bank by bank; an interrupted bank continues after its last whole shard.

Legend: B pairs of a batch, D feature width.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import torch

from visual_relations.artefacts.feature_bank import FeatureBank, FeatureBankWriter
from visual_relations.artefacts.progress import Progress
from visual_relations.clip.frozen import FrozenClip
from visual_relations.prompting.prompts import Prompt, PromptLearner, encode_pairs

BATCH = 512
ROWS_PER_SHARD = 32 * BATCH  # whole batches: a resumed bank equals an unbroken one


def encode_learned_prompts(
    clip: FrozenClip,
    learner: PromptLearner,
    prompts: dict[str, Prompt],
    images: FeatureBank,
    folder: Path,
) -> FeatureBank:
    """Encode the prompt of every pair.

    Args:
        clip: Frozen CLIP.
        learner: Trained learner.
        prompts: Prompt by pair id.
        images: Union features by pair id.
        folder: Where the bank grows.

    Returns:
        Features by pair id, not normalised.
    """
    # Sorted by length, batches need next to no padding; sorted() is stable, so the order is the same in every run.
    ids = sorted(prompts, key=lambda pair_id: len(prompts[pair_id].tokens))
    rows = images.index_of(ids)
    metadata = {"content": "learned prompts", "clip": clip.fingerprint}
    learner = learner.to(clip.device).eval()
    with (
        torch.inference_mode(),
        FeatureBankWriter(folder, clip.dim, metadata, ROWS_PER_SHARD) as writer,
        Progress(len(ids), "prompt_text_features", "prompts", writer.n_done) as progress,
    ):
        for start in range(writer.n_done, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            image_BD = torch.from_numpy(images.rows(rows[start : start + BATCH]).astype(np.float32)).to(clip.device)
            text_BD = encode_pairs(clip, [prompts[pair_id] for pair_id in batch], learner, image_BD)
            writer.append(batch, text_BD.float().cpu().numpy())
            progress.advance(len(batch))
        bank = writer.finish()
    learner.cpu()
    return bank


def encode_texts(clip: FrozenClip, texts: pl.Series, folder: Path) -> FeatureBank:
    """Encode texts, each once.

    Args:
        clip: Frozen CLIP.
        texts: With repeats.
        folder: Where the bank grows.

    Returns:
        Features by text, not normalised.
    """
    distinct = texts.unique().sort().to_list()
    metadata = {"content": "texts", "clip": clip.fingerprint}
    with torch.inference_mode(), FeatureBankWriter(folder, clip.dim, metadata, ROWS_PER_SHARD) as writer:
        for start in range(writer.n_done, len(distinct), BATCH):
            batch = distinct[start : start + BATCH]
            writer.append(batch, clip.encode_texts(batch).float().cpu().numpy())
        return writer.finish()
