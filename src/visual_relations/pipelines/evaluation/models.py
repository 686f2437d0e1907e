"""The project's models as scorers (see `scorers.Scorer`): CLIP, the ALBEF family, captioners, and language alone.

Legend: N pictures, M texts, P pairs, D feature width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.captioning.captioner import Captioner
from visual_relations.captioning.scoring import caption_log_likelihood, text_log_likelihood
from visual_relations.captioning.views import encode_with_views
from visual_relations.clip.frozen import FrozenClip
from visual_relations.pipelines.evaluation.scorers import Encoded, Floats
from visual_relations.vision_language import scoring as vision_language
from visual_relations.vision_language.captions import clean_caption
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.tokenizer import WordPiece


class ClipScorer:
    """Cosine of CLIP's image and text features. It was never taught to say yes or no."""

    threshold: float | None = None
    looks = True

    def __init__(self, clip: FrozenClip, name: str) -> None:
        self._clip = clip
        self.name = name
        self.fingerprint = clip.fingerprint

    def encode_images(self, images: Sequence[Image.Image]) -> Encoded:
        """Unit vectors (N, D)."""
        return {"features": _units(self._clip.encode_images(images))}

    def encode_texts(self, texts: Sequence[str]) -> Encoded:
        """Unit vectors (M, D)."""
        return {"features": _units(self._clip.encode_texts(texts))}

    def score_pairs(self, images: Encoded, texts: Encoded) -> Floats:
        """Cosines (P,)."""
        return np.einsum("pd,pd->p", images["features"], texts["features"])

    def similarity(self, images: Encoded, texts: Encoded) -> Floats:
        """Cosines (N, M)."""
        return images["features"] @ texts["features"].T


class MatchScorer:
    """ALBEF, X-VLM and what is built on them: the probability that a text matches; retrieval re-ranks by its logit.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        name: As it stands in the tables.
        texts: All texts that will be scored: their longest one fixes the width of stored encodings.
        device: Where to compute.
    """

    threshold: float | None = 0.5
    looks = True

    def __init__(
        self,
        model: VisionLanguageModel,
        tokenizer: WordPiece,
        name: str,
        texts: Sequence[str],
        device: torch.device | str = "cpu",
    ) -> None:
        self._scorer = vision_language.Scorer(model, tokenizer, device)
        self._length = tokenizer.encode([clean_caption(text, 40) for text in texts]).ids.shape[1]
        self.name = name
        self.fingerprint = fingerprint(_weights(model), self._length)

    def encode_images(self, images: Sequence[Image.Image]) -> Encoded:
        """Tokens (N, T, D) and unit vectors (N, E)."""
        encoded = self._scorer.encode_images(images)
        return {"tokens": encoded.tokens.cpu().numpy(), "features": encoded.features.cpu().numpy()}

    def encode_texts(self, texts: Sequence[str]) -> Encoded:
        """States (M, L, D) and mask (M, L), padded to the longest of all texts, and unit vectors (M, E)."""
        encoded = self._scorer.encode_texts(texts)
        missing = self._length - encoded.mask.shape[1]
        states = np.pad(encoded.states.cpu().numpy(), ((0, 0), (0, missing), (0, 0)))
        mask = np.pad(encoded.mask.cpu().numpy(), ((0, 0), (0, missing)))
        return {"states": states, "mask": mask, "features": encoded.features.cpu().numpy()}

    def score_pairs(self, images: Encoded, texts: Encoded) -> Floats:
        """Probabilities of a match (P,)."""
        return self._logits(images, texts).softmax(-1)[:, 1].numpy()

    def rerank_pairs(self, images: Encoded, texts: Encoded) -> Floats:
        """Logits of a match (P,)."""
        return self._logits(images, texts)[:, 1].numpy()

    def similarity(self, images: Encoded, texts: Encoded) -> Floats:
        """Cosines (N, M)."""
        return images["features"] @ texts["features"].T

    def _logits(self, images: Encoded, texts: Encoded) -> torch.Tensor:
        shown = vision_language.EncodedImages(*(torch.from_numpy(images[n]) for n in ("tokens", "features")))
        read = vision_language.EncodedTexts(*(torch.from_numpy(texts[n]) for n in ("states", "mask", "features")))
        own = np.arange(len(images["features"]))
        return self._scorer.match_logits(shown, read, np.stack([own, own], axis=1)).float()


class CaptionerScorer:
    """Log-probability per token that a captioner gives to a text.

    Args:
        captioner: The captioner.
        tokenizer: Of its language model.
        clip: What it looks through.
        name: As it stands in the tables.
    """

    threshold: float | None = None
    looks = True

    def __init__(self, captioner: Captioner, tokenizer: PreTrainedTokenizerBase, clip: FrozenClip, name: str) -> None:
        self._captioner, self._tokenizer, self._clip = captioner, tokenizer, clip
        self.name = name
        self.fingerprint = fingerprint(_weights(captioner), captioner.config, clip.fingerprint)

    def encode_images(self, images: Sequence[Image.Image]) -> Encoded:
        """CLIP features as they are, with those of the captioner's views (N, D)."""
        vectors_ND = encode_with_views(self._clip.encode_images, images, self._captioner.config.views)
        return {"features": vectors_ND.cpu().numpy()}

    def encode_texts(self, texts: Sequence[str]) -> Encoded:
        """The texts themselves as UTF-8 (M, bytes): a causal model cannot read them before it has seen the picture."""
        return {"text": _as_bytes(texts)}

    def score_pairs(self, images: Encoded, texts: Encoded) -> Floats:
        """Mean log-probabilities of the texts' tokens (P,)."""
        written = _as_texts(texts["text"])
        scores = caption_log_likelihood(self._captioner, self._tokenizer, images["features"], written)
        return scores.astype(np.float32)


class LanguageScorer:
    """Log-probability per token without any picture: what a benchmark's texts give away by themselves."""

    threshold: float | None = None
    looks = False

    def __init__(self, language_model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str) -> None:
        self._language_model, self._tokenizer = language_model, tokenizer
        self.name = name
        self.fingerprint = fingerprint(_weights(language_model))

    def encode_images(self, images: Sequence[Image.Image]) -> Encoded:
        """Nothing (N, 0)."""
        return {"nothing": np.zeros((len(images), 0), dtype=np.float32)}

    def encode_texts(self, texts: Sequence[str]) -> Encoded:
        """Mean log-probabilities (M, 1)."""
        scores = text_log_likelihood(self._language_model, self._tokenizer, texts)
        return {"score": scores.astype(np.float32)[:, None]}

    def score_pairs(self, images: Encoded, texts: Encoded) -> Floats:  # noqa: ARG002
        """The texts' own scores (P,)."""
        return texts["score"][:, 0]


MOST_BYTES = 2_000


def _as_bytes(texts: Sequence[str]) -> NDArray[np.bytes_]:
    encoded = [text.encode() for text in texts]
    if too_long := [text for text in encoded if len(text) > MOST_BYTES]:
        raise ValueError(f"a text has {len(too_long[0]):,} bytes, more than {MOST_BYTES:,}: {too_long[0][:80]!r}…")
    return np.array(encoded, dtype=f"S{MOST_BYTES}")


def _as_texts(encoded: NDArray[np.bytes_]) -> list[str]:
    return [text.decode() for text in encoded.tolist()]


def _units(features_ND: torch.Tensor) -> Floats:
    return torch.nn.functional.normalize(features_ND, dim=-1).cpu().numpy()


def _weights(module: torch.nn.Module) -> dict[str, NDArray[np.float32]]:
    return {name: value.detach().float().cpu().numpy() for name, value in module.state_dict().items()}
