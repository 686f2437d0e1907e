"""Visual Genome `relationships.json` of all releases, with `objects.json` and `attributes.json` of the same release.

Relations carry their own ends, and those are what is joined: in release 1.4 a fifth of the ends have an `object_id`
that `objects.json` does not know. Objects without relations come from the other two files. Release 1.0 writes `id` for
`image_id`, `object_id` and `relationship_id`; ends have a `name` or a list of `names`, in 1.4 both occur.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from visual_relations.datasets.annotations.builder import GraphBuilder
from visual_relations.datasets.annotations.dataset import AnnotationDataset
from visual_relations.datasets.annotations.files import read_list
from visual_relations.datasets.annotations.images import add_unknown_images, read_image_data, with_splits
from visual_relations.datasets.annotations.records import Children, Id, Rejects, decode_all
from visual_relations.graphs.tables import RawGraphs


class _Object(msgspec.Struct, gc=False):
    x: float
    y: float
    w: float
    h: float
    object_id: Id | None = None
    id: Id | None = None
    name: str | None = None
    names: list[str] | None = None
    attributes: list[str] | None = None


class _Relation(msgspec.Struct, gc=False):
    predicate: str
    subject: _Object
    object: _Object
    relationship_id: Id | None = None
    id: Id | None = None


class _Relations(msgspec.Struct, gc=False):
    relationships: list[_Relation]
    image_id: Id | None = None
    id: Id | None = None


class _Objects(msgspec.Struct, gc=False):
    children: list[_Object] = msgspec.field(name="objects")
    image_id: Id | None = None
    id: Id | None = None


class _Attributes(msgspec.Struct, gc=False):
    children: list[_Object] = msgspec.field(name="attributes")
    image_id: Id | None = None
    id: Id | None = None


@dataclass(frozen=True)
class _File:
    type: type[_Relations | _Objects | _Attributes]
    children: Children


_FILES = {
    "objects": _File(_Objects, Children("objects", "object", _Object)),
    "attributes": _File(_Attributes, Children("attributes", "object", _Object)),
    "relationships": _File(_Relations, Children("relationships", "relation", _Relation)),
}

_log = logging.getLogger(__name__)


class VisualGenomeRelationshipsDataset(AnnotationDataset):
    """Reads releases 1.0, 1.2 and 1.4 from their separate files, at least one of the first three.

    Where files disagree on an object, `objects` is believed before `attributes` before the relations' own ends.

    Args:
        relationships: `relationships.json`.
        objects: `objects.json`.
        attributes: `attributes.json`.
        image_data: `image_data.json`.
        splits: {"train": [ids], …}.
        metadata: For Kedro-Viz.
    """

    def __init__(
        self,
        image_data: str,
        relationships: str | None = None,
        objects: str | None = None,
        attributes: str | None = None,
        splits: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            metadata,
            relationships=relationships,
            objects=objects,
            attributes=attributes,
            image_data=image_data,
            splits=splits,
        )

    def _read(self) -> RawGraphs:
        builder = GraphBuilder()
        collected = _Collected(builder)
        for role, file in _FILES.items():
            if role in self.paths:
                collected.read(self.paths[role], file)
        collected.add_objects()
        rejects = builder.rejects(self.paths["image_data"].name)
        known, n_images = read_image_data(self.paths["image_data"], rejects)
        images = add_unknown_images(known, pl.Series(list(collected.objects), dtype=pl.String))
        builder.found["image"] = n_images - rejects.count("image") + images.height - known.height
        return builder.build(images=with_splits(images, self.paths.get("splits")))


class _Collected:
    """Objects of all files by image and id; relations go straight to the builder."""

    def __init__(self, builder: GraphBuilder) -> None:
        self.objects: dict[str, dict[str, _Object]] = {}
        self._builder = builder
        self._n_moved = 0

    def read(self, path: Path, file: _File) -> None:
        """Read one file; each image comes once in it."""
        rejects, seen = self._builder.rejects(path.name), set[str]()
        for _, record in decode_all(read_list(path), file.type, (file.children,), rejects):
            image_id = _either(record.image_id, record.id)
            if image_id is None or image_id in seen:
                reason = "neither `image_id` nor `id`" if image_id is None else "this image occurs twice"
                rejects.add("image", image_id, msgspec.to_builtins(record), reason)
                rejects.add_all((file.children,), image_id, msgspec.to_builtins(record), "its image was rejected")
                continue
            seen.add(image_id)
            known = self.objects.setdefault(image_id, {})
            if isinstance(record, _Relations):
                self._add_relations(image_id, known, record.relationships, rejects)
            else:
                self._add_objects(image_id, known, record.children, rejects)

    def _add_objects(self, image_id: str, known: dict[str, _Object], items: list[_Object], rejects: Rejects) -> None:
        before = set(known)
        for item in items:
            key = _either(item.object_id, item.id)
            if key is None or (key in known and key not in before):
                reason = "neither `object_id` nor `id`" if key is None else "its object_id occurs twice in this file"
                rejects.add("object", image_id, msgspec.to_builtins(item), reason)
            elif key in known:  # the same object, met in another file: it adds its attributes
                known[key].attributes = [*(known[key].attributes or ()), *(item.attributes or ())]
            else:
                known[key] = item

    def _add_relations(
        self, image_id: str, known: dict[str, _Object], relations: list[_Relation], rejects: Rejects
    ) -> None:
        for relation in relations:
            ids = [_either(end.object_id, end.id) for end in (relation.subject, relation.object)]
            relation_id = _either(relation.relationship_id, relation.id)
            if None in ids or relation_id is None:
                missing = "an end" if None in ids else "it"
                rejects.add("relation", image_id, msgspec.to_builtins(relation), f"{missing} has no id")
                continue
            for key, end in zip(ids, (relation.subject, relation.object), strict=True):
                first = known.setdefault(str(key), end)
                self._n_moved += (first.x, first.y, first.w, first.h) != (end.x, end.y, end.w, end.h)
            self._builder.found["relation"] += 1
            self._builder.relation(image_id, relation_id, str(ids[0]), str(ids[1]), relation.predicate)

    def add_objects(self) -> None:
        """Hand the objects to the builder."""
        if self._n_moved:
            _log.info("%d relation ends have another box than the object of their id: that box is kept", self._n_moved)
        for image_id, objects in self.objects.items():
            for key, item in objects.items():
                self._builder.found["object"] += 1
                names = item.names or ([] if item.name is None else [item.name])
                box = (item.x, item.y, item.x + item.w, item.y + item.h)
                self._builder.object(image_id, key, names, box, item.attributes or ())


def _either(first: Id | None, second: Id | None) -> str | None:
    """The id under its newer or its older name."""
    found = second if first is None else first
    return None if found is None else str(found)
