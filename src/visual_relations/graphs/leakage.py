"""Keeping photos of evaluation sets out of training: the same photo has ids in COCO, Visual Genome and on Flickr.

Half of Visual Genome is in COCO, GQA is Visual Genome, VRD and COCO share photos by their Flickr ids, and the probing
sets draw on all of them. Names of photo files give the ids away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

_PHOTO = r"\.(?:jpe?g|png|gif)\b"
_PATTERNS = {
    # COCO_val2014_000000391895.jpg, and the twelve digits of 2017
    "coco": re.compile(rf"(?<![0-9a-zA-Z_])(?:COCO_(?:train|val|test)20\d\d_)?(\d{{12}}){_PHOTO}"),
    # v7w_2383458.jpg of Visual7W, VG_100K_2/2383458.jpg, 2383458.jpg
    "visual_genome": re.compile(rf"(?<![0-9a-zA-Z_])(?:v7w_)?([1-9]\d{{0,7}}){_PHOTO}"),
    # 2113966890_c65030a7e7_o.jpg of VRD and of flickr.com addresses
    "flickr": re.compile(rf"(?<![0-9a-zA-Z_])(\d{{4,11}})_[0-9a-f]{{8,10}}(?:_[a-z0-9]+)?{_PHOTO}"),
}


@dataclass(frozen=True)
class PhotoIds:
    """Ids of photos in the collections they come from, without leading zeros."""

    coco: frozenset[str] = frozenset()
    visual_genome: frozenset[str] = frozenset()
    flickr: frozenset[str] = frozenset()

    def __or__(self, other: PhotoIds) -> PhotoIds:
        """The photos of both."""
        return PhotoIds(self.coco | other.coco, self.visual_genome | other.visual_genome, self.flickr | other.flickr)

    def __len__(self) -> int:
        """How many ids are known; a photo with two ids counts twice."""
        return len(self.coco) + len(self.visual_genome) + len(self.flickr)


def photo_ids(text: str) -> PhotoIds:
    """Find the ids in all names of photo files in a text, whatever its format.

    Args:
        text: Content of an annotation file, or a single file name.
    """
    found = {
        kind: frozenset(number.lstrip("0") or "0" for number in pattern.findall(text))
        for kind, pattern in _PATTERNS.items()
    }
    return PhotoIds(**found)


def evaluation_images(images: pl.DataFrame, evaluation: PhotoIds) -> pl.Series:
    """Tell which images are photos of an evaluation set.

    Args:
        images: With `file_name`, `coco_id` and `flickr_id`, as all readers yield them.
        evaluation: Photos of evaluation sets.

    Returns:
        For each image the reason, such as "COCO image 391895 is used for evaluation", or null.
    """
    own = [photo_ids(name or "") for name in images["file_name"]]
    columns: Mapping[str, tuple[str, Iterable[frozenset[str]], frozenset[str]]] = {
        "COCO": ("coco_id", (ids.coco for ids in own), evaluation.coco),
        "Visual Genome": ("", (ids.visual_genome for ids in own), evaluation.visual_genome),
        "Flickr": ("flickr_id", (ids.flickr for ids in own), evaluation.flickr),
    }
    reasons: list[str | None] = [None] * images.height
    for collection, (column, by_name, wanted) in columns.items():
        given = images[column].cast(pl.String) if column else [None] * images.height
        for row, (named, number) in enumerate(zip(by_name, given, strict=True)):
            hits = (named | {number}) & wanted
            if hits and reasons[row] is None:
                reasons[row] = f"{collection} image {min(hits)} is used for evaluation"
    return pl.Series("reason", reasons, dtype=pl.String)
