"""Visual Genome `scene_graphs.json` (release 1.2; unchanged in 1.4): objects and relations of each image."""

from __future__ import annotations

import gc
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from visual_relations.datasets.annotations import columns
from visual_relations.datasets.annotations.dataset import AnnotationDataset
from visual_relations.datasets.annotations.files import read_list
from visual_relations.datasets.annotations.images import add_unknown_images, read_image_data, with_splits
from visual_relations.datasets.annotations.parallel import in_parts
from visual_relations.datasets.annotations.records import Children, Id, Rejects, decode_all
from visual_relations.graphs.boxes import from_corner_and_size
from visual_relations.graphs.tables import RAW_OBJECTS, RAW_RELATIONS, RawGraphs, empty, rejected_frame

BATCH = 250  # images turned into columns at once: so few that their records are still in the cache


class SceneObject(msgspec.Struct, gc=False):
    """A box with its names; `attributes` is absent when there are none."""

    object_id: Id
    x: float
    y: float
    w: float
    h: float
    names: tuple[str, ...]
    attributes: tuple[str, ...] | None = ()


class SceneRelation(msgspec.Struct, gc=False):
    """A relation between two objects of the image."""

    relationship_id: Id
    predicate: str
    subject_id: Id
    object_id: Id


class SceneGraph(msgspec.Struct, gc=False):
    """One record of the file."""

    image_id: Id
    objects: list[SceneObject]
    relationships: list[SceneRelation]


CHILDREN = (Children("objects", "object", SceneObject), Children("relationships", "relation", SceneRelation))


class VisualGenomeDataset(AnnotationDataset):
    """Reads `scene_graphs.json` (filepath) with `image_data` and, if there are any, `splits`."""

    def __init__(
        self, filepath: str, image_data: str, splits: str | None = None, metadata: dict[str, object] | None = None
    ) -> None:
        super().__init__(metadata, scene_graphs=filepath, image_data=image_data, splits=splits)

    def _read(self) -> RawGraphs:
        image_rejects = Rejects(self.paths["image_data"].name)
        known, n_images = read_image_data(self.paths["image_data"], image_rejects)
        parts = in_parts(_read_part, self._filepath)
        image_ids = pl.concat(part.image_ids for part in parts)
        if len(parts) > 1 and image_ids.n_unique() < len(image_ids):
            # An image occurs in two parts: only reading in one go can tell which record comes first.
            parts = [_read_part(self._filepath, 0.0, 1.0)]
            image_ids = parts[0].image_ids
        images = add_unknown_images(known, image_ids)
        rejected = rejected_frame([*image_rejects.rows, *(row for part in parts for row in part.rejects)])
        n_records = {kind: sum(part.n_records[kind] for part in parts) for kind in ("object", "relation")}
        n_broken = sum(row["kind"] == "image" for part in parts for row in part.rejects)
        return RawGraphs(
            with_splits(images, self.paths.get("splits")),
            pl.concat(part.objects for part in parts),
            pl.concat(part.relations for part in parts),
            rejected,
            {"image": n_images + images.height - known.height + n_broken, **n_records},
        )


@dataclass(frozen=True)
class _Part:
    """A run of the file's records as columns."""

    image_ids: pl.Series
    objects: pl.DataFrame
    relations: pl.DataFrame
    rejects: list[dict[str, str | None]]
    n_records: dict[str, int]

    def __reduce__(self) -> tuple[Any, ...]:
        # Between processes: as Arrow's own bytes, which takes a quarter of the time of polars' pickling.
        frames = [_to_bytes(frame) for frame in (self.image_ids.to_frame(), self.objects, self.relations)]
        return _part_of_bytes, (frames, self.rejects, self.n_records)


def _to_bytes(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="uncompressed")
    return buffer.getvalue()


def _part_of_bytes(frames: list[bytes], rejects: list[dict[str, str | None]], n_records: dict[str, int]) -> _Part:
    image_ids, objects, relations = map(pl.read_ipc, frames)
    return _Part(image_ids.to_series(), objects, relations, rejects, n_records)


def _read_part(path: Path, start: float, stop: float) -> _Part:
    rejects = Rejects(path.name)
    raw = read_list(path)
    raw = raw[round(start * len(raw)) : round(stop * len(raw))]
    n_records = {"object": 0, "relation": 0}
    objects, relations, image_ids = [empty(RAW_OBJECTS)], [empty(RAW_RELATIONS)], [pl.Series(dtype=pl.String)]
    with _no_garbage_collection():
        for batch in _batches(_unique(decode_all(raw, SceneGraph, CHILDREN, rejects), rejects)):
            objects.append(_objects(batch))
            relations.append(_relations(batch))
            image_ids.append(columns.ids([graph.image_id for graph in batch]))
            n_records["object"] += sum(len(graph.objects) for graph in batch)
            n_records["relation"] += sum(len(graph.relationships) for graph in batch)
    n_records = {kind: number + rejects.count(kind) for kind, number in n_records.items()}
    return _Part(pl.concat(image_ids), pl.concat(objects), pl.concat(relations), rejects.rows, n_records)


def _unique(graphs: Iterator[tuple[None, SceneGraph]], rejects: Rejects) -> Iterator[SceneGraph]:
    """Pass on the first graph of each image."""
    seen: set[str] = set()
    for _, graph in graphs:
        if str(graph.image_id) in seen:
            rejects.add_again(CHILDREN, graph.image_id, graph)
        else:
            seen.add(str(graph.image_id))
            yield graph


def _objects(graphs: Sequence[SceneGraph]) -> pl.DataFrame:
    records = list(chain.from_iterable(graph.objects for graph in graphs))
    x, y, w, h = (columns.numbers(records, key) for key in "xywh")
    x1, y1, x2, y2 = from_corner_and_size(x, y, w, h)
    names = columns.field(records, "names")
    return pl.DataFrame(
        {
            "image_id": columns.repeated([g.image_id for g in graphs], [len(g.objects) for g in graphs]),
            "object_id": columns.ids(columns.field(records, "object_id")),
            "name": columns.first_texts(names),
            "other_names": columns.rest(names),
            "attributes": columns.lists(columns.field(records, "attributes")),
            "x1": x1,
            "y1": y1,
            "x2": x2,
            "y2": y2,
        },
        schema=RAW_OBJECTS,
    )


def _relations(graphs: Sequence[SceneGraph]) -> pl.DataFrame:
    records = list(chain.from_iterable(graph.relationships for graph in graphs))
    return pl.DataFrame(
        {
            "image_id": columns.repeated([g.image_id for g in graphs], [len(g.relationships) for g in graphs]),
            "relation_id": columns.ids(columns.field(records, "relationship_id")),
            "subject_id": columns.ids(columns.field(records, "subject_id")),
            "object_id": columns.ids(columns.field(records, "object_id")),
            "predicate": columns.texts(columns.field(records, "predicate")),
        },
        schema=RAW_RELATIONS,
    )


def _batches(graphs: Iterator[SceneGraph]) -> Iterator[list[SceneGraph]]:
    while batch := list(islice(graphs, BATCH)):
        yield batch


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Millions of small lists make the cycle collector run for nothing: records have no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
