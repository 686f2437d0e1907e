"""Collects images, objects and relations row by row, for the formats that are too small to need more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from visual_relations.datasets.annotations import columns
from visual_relations.datasets.annotations.records import Rejects
from visual_relations.graphs.tables import (
    BOX,
    KINDS,
    RAW_IMAGES,
    RAW_OBJECTS,
    RAW_RELATIONS,
    RawGraphs,
    empty,
    rejected_frame,
)

Box = Sequence[float]


class GraphBuilder:
    """Rows of the three tables, and how many records the source had.

    Attributes:
        found: Records met by kind, counted where they are read, whether they become rows or are rejected.
    """

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self._images: dict[str, dict[str, Any]] = {}
        self._objects: list[tuple[Any, ...]] = []
        self._object_ids: set[tuple[str, str]] = set()
        self._relations: list[tuple[str, ...]] = []
        self._rejects: list[Rejects] = []

    def rejects(self, source: str) -> Rejects:
        """Where to put the records of one file that do not fit."""
        rejects = Rejects(source)
        self._rejects.append(rejects)
        return rejects

    def has_image(self, image_id: str) -> bool:
        """Whether the image is there."""
        return image_id in self._images

    def has_object(self, image_id: str, object_id: str) -> bool:
        """Whether the object is there."""
        return (image_id, object_id) in self._object_ids

    def image(self, image_id: str, file_name: str, **facts: Any) -> None:
        """Add an image; facts are further columns of `RAW_IMAGES`."""
        self._images[image_id] = {"image_id": image_id, "file_name": file_name, "split": ""} | facts

    def object(
        self,
        image_id: str,
        object_id: str,
        names: Sequence[str],
        box: Box,
        attributes: Sequence[str] = (),
    ) -> None:
        """Add an object with its names (the first is its name) and its box x1, y1, x2, y2 in pixels."""
        self._object_ids.add((image_id, object_id))
        self._objects.append((image_id, object_id, names[0] if names else None, names[1:], attributes, *box))

    def relation(self, image_id: str, relation_id: str, subject_id: str, object_id: str, predicate: str) -> None:
        """Add a relation."""
        self._relations.append((image_id, relation_id, subject_id, object_id, predicate))

    def build(self, vocabulary: dict[str, list[str]] | None = None, images: pl.DataFrame | None = None) -> RawGraphs:
        """Turn the rows into tables.

        Args:
            vocabulary: Names that the format fixes.
            images: The images, where they have been read as a table.
        """
        rows = [row for rejects in self._rejects for row in rejects.rows]
        n_records = {kind: self.found[kind] + sum(row["kind"] == kind for row in rows) for kind in KINDS}
        return RawGraphs(
            pl.DataFrame(list(self._images.values()), schema=RAW_IMAGES) if images is None else images,
            _objects_frame(self._objects),
            pl.DataFrame(self._relations, schema=RAW_RELATIONS, orient="row"),
            rejected_frame(rows),
            n_records,
            vocabulary,
        )


def _objects_frame(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    if not rows:
        return empty(RAW_OBJECTS)
    image_id, object_id, name, other_names, attributes, *box = zip(*rows, strict=True)
    with np.errstate(over="ignore"):
        corners = [np.array(values, dtype=np.float64).astype(np.float32) for values in box]
    frame = pl.DataFrame(
        {
            "image_id": image_id,
            "object_id": object_id,
            "name": columns.texts(name),
            "other_names": columns.lists(other_names),
            "attributes": columns.lists(attributes),
            **dict(zip(BOX, corners, strict=True)),
        }
    )
    return frame.cast(RAW_OBJECTS)
