"""Stanford VRD: {file name: [{predicate, subject: {category, bbox}, object: {category, bbox}}]}.

Categories count from 0 into `objects.json` and `predicates.json`; a box is [ymin, ymax, xmin, xmax] in pixels. Objects
have no ids: the same category and box in an image is the same object.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from visual_relations.datasets.annotations.builder import GraphBuilder
from visual_relations.datasets.annotations.dataset import AnnotationDataset
from visual_relations.datasets.annotations.files import read_json, read_mapping
from visual_relations.datasets.annotations.records import Children, Rejects, Size, decode_all, wrapped
from visual_relations.graphs.tables import RawGraphs


class _End(msgspec.Struct, gc=False):
    category: int
    bbox: tuple[float, float, float, float]


class _Relation(msgspec.Struct, gc=False):
    predicate: int
    subject: _End
    object: _End


class _Image(msgspec.Struct, gc=False):
    relations: list[_Relation]


class _Metadata(msgspec.Struct, gc=False):
    width: Size
    height: Size


CHILDREN = (Children("relations", "relation", _Relation),)


class VRDDataset(AnnotationDataset):
    """Reads `annotations_{train,test}.json`, their image metadata, and the two lists of names.

    Args:
        objects: `objects.json`.
        predicates: `predicates.json`.
        splits: Annotations by split.
        image_metadata: `{split}_image_metadata.json` by split: {file name: {width, height}}.
        metadata: For Kedro-Viz.
    """

    def __init__(
        self,
        objects: str,
        predicates: str,
        splits: dict[str, str],
        image_metadata: dict[str, str],
        metadata: dict[str, Any] | None = None,
    ) -> None:
        sizes = {f"{split}_metadata": path for split, path in image_metadata.items()}
        super().__init__(metadata, **splits, **sizes, objects=objects, predicates=predicates)
        self._splits = tuple(splits)

    def _read(self) -> RawGraphs:
        names: dict[str, list[str]] = {
            kind: read_json(self.paths[kind], list[str], "a list of names") for kind in ("objects", "predicates")
        }
        builder = GraphBuilder()
        for split in self._splits:
            self._read_split(builder, split, names)
        return builder.build(vocabulary=names)

    def _read_split(self, builder: GraphBuilder, split: str, names: dict[str, list[str]]) -> None:
        path, metadata_path = self.paths[split], self.paths.get(f"{split}_metadata")
        rejects = builder.rejects(path.name)
        sizes = _read_sizes(metadata_path) if metadata_path else {}
        records = ((key, wrapped("relations", raw)) for key, raw in read_mapping(path))
        for file_name, image in decode_all(records, _Image, CHILDREN, rejects):
            # The extension of an annotation may differ from the photo's: the stem is what identifies it.
            image_id = Path(file_name).stem
            if builder.has_image(image_id):
                rejects.add_again(CHILDREN, image_id, image)
                continue
            builder.found["image"] += 1
            size = sizes.get(image_id, {})
            builder.image(image_id, file_name, split=split, flickr_id=image_id.split("_")[0], **size)
            for number, relation in enumerate(image.relations):
                _add_relation(builder, rejects, image_id, number, relation, names)


def _read_sizes(path: Path) -> dict[str, dict[str, int]]:
    sizes: dict[str, _Metadata] = read_json(path, dict[str, _Metadata], "{file name: {width, height}}")
    return {Path(name).stem: msgspec.to_builtins(size) for name, size in sizes.items()}


def _add_relation(
    builder: GraphBuilder,
    rejects: Rejects,
    image_id: str,
    number: int,
    relation: _Relation,
    names: dict[str, list[str]],
) -> None:
    ids = {"subject": relation.subject.category, "object": relation.object.category, "predicate": relation.predicate}
    for role, class_id in ids.items():
        known = len(names["predicates" if role == "predicate" else "objects"])
        if not 0 <= class_id < known:
            reason = f"{role} class {class_id}, but there are {known} names, counted from 0"
            rejects.add("relation", image_id, msgspec.to_builtins(relation), reason)
            return
    subject_id = _add_end(builder, image_id, relation.subject, names["objects"])
    object_id = _add_end(builder, image_id, relation.object, names["objects"])
    builder.found["relation"] += 1
    builder.relation(image_id, str(number), subject_id, object_id, names["predicates"][relation.predicate])


def _add_end(builder: GraphBuilder, image_id: str, end: _End, names: list[str]) -> str:
    y1, y2, x1, x2 = end.bbox
    object_id = f"{end.category}:{x1:.12g},{y1:.12g},{x2:.12g},{y2:.12g}"
    if not builder.has_object(image_id, object_id):
        builder.found["object"] += 1
        builder.object(image_id, object_id, [names[end.category]], (x1, y1, x2, y2))
    return object_id
