"""Captions from anywhere, as one table, with whatever opens their pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from PIL import Image

from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.image_shards import ImageShards

# One row per caption; boxes (pixels of the original image) for phrases about a part of it, null for the others.
CAPTIONS = pl.Schema(
    {
        "image": pl.String(),  # name of the picture, for `open`
        "image_id": pl.String(),  # in the tables of the world; null when it is in none
        "text": pl.String(),
        "x": pl.Float32(),
        "y": pl.Float32(),
        "w": pl.Float32(),
        "h": pl.Float32(),
        "block": pl.String(),  # samples that lie next to each other on disk
    }
)

Read = Callable[[], tuple[pl.DataFrame, Counter[str]]]


@dataclass(frozen=True)
class CaptionSource:
    """One collection of captions.

    Attributes:
        name: Of the collection.
        read: Yields `CAPTIONS`, and how many records had which fate ("success" and reasons why not).
        pictures: Opens the pictures.
    """

    name: str
    read: Read
    pictures: ImageFolder | ImageShards

    def open(self, name: str) -> Image.Image:
        """Decode a picture.

        Raises:
            ImageError: If it is missing or cannot be used.
        """
        return self.pictures.open(name)
