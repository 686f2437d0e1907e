"""Zero-shot scores of images and texts: match scores of any pairs, similarities, and retrieval that re-ranks.

As the published zero-shot evaluations do it: pictures squashed to a square, captions cleaned to 40 words, everything in
evaluation mode. Each image and each text is encoded once, however many pairs it is in.

    scorer = Scorer(model, WordPiece(folder))
    scores = scorer.score(images, texts, pairs)     # probability that text pairs[p, 1] describes image pairs[p, 0]

Shapes: N images, M texts, P pairs, T and L tokens, D widths, E embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from torch import Tensor

from visual_relations.metrics.matching.retrieval import rerank
from visual_relations.vision_language.captions import clean_caption
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.pixels import prepare
from visual_relations.vision_language.tokenizer import WordPiece

Floats = NDArray[np.float32]
Pairs = NDArray[np.int64]


class EncodedImages(NamedTuple):
    """Tokens (N, T, D) and unit vectors (N, E)."""

    tokens: Tensor
    features: Tensor


class EncodedTexts(NamedTuple):
    """States (M, L, D), mask (M, L) and unit vectors (M, E)."""

    states: Tensor
    mask: Tensor
    features: Tensor


class Scorer:
    """Scores images against texts with one model.

    Args:
        model: Is put in evaluation mode and on the device.
        tokenizer: Needed for texts given as strings.
        device: Where to compute.
        batch: Images, texts or pairs at a time.
        most_words: Words kept of a caption.
    """

    def __init__(
        self,
        model: VisionLanguageModel,
        tokenizer: WordPiece | None = None,
        device: torch.device | str = "cpu",
        batch: int = 128,
        most_words: int = 40,
    ) -> None:
        self.model = model.eval().to(device)
        self._tokenizer = tokenizer
        self._device = torch.device(device)
        self._batch = batch
        self._most_words = most_words

    def score(self, images: Sequence[Image.Image], texts: Sequence[str], pairs: ArrayLike) -> Floats:
        """Match scores of pairs.

        Images are taken one batch at a time, so a sequence that opens its pictures on demand can be of any length.

        Args:
            images: Pictures.
            texts: Raw captions.
            pairs: (P, 2) rows of image and text.

        Returns:
            (P,) probabilities that the text describes the image.
        """
        pairs_P2 = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
        encoded_texts = self.encode_texts(texts)
        scores = np.zeros(len(pairs_P2), dtype=np.float32)
        wanted = np.unique(pairs_P2[:, 0])
        for chunk in _chunks(len(wanted), self._batch):
            rows = wanted[chunk]
            encoded = self.encode_images([images[row] for row in rows])
            places = np.flatnonzero(np.isin(pairs_P2[:, 0], rows))
            local = np.stack([np.searchsorted(rows, pairs_P2[places, 0]), pairs_P2[places, 1]], axis=1)
            scores[places] = _probability(self.match_logits(encoded, encoded_texts, local))
        return scores

    def retrieve(self, images: EncodedImages, texts: EncodedTexts, best: int) -> tuple[Floats, Floats]:
        """Rank everything by similarity, then score the best candidates again by matching.

        Args:
            images: Encoded images.
            texts: Encoded texts.
            best: Candidates per query (the originals: 128 for Flickr30K, 256 for COCO).

        Returns:
            Matrices (N, M) for finding texts of images and images of texts: the matching logit, -100 for the rest.
        """
        first = self.similarities(images, texts)
        score_pairs = self._score_pairs(images, texts)
        return rerank(first, best, score_pairs, by="image"), rerank(first, best, score_pairs, by="text")

    def similarities(self, images: EncodedImages, texts: EncodedTexts) -> Floats:
        """Cosine similarities (N, M)."""
        return (images.features @ texts.features.t()).cpu().numpy()

    @torch.inference_mode()
    def match_logits(self, images: EncodedImages, texts: EncodedTexts, pairs: ArrayLike) -> Tensor:
        """Scores (P, 2) of "does not match" and "matches"."""
        pairs_P2 = torch.as_tensor(np.asarray(pairs, dtype=np.int64).reshape(-1, 2))
        logits = [torch.zeros(0, 2)]
        for chunk in _chunks(len(pairs_P2), self._batch):
            image, text = pairs_P2[chunk].unbind(1)
            length = int(texts.mask[text].sum(1).max())
            states, mask = texts.states[text, :length], texts.mask[text, :length]
            logits.append(self.model.match_logits(self.model.fuse(states, mask, images.tokens[image])).cpu())
        return torch.cat(logits)

    @torch.inference_mode()
    def encode_images(self, images: Sequence[Image.Image] | Tensor) -> EncodedImages:
        """Encode pictures, or pixels that are already normalised."""
        tokens = []
        for chunk in _chunks(len(images), self._batch):
            part = images[chunk]
            pixels = part if isinstance(part, Tensor) else prepare(part, self.model.config)
            tokens.append(self.model.encode_images(pixels.to(self._device)))
        joined = torch.cat(tokens)
        return EncodedImages(joined, self.model.image_features(joined))

    def encode_texts(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode captions."""
        if self._tokenizer is None:
            raise ValueError("this scorer has no tokenizer: give it one, or encode ids with encode_ids")
        encoded = self._tokenizer.encode([clean_caption(text, self._most_words) for text in texts])
        return self.encode_ids(torch.from_numpy(encoded.ids), torch.from_numpy(encoded.mask))

    @torch.inference_mode()
    def encode_ids(self, ids_ML: Tensor, mask_ML: Tensor) -> EncodedTexts:
        """Encode texts given as token ids."""
        ids, mask = ids_ML.to(self._device), mask_ML.to(self._device)
        parts = [self.model.encode_texts(ids[chunk], mask[chunk]) for chunk in _chunks(len(ids), self._batch)]
        states = torch.cat(parts)
        return EncodedTexts(states, mask, self.model.text_features(states))

    def _score_pairs(self, images: EncodedImages, texts: EncodedTexts) -> Callable[[Pairs, Pairs], Floats]:
        def score(image_P: Pairs, text_P: Pairs) -> Floats:
            return self.match_logits(images, texts, np.stack([image_P, text_P], axis=1))[:, 1].numpy()

        return score


def _probability(logits_P2: Tensor) -> Floats:
    return logits_P2.float().softmax(-1)[:, 1].numpy()


def _chunks(length: int, size: int) -> Iterator[slice]:
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))
