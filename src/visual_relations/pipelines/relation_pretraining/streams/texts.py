"""Texts of a batch: cleaned, as token ids, with words hidden for masked language modelling."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np
import torch

from visual_relations.pipelines.relation_pretraining.params import TextStreamParams
from visual_relations.vision_language.batches import Texts
from visual_relations.vision_language.captions import clean_caption
from visual_relations.vision_language.masking import choose_tokens, choose_words, draw_and_hide
from visual_relations.vision_language.tokenizer import WordPiece

_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)


def says_side(text: str) -> bool:
    """Whether a text is no longer true of the mirrored picture."""
    return _SIDE.search(text) is not None


class TextMaker:
    """Turns texts into what the losses read."""

    def __init__(self, tokenizer: WordPiece, params: TextStreamParams) -> None:
        self.tokenizer = tokenizer
        self._params = params

    def make(self, rng: np.random.Generator, texts: Sequence[str], most_tokens: int, *, clean: bool = True) -> Texts:
        """Encode texts and hide some of their words.

        Args:
            rng: Source of chance.
            texts: Raw captions, or graph sentences.
            most_tokens: Longest text.
            clean: False for graph sentences: their names are clean, and cleaning would lower-case their [SEP].
        """
        params = self._params
        written = [clean_caption(text, params.most_words) for text in texts] if clean else list(texts)
        encoded = self.tokenizer.encode(written, most_tokens, end=params.end_token)
        if params.whole_words:
            chosen = choose_words(rng, encoded.words, params.hidden_share, params.most_hidden)
        else:
            maskable = ~np.isin(encoded.ids, [self.tokenizer.pad, self.tokenizer.cls])
            chosen = choose_tokens(rng, maskable, params.hidden_share)
        hidden, labels = draw_and_hide(rng, encoded.ids, chosen, self.tokenizer.size, self.tokenizer.mask)
        ids, mask, hidden_ids, hidden_labels = map(torch.from_numpy, (encoded.ids, encoded.mask, hidden, labels))
        return Texts(ids, mask, hidden_ids, hidden_labels, torch.tensor([_number(text) for text in written]))

    def encode(self, texts: Sequence[str], most_tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and mask of cleaned texts in which nothing is hidden."""
        written = [clean_caption(text, self._params.most_words) for text in texts]
        encoded = self.tokenizer.encode(written, most_tokens, end=self._params.end_token)
        return torch.from_numpy(encoded.ids), torch.from_numpy(encoded.mask)


def _number(text: str) -> int:
    """The same number for the same text, in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")
