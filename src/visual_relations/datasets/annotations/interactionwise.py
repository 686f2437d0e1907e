"""The 150-50-50 reduction of Visual Genome: [["VG_100K/ID.jpg", {objs: [...], rels: [...]}], …].

Classes count from 0, boxes are [x1, y1, x2, y2], and a relation may carry several predicates: each becomes a relation.
Some entries are [null, null].
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from visual_relations.datasets.annotations import lenient
from visual_relations.datasets.annotations.builder import GraphBuilder
from visual_relations.datasets.annotations.dataset import AnnotationDataset
from visual_relations.datasets.annotations.files import UNREADABLE, read_json, read_list
from visual_relations.datasets.annotations.images import read_image_data
from visual_relations.datasets.annotations.records import Children, Rejects, decode_all, positioned
from visual_relations.graphs.tables import RawGraphs

Names = dict[str, list[str]]


class _Object(msgspec.Struct, gc=False):
    cls: int
    bbox: tuple[float, float, float, float]


class _Relation(msgspec.Struct, gc=False):
    sub: int
    obj: int
    pred: list[int]


class _Graph(msgspec.Struct, gc=False):
    objs: list[_Object]
    rels: list[_Relation]


CHILDREN = (Children("objs", "object", _Object, positional=True), Children("rels", "relation", _Relation))


class InteractionwiseDataset(AnnotationDataset):
    """Reads `data_annos_img_{train,test}.json` with `objects.json` and `predicates.json`.

    Args:
        objects: List of object names.
        predicates: List of predicates.
        splits: Annotations by split.
        image_data: Visual Genome's `image_data.json`, for sizes; without it they stay unknown.
        metadata: For Kedro-Viz.
    """

    def __init__(
        self,
        objects: str,
        predicates: str,
        splits: dict[str, str],
        image_data: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(metadata, **splits, objects=objects, predicates=predicates, image_data=image_data)
        self._splits = tuple(splits)

    def _read(self) -> RawGraphs:
        names: Names = {
            kind: read_json(self.paths[kind], list[str], "a list of names") for kind in ("objects", "predicates")
        }
        facts = self._image_facts()
        builder = GraphBuilder()
        for split in self._splits:
            self._read_split(builder, split, names, facts)
        return builder.build(vocabulary=names)

    def _image_facts(self) -> dict[str, dict[str, Any]]:
        if "image_data" not in self.paths:
            return {}
        images, _ = read_image_data(self.paths["image_data"], Rejects(self.paths["image_data"].name))
        return {row.pop("image_id"): row for row in images.drop("file_name", "split").to_dicts()}

    def _read_split(self, builder: GraphBuilder, split: str, names: Names, facts: dict[str, dict[str, Any]]) -> None:
        rejects = builder.rejects(self.paths[split].name)
        for file_name, graph in decode_all(self._entries(split, rejects), _Graph, CHILDREN, rejects):
            image_id = Path(file_name).stem
            if builder.has_image(image_id):
                rejects.add_again(CHILDREN, image_id, graph)
                continue
            builder.found["image"] += 1
            builder.image(image_id, file_name, split=split, **facts.get(image_id, {}))
            for number, item in positioned(graph.objs):
                _add_object(builder, rejects, image_id, number, item, names["objects"])
            for number, relation in enumerate(graph.rels):
                _add_relation(builder, rejects, image_id, number, relation, names["predicates"])

    def _entries(self, split: str, rejects: Rejects) -> list[tuple[str, msgspec.Raw]]:
        """Cut [name, graph] pairs."""
        entries = []
        for _, raw in read_list(self.paths[split]):
            try:
                entries.append(msgspec.json.decode(raw, type=tuple[str, msgspec.Raw]))
            except UNREADABLE as error:
                _reject_entry(rejects, raw, f"not a pair of file name and graph: {error}")
        return entries


def _reject_entry(rejects: Rejects, raw: msgspec.Raw, reason: str) -> None:
    try:
        entry = lenient.decode(bytes(raw))
    except (ValueError, RecursionError):
        entry = bytes(raw).decode(errors="replace")
    rejects.add("image", None, entry, reason)
    for graph in entry if isinstance(entry, list) else []:
        rejects.add_all(CHILDREN, None, graph, "its entry was rejected")


def _add_object(
    builder: GraphBuilder, rejects: Rejects, image_id: str, number: int, item: _Object, names: list[str]
) -> None:
    if not 0 <= item.cls < len(names):
        reason = f"object class {item.cls}, but there are {len(names)} names, counted from 0"
        rejects.add("object", image_id, msgspec.to_builtins(item), reason)
        return
    builder.found["object"] += 1
    builder.object(image_id, str(number), [names[item.cls]], item.bbox)


def _add_relation(
    builder: GraphBuilder, rejects: Rejects, image_id: str, number: int, relation: _Relation, names: list[str]
) -> None:
    if not relation.pred:
        rejects.add("relation", image_id, msgspec.to_builtins(relation), "it has no predicate")
    for place, predicate in enumerate(relation.pred):
        if not 0 <= predicate < len(names):
            reason = f"predicate class {predicate}, but there are {len(names)} names, counted from 0"
            rejects.add("relation", image_id, msgspec.to_builtins(relation), reason)
            continue
        builder.found["relation"] += 1
        ends = str(relation.sub), str(relation.obj)
        builder.relation(image_id, f"{number}-{place}", *ends, names[predicate])
