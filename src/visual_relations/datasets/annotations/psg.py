"""Panoptic Scene Graphs `psg.json`: COCO panoptic segments with relations [subject, object, predicate] by position.

Classes count from 0, things before stuff; boxes are x1, y1, x2, y2 (`bbox_mode` 0). Source of the layout: OpenPSG.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from visual_relations.datasets.annotations.builder import GraphBuilder
from visual_relations.datasets.annotations.dataset import AnnotationDataset
from visual_relations.datasets.annotations.files import read_json
from visual_relations.datasets.annotations.records import Children, Id, Rejects, Size, decode_all, positioned
from visual_relations.graphs.tables import RawGraphs

Names = dict[str, list[str]]


class _Annotation(msgspec.Struct, gc=False):
    bbox: tuple[float, float, float, float]
    category_id: int


class _Relation(msgspec.Struct, gc=False, array_like=True, forbid_unknown_fields=True):
    subject: int
    object: int
    predicate: int


class _Image(msgspec.Struct, gc=False):
    image_id: Id
    file_name: str
    width: Size
    height: Size
    annotations: list[_Annotation]
    relations: list[_Relation]


class _File(msgspec.Struct, gc=False):
    data: list[msgspec.Raw]
    thing_classes: list[str]
    stuff_classes: list[str]
    predicate_classes: list[str]
    test_image_ids: list[Id] = []


CHILDREN = (
    Children("annotations", "object", _Annotation, positional=True),
    Children("relations", "relation", _Relation),
)


class PSGDataset(AnnotationDataset):
    """Reads `psg.json`; images in its `test_image_ids` are for testing, the others for training."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(metadata, filepath=filepath)

    def _read(self) -> RawGraphs:
        content: _File = read_json(self._filepath, _File, "the keys data, thing_classes, stuff_classes …")
        names = {
            "objects": content.thing_classes + content.stuff_classes,
            "predicates": content.predicate_classes,
        }
        test_ids = set(map(str, content.test_image_ids))
        builder = GraphBuilder()
        rejects = builder.rejects(self._filepath.name)
        for _, image in decode_all(((None, raw) for raw in content.data), _Image, CHILDREN, rejects):
            image_id = str(image.image_id)
            if builder.has_image(image_id):
                rejects.add_again(CHILDREN, image_id, image)
                continue
            _add_image(builder, image, "test" if image_id in test_ids else "train")
            for number, item in positioned(image.annotations):
                _add_object(builder, rejects, image_id, number, item, names["objects"])
            for number, relation in enumerate(image.relations):
                _add_relation(builder, rejects, image_id, number, relation, names["predicates"])
        return builder.build(vocabulary=names)


def _add_image(builder: GraphBuilder, image: _Image, split: str) -> None:
    builder.found["image"] += 1
    stem = Path(image.file_name).stem  # val2017/000000000139.jpg
    coco_id = int(stem) if stem.isdecimal() and len(stem) < 19 else None
    builder.image(
        str(image.image_id), image.file_name, width=image.width, height=image.height, split=split, coco_id=coco_id
    )


def _add_object(
    builder: GraphBuilder, rejects: Rejects, image_id: str, number: int, item: _Annotation, names: list[str]
) -> None:
    if not 0 <= item.category_id < len(names):
        reason = f"category {item.category_id}, but there are {len(names)} classes, counted from 0"
        rejects.add("object", image_id, msgspec.to_builtins(item), reason)
        return
    builder.found["object"] += 1
    builder.object(image_id, str(number), [names[item.category_id]], item.bbox)


def _add_relation(
    builder: GraphBuilder, rejects: Rejects, image_id: str, number: int, relation: _Relation, names: list[str]
) -> None:
    if not 0 <= relation.predicate < len(names):
        reason = f"predicate {relation.predicate}, but there are {len(names)} classes, counted from 0"
        rejects.add("relation", image_id, msgspec.to_builtins(relation), reason)
        return
    builder.found["relation"] += 1
    ends = str(relation.subject), str(relation.object)
    builder.relation(image_id, str(number), *ends, names[relation.predicate])
