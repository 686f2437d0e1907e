"""What every model must be able to do to stand in the scoreboard.

A scorer encodes pictures and texts by themselves, once each, and then scores pairs of encodings. Implementations:
`clip_scorer`, `vision_language_scorer`, `captioner_scorer`; anything with this interface fits.

Legend: N pictures, M texts, P pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Encoded = Mapping[str, NDArray[Any]]  # named arrays of one row per input; widths are the same in every call
Floats = NDArray[np.float32]


class Scorer(Protocol):
    """How well a picture and a text belong together; higher is better.

    Attributes:
        name: As it stands in the tables.
        fingerprint: Of weights, preprocessing and everything else that scores depend on.
        threshold: Score from which the model says that they match; None if it was never taught to say so.
        looks: False for a control that does not see the picture.
    """

    name: str
    fingerprint: str
    threshold: float | None
    looks: bool

    def encode_images(self, images: Sequence[Image.Image]) -> Encoded:
        """Encode N pictures (RGB)."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Encoded:
        """Encode M texts."""
        ...

    def score_pairs(self, images: Encoded, texts: Encoded) -> Floats:
        """Score row p of `images` with row p of `texts` (P,)."""
        ...


@runtime_checkable
class RetrievalScorer(Scorer, Protocol):
    """A scorer that can compare whole collections."""

    def similarity(self, images: Encoded, texts: Encoded) -> Floats:
        """Score every picture with every text, cheaply (N, M).

        Both come with those of their arrays only that hold one vector per input.
        """
        ...


@runtime_checkable
class Reranker(Scorer, Protocol):
    """A scorer whose retrieval has a second, dearer look at the best candidates."""

    def rerank_pairs(self, images: Encoded, texts: Encoded) -> Floats:
        """Score row p of `images` with row p of `texts` (P,), on the scale that candidates are re-ranked by."""
        ...
