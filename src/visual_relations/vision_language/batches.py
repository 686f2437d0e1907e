"""What the losses of pretraining read: one batch comes from one stream.

Shapes: B images, N texts, R regions or entities, P pairs, L text tokens, T image tokens, S pixels.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Texts(NamedTuple):
    """Texts with and without hidden words.

    Attributes:
        ids: Token ids (N, L).
        mask: 1 for tokens, 0 for padding (N, L).
        hidden: Token ids with words hidden (N, L).
        labels: The hidden words, `IGNORED` elsewhere (N, L).
        identity: Equal numbers where texts are the same (N,); None: every text counts as another.
    """

    ids: Tensor
    mask: Tensor
    hidden: Tensor
    labels: Tensor
    identity: Tensor | None


class CaptionBatch(NamedTuple):
    """Images (B, 3, S, S), each with a text: a caption or a graph sentence."""

    stream: str
    step: int
    images: Tensor
    texts: Texts


class RegionBatch(NamedTuple):
    """Regions of images, each with a text.

    Attributes:
        stream: Name of the stream.
        step: Number of the optimiser step.
        images: (B, 3, S, S).
        image_of: Row of the image of each region (R,).
        mask: 1 for the patches that a region touches, and for the first token (R, T).
        texts: One per region.
        boxes: Centre, width, height as shares of the image (R, 4).
        is_image: 1 where the "region" is the whole image with its caption (R,).
    """

    stream: str
    step: int
    images: Tensor
    image_of: Tensor
    mask: Tensor
    texts: Texts
    boxes: Tensor
    is_image: Tensor


class RelationBatch(NamedTuple):
    """Pairs of entities and how they relate.

    Attributes:
        stream: Name of the stream.
        step: Number of the optimiser step.
        images: (B, 3, S, S).
        image_of: Row of the image of each entity (R,).
        mask: 1 for the patches that an entity touches, and for the first token (R, T).
        ids: The entities' labels as token ids (R, L).
        text_mask: 1 for tokens, 0 for padding (R, L).
        subjects: Row of each pair's subject among the entities (P,).
        objects: Row of each pair's object (P,).
        labels: Class of each pair's relation (P,).
    """

    stream: str
    step: int
    images: Tensor
    image_of: Tensor
    mask: Tensor
    ids: Tensor
    text_mask: Tensor
    subjects: Tensor
    objects: Tensor
    labels: Tensor


Batch = CaptionBatch | RegionBatch | RelationBatch
