"""Which photos the evaluation sets use, read off the names of photo files in their annotations."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from visual_relations.datasets.annotations.files import AnnotationError
from visual_relations.graphs.leakage import PhotoIds, photo_ids

_TEXTS = {".json", ".jsonl", ".csv", ".tsv", ".txt"}


class EvaluationPhotosDataset(AbstractDataset[NoReturn, PhotoIds]):
    """Reads a file, or all json, jsonl, csv and txt files below a folder; without a path no photo is held out."""

    def __init__(self, filepath: str | None = None, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = None if filepath is None else Path(filepath)
        self.metadata = metadata

    def load(self) -> PhotoIds:
        """Ids of the photos in COCO, Visual Genome and on Flickr.

        Raises:
            AnnotationError: If the path is absent or a file is not UTF-8.
        """
        if self._filepath is None:
            return PhotoIds()
        if not self._filepath.exists():
            raise AnnotationError(
                f"{self._filepath} is not there. Put the evaluation sets there, or set the path to null in the catalog."
            )
        below = sorted(self._filepath.rglob("*")) if self._filepath.is_dir() else [self._filepath]
        return reduce(PhotoIds.__or__, (_read(path) for path in below if path.suffix in _TEXTS), PhotoIds())

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: published annotations are never edited."""
        raise DatasetError(f"EvaluationPhotosDataset is read-only: {self._filepath}")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _exists(self) -> bool:
        return self._filepath is None or self._filepath.exists()


def _read(path: Path) -> PhotoIds:
    try:
        return photo_ids(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: {error}. It should be UTF-8 text: fetch it again.") from error
