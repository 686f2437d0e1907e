"""Texts to WordPiece ids, as BERT reads them: [CLS] first, [SEP] at the end and between the parts of a graph sentence.

Shapes: N texts, L tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.implementations import BertWordPieceTokenizer

from visual_relations.vision_language.masking import NO_WORD

PAD, CLS, SEP, MASK, UNK = "[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]"


class Encoded(NamedTuple):
    """Ids (N, L), 1 for tokens and 0 for padding (N, L), and the number of each token's word (N, L)."""

    ids: NDArray[np.int64]
    mask: NDArray[np.int64]
    words: NDArray[np.int64]


class WordPiece:
    """A BERT tokenizer from its files.

    Args:
        folder: With a `tokenizer.json`, or with the `vocab.txt` of an uncased BERT.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._tokenizer = _read(self.folder)
        found = {name: self._tokenizer.token_to_id(name) for name in (PAD, CLS, SEP, MASK, UNK)}
        if missing := [name for name, number in found.items() if number is None]:
            raise ValueError(f"the tokenizer in {folder} has no {', '.join(missing)}: it is not BERT's")
        ids: dict[str, int] = {name: number for name, number in found.items() if number is not None}
        self.pad, self.cls, self.sep, self.mask = (ids[name] for name in (PAD, CLS, SEP, MASK))
        self.special = np.array(sorted(ids[name] for name in (PAD, CLS, SEP, MASK)))
        self.size: int = self._tokenizer.get_vocab_size()

    def encode(self, texts: Sequence[str], most: int | None = None, *, end: bool = True) -> Encoded:
        """Turn texts into ids, padded to the longest.

        Args:
            texts: Clean texts.
            most: Tokens kept, special ones counted; None: all.
            end: Whether texts end with [SEP]; X-VLM's do not in pretraining, but do in every evaluation.

        Returns:
            Ids, mask and words; special tokens belong to no word.
        """
        rows: list[list[int]] = []
        words: list[list[int]] = []
        for encoding in self._tokenizer.encode_batch(list(texts)):
            stop = len(encoding.ids) - 1  # the final [SEP]
            stop = stop if most is None else min(stop, most - (1 if end else 0))
            rows.append([*encoding.ids[:stop], *([self.sep] if end else [])])
            words.append([NO_WORD if word is None else int(word) for word in encoding.word_ids[:stop]])
        length = max((len(row) for row in rows), default=0)
        ids = np.full((len(rows), length), self.pad, dtype=np.int64)
        mask, numbers = np.zeros_like(ids), np.full_like(ids, NO_WORD)
        for place, (row, word) in enumerate(zip(rows, words, strict=True)):
            ids[place, : len(row)], mask[place, : len(row)], numbers[place, : len(word)] = row, 1, word
        numbers[np.isin(ids, self.special)] = NO_WORD
        return Encoded(ids, mask, numbers)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special ones not counted."""
        return [len(each.ids) for each in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def _read(folder: Path) -> Tokenizer:
    if (folder / "tokenizer.json").is_file():
        return Tokenizer.from_file(str(folder / "tokenizer.json"))
    if (folder / "vocab.txt").is_file():
        return BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=True)._tokenizer
    raise FileNotFoundError(f"no tokenizer in {folder}: put BERT's tokenizer.json or vocab.txt there")
