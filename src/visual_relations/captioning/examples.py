"""From caption texts to token sequences to batches.

Shapes: N captions of a batch, D image vector width, L tokens of its longest caption.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from transformers import PreTrainedTokenizerBase

from visual_relations.artefacts.feature_bank import FeatureBank
from visual_relations.captioning.loss import CaptionBatch
from visual_relations.captioning.params import IGNORED, ExampleParams

Numbers = npt.NDArray[np.int64]

PAD = 0  # the original pads with it and never learns it, though it is GPT-2's "!"


def tokenize_captions(
    captions: pl.DataFrame, tokenizer: PreTrainedTokenizerBase, params: ExampleParams
) -> pl.DataFrame:
    """Turn captions into token sequences.

    A caption ends with the tokenizer's end token, unless it was cut. In reference mode there is no end token, and
    captions are cut at the original's length (`longest_kept`).

    Args:
        captions: With the column `caption`; other columns are kept.
        tokenizer: Of the language model.
        params: Mode and longest caption.

    Returns:
        The same rows without `caption`, with `tokens` (list of int32) and `cut` (whether the caption was too long).

    Raises:
        ValueError: If the tokenizer has no end token outside reference mode, or there is no caption.
    """
    if not captions.height:
        raise ValueError("there are no captions to learn from: look at the rejected captions for the reasons")
    texts = captions["caption"].to_list()
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]
    if params.reference:
        limit, end = longest_kept([len(tokens) for tokens in ids]), []
    else:
        if tokenizer.eos_token_id is None:
            raise ValueError("the tokenizer has no end token: set `reference: true`, or use another language model")
        limit, end = params.max_tokens, [tokenizer.eos_token_id]
    kept = [tokens + end if len(tokens) + len(end) <= limit else tokens[:limit] for tokens in ids]
    cut = [len(tokens) + len(end) > limit for tokens in ids]
    return captions.drop("caption").with_columns(
        pl.Series("tokens", kept, dtype=pl.List(pl.Int32)), pl.Series("cut", cut, dtype=pl.Boolean)
    )


def longest_kept(lengths: Sequence[int]) -> int:
    """Length the original cuts captions to: mean + 10 standard deviations, at most the longest."""
    n = np.asarray(lengths, np.float32)
    return min(int(n.mean() + 10 * n.std(ddof=1)), max(lengths)) if len(lengths) > 1 else max(lengths)


def collate(
    features_ND: npt.NDArray[np.floating], tokens: Sequence[npt.NDArray[np.integer]], *, reference: bool = False
) -> CaptionBatch:
    """Pad captions to the longest of them.

    Args:
        features_ND: Image vectors.
        tokens: Tokens of every caption.
        reference: Whether token 0 is ignored wherever it stands, as in the original.
    """
    longest = max(map(len, tokens))
    tokens_NL = np.zeros((len(tokens), longest), np.int64)
    targets_NL = np.full((len(tokens), longest), IGNORED, np.int64)
    for row, caption in enumerate(tokens):
        tokens_NL[row, : len(caption)] = caption
        targets_NL[row, : len(caption)] = np.where(caption == PAD, IGNORED, caption) if reference else caption
    features = torch.from_numpy(np.asarray(features_ND, np.float32))
    return CaptionBatch(features, torch.from_numpy(targets_NL), torch.from_numpy(tokens_NL))


class CaptionBatches:
    """Training batches by number: every epoch in another order, every batch of captions of about one length.

    Args:
        features: Image vectors by image id.
        examples: Captions with `image_id` and `tokens`.
        batch_size: N; captions that do not fill a batch are left out of an epoch.
        buckets: As many batches are sorted by length together; 1: no sorting.
        seed: Of the order.
        reference: See `collate`.
    """

    def __init__(
        self,
        features: FeatureBank,
        examples: pl.DataFrame,
        batch_size: int,
        buckets: int = 1,
        seed: int = 0,
        *,
        reference: bool = False,
    ) -> None:
        self._features, self._reference, self._buckets, self._seed = features, reference, buckets, seed
        self._rows = features.index_of(examples["image_id"])
        self._tokens = [np.asarray(tokens, np.int64) for tokens in examples["tokens"].to_list()]
        self._lengths = np.array([len(tokens) for tokens in self._tokens])
        self.batch_size = min(batch_size, len(self._tokens))
        self.per_epoch = len(self._tokens) // self.batch_size
        self._epoch = lru_cache(maxsize=2)(self._order)

    def __getitem__(self, number: int) -> CaptionBatch:
        """Batch `number` of the whole training."""
        epoch, place = divmod(number, self.per_epoch)
        return self.of(self._epoch(epoch)[place])

    def of(self, chosen: Numbers) -> CaptionBatch:
        """The batch of these examples."""
        tokens = [self._tokens[row] for row in chosen]
        return collate(self._features.rows(self._rows[chosen]), tokens, reference=self._reference)

    def in_order(self) -> Iterator[CaptionBatch]:
        """Every example once, short ones first, for validation."""
        order = np.argsort(self._lengths, kind="stable")
        for start in range(0, len(order), self.batch_size):
            yield self.of(order[start : start + self.batch_size])

    def _order(self, epoch: int) -> list[Numbers]:
        """The batches of an epoch."""
        generator = np.random.default_rng([self._seed, epoch])
        shuffled = generator.permutation(len(self._tokens))[: self.per_epoch * self.batch_size]
        if self._buckets == 1:
            return list(shuffled.reshape(-1, self.batch_size))
        batches: list[Numbers] = []
        size = self.batch_size * self._buckets
        for start in range(0, len(shuffled), size):
            bucket = shuffled[start : start + size]
            bucket = bucket[np.argsort(self._lengths[bucket], kind="stable")]
            batches += list(bucket.reshape(-1, self.batch_size))
        return [batches[place] for place in generator.permutation(len(batches))]
