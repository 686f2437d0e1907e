"""GQA scene graphs: `train_sceneGraphs.json`, `val_sceneGraphs.json`; an object carries its relations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from visual_relations.datasets.annotations.builder import GraphBuilder
from visual_relations.datasets.annotations.dataset import AnnotationDataset
from visual_relations.datasets.annotations.files import read_mapping
from visual_relations.datasets.annotations.records import Children, Id, Size, decode_all
from visual_relations.graphs.tables import RawGraphs


class _Relation(msgspec.Struct, gc=False):
    object: Id
    name: str


class _Object(msgspec.Struct, gc=False):
    name: str
    x: float
    y: float
    w: float
    h: float
    attributes: list[str] | None = None
    relations: list[_Relation] = []


class _Graph(msgspec.Struct, gc=False):
    width: Size
    height: Size
    objects: dict[str, _Object]


CHILDREN = (Children("objects", "object", _Object, (Children("relations", "relation", _Relation),)),)


class GQADataset(AnnotationDataset):
    """Reads scene graphs, one file per split: `splits: {train: …, val: …}`; boxes are x, y, width, height."""

    def __init__(self, splits: dict[str, str], metadata: dict[str, Any] | None = None) -> None:
        super().__init__(metadata=metadata, **splits)

    def _read(self) -> RawGraphs:
        builder = GraphBuilder()
        for split, path in self.paths.items():
            self._read_split(builder, split, path)
        return builder.build()

    @staticmethod
    def _read_split(builder: GraphBuilder, split: str, path: Path) -> None:
        rejects = builder.rejects(path.name)
        for image_id, graph in decode_all(read_mapping(path), _Graph, CHILDREN, rejects):
            if builder.has_image(image_id):
                rejects.add_again(CHILDREN, image_id, graph)
                continue
            builder.found["image"] += 1
            builder.image(image_id, f"{image_id}.jpg", width=graph.width, height=graph.height, split=split)
            for object_id, item in graph.objects.items():
                builder.found["object"] += 1
                box = (item.x, item.y, item.x + item.w, item.y + item.h)
                builder.object(image_id, object_id, [item.name], box, item.attributes or ())
                for number, relation in enumerate(item.relations):
                    builder.found["relation"] += 1
                    builder.relation(image_id, f"{object_id}-{number}", object_id, str(relation.object), relation.name)
