"""Collections of captions in the formats they are published in, as one catalog entry.

Each source has a format, a file of captions and a folder of images, below the entry's `filepath`:

- coco: `{format: coco, captions: captions_train2017.json, images: train2017}`
- Visual Genome: `{format: visual_genome_regions, captions: region_descriptions.json, images: VG_100K}`
- shards written by img2dataset: `{format: shards, images: cc3m}`
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, Literal, NoReturn

import msgspec
import polars as pl
from kedro.io import AbstractDataset
from pydantic import BaseModel, ConfigDict

from visual_relations.artefacts.caption_source import CAPTIONS, CaptionSource
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.image_shards import ImageShards
from visual_relations.datasets.annotations.files import AnnotationError, read_json


class SourceConfig(BaseModel):
    """One collection in the catalog; `captions` is not used by shards, which carry their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["coco", "visual_genome_regions", "shards"]
    images: str
    captions: str = ""
    subfolders: tuple[str, ...] = ()


class _CocoImage(msgspec.Struct):
    id: int
    file_name: str


class _CocoCaption(msgspec.Struct):
    image_id: int
    caption: str


class _Coco(msgspec.Struct):
    images: list[_CocoImage]
    annotations: list[_CocoCaption]


class _Region(msgspec.Struct):
    phrase: str
    x: float
    y: float
    width: float
    height: float


class _RegionImage(msgspec.Struct):
    id: int
    regions: list[_Region]


class CaptionSourcesDataset(AbstractDataset[NoReturn, dict[str, CaptionSource]]):
    """Reads captions; nothing is read before it is asked for.

    Args:
        filepath: Folder of all collections.
        sources: What is where below it, by name.
        metadata: For Kedro-Viz.
    """

    def __init__(
        self, filepath: str, sources: dict[str, dict[str, Any]], metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath = Path(filepath)
        self._sources = {name: SourceConfig.model_validate(config) for name, config in sources.items()}
        self.metadata = metadata

    def load(self) -> dict[str, CaptionSource]:
        """Collections by name."""
        return {name: self._source(name, config) for name, config in self._sources.items()}

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: what was published is never changed."""
        raise AnnotationError(f"{type(self).__name__} is read-only: {self._filepath}")

    def _source(self, name: str, config: SourceConfig) -> CaptionSource:
        images, captions = self._filepath / config.images, self._filepath / config.captions
        if config.format == "shards":
            shards = ImageShards(images)
            return CaptionSource(name, partial(_read_shards, shards), shards)
        folder = ImageFolder(images, config.subfolders)
        read = read_coco if config.format == "coco" else read_visual_genome_regions
        return CaptionSource(name, partial(read, captions), folder)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "sources": {n: c.model_dump() for n, c in self._sources.items()}}

    def _exists(self) -> bool:
        return self._filepath.is_dir()


def read_coco(path: Path) -> tuple[pl.DataFrame, Counter[str]]:
    """COCO captions, one row each.

    Raises:
        AnnotationError: If the file is absent or in another format.
    """
    content: _Coco = read_json(path, _Coco, "COCO captions: images and annotations")
    names = {image.id: image.file_name for image in content.images}
    known = [each for each in content.annotations if each.image_id in names and each.caption.strip()]
    fates = Counter({"success": len(known), "no image record or no text": len(content.annotations) - len(known)})
    rows = {
        "image": [names[each.image_id] for each in known],
        "image_id": [str(each.image_id) for each in known],
        "text": [each.caption for each in known],
    }
    return _table(rows), +fates


def read_visual_genome_regions(path: Path) -> tuple[pl.DataFrame, Counter[str]]:
    """Visual Genome's region descriptions: phrases with a box.

    Raises:
        AnnotationError: If the file is absent or in another format.
    """
    content: list[_RegionImage] = read_json(path, list[_RegionImage], "Visual Genome's region_descriptions.json")
    regions = [(str(image.id), region) for image in content for region in image.regions]
    kept = [(image, each) for image, each in regions if each.phrase.strip() and each.width > 0 and each.height > 0]
    fates = Counter({"success": len(kept), "no phrase or no area": len(regions) - len(kept)})
    rows = {
        "image": [f"{image}.jpg" for image, _ in kept],
        "image_id": [image for image, _ in kept],
        "text": [each.phrase for _, each in kept],
        **{
            column: [getattr(each, field) for _, each in kept]
            for column, field in (("x", "x"), ("y", "y"), ("w", "width"), ("h", "height"))
        },
    }
    return _table(rows), +fates


def _read_shards(shards: ImageShards) -> tuple[pl.DataFrame, Counter[str]]:
    found, fates = shards.index()
    return _table(found.to_dict(as_series=False)), fates


def _table(columns: dict[str, list[Any]]) -> pl.DataFrame:
    height = len(columns["image"])
    return pl.DataFrame({name: columns.get(name, [None] * height) for name in CAPTIONS}, schema=CAPTIONS)
