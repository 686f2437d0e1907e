"""The relations behind CREPE's released embeddings, as jsonl: one line per annotated pair.

Published with three quirks: class ids count from 0, `im_width` and `im_height` are swapped, and boxes are in the
resized picture (shorter side 600, longer at most 1000, as Scene-Graph-Benchmark resizes). With `image_data` boxes are
scaled back to the original photo; without it the resized picture counts as the image.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec

from visual_relations.datasets.annotations.builder import GraphBuilder
from visual_relations.datasets.annotations.dataset import AnnotationDataset
from visual_relations.datasets.annotations.images import read_image_data
from visual_relations.datasets.annotations.records import Rejects, Size, read_lines
from visual_relations.datasets.annotations.vg150 import read_names
from visual_relations.graphs.tables import RawGraphs

_Box = tuple[float, float, float, float]
_ClassId = Annotated[int, msgspec.Meta(ge=0)]


class _Pair(msgspec.Struct, gc=False):
    img_name: str
    im_width: Size  # the height: published swapped
    im_height: Size  # the width
    sub_bbox: _Box
    obj_bbox: _Box
    sub_id: _ClassId
    obj_id: _ClassId
    gt_predicate_id: _ClassId


class ReleasedFeaturesDataset(AnnotationDataset):
    """Reads `train.jsonl` and `test.jsonl` beside the embeddings; `relation_id` is "split:row", row for row.

    Args:
        splits: jsonl files by split.
        dicts: `VG-SGG-dicts.json`, for the names of the classes.
        image_data: Visual Genome's `image_data.json`, for the sizes of the original photos.
        metadata: For Kedro-Viz.
    """

    def __init__(
        self,
        splits: dict[str, str],
        dicts: str,
        image_data: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(metadata, **splits, dicts=dicts, image_data=image_data)
        self._splits = tuple(splits)

    def _read(self) -> RawGraphs:
        names = read_names(self.paths["dicts"])
        builder = GraphBuilder()
        photos = self._photo_sizes()
        for split in self._splits:
            rejects = builder.rejects(self.paths[split].name)
            for row, pair in read_lines(self.paths[split], _Pair, rejects, "relation"):
                if fault := _fault(pair, names):
                    rejects.add("relation", Path(pair.img_name).stem, msgspec.to_builtins(pair), fault)
                else:
                    _add_pair(builder, pair, split, row, names, photos)
        return builder.build(vocabulary={"objects": names["label"], "predicates": names["predicate"]})

    def _photo_sizes(self) -> dict[str, tuple[int, int]]:
        if "image_data" not in self.paths:
            return {}
        images, _ = read_image_data(self.paths["image_data"], Rejects(self.paths["image_data"].name))
        return {
            image_id: (width, height)
            for image_id, width, height in images.select("image_id", "width", "height").iter_rows()
        }


def _fault(pair: _Pair, names: dict[str, list[str]]) -> str:
    limits = {"sub_id": "label", "obj_id": "label", "gt_predicate_id": "predicate"}
    for field, kind in limits.items():
        if getattr(pair, field) >= len(names[kind]):
            return f"{field} {getattr(pair, field)}, but there are {len(names[kind])} names, counted from 0"
    return ""


def _add_pair(
    builder: GraphBuilder,
    pair: _Pair,
    split: str,
    row: int,
    names: dict[str, list[str]],
    photos: dict[str, tuple[int, int]],
) -> None:
    image_id = Path(pair.img_name).stem
    shown = pair.im_height, pair.im_width
    width, height = photos.get(image_id, shown)
    if not builder.has_image(image_id):
        builder.found["image"] += 1
        builder.image(image_id, pair.img_name, width=width, height=height, split=split)
    scale = width / shown[0], height / shown[1]
    subject_id = _add_end(builder, image_id, names["label"][pair.sub_id], pair.sub_bbox, scale)
    object_id = _add_end(builder, image_id, names["label"][pair.obj_id], pair.obj_bbox, scale)
    builder.found["relation"] += 1
    builder.relation(image_id, f"{split}:{row}", subject_id, object_id, names["predicate"][pair.gt_predicate_id])


def _add_end(builder: GraphBuilder, image_id: str, name: str, box: _Box, scale: tuple[float, float]) -> str:
    x1, y1, x2, y2 = box
    object_id = f"{name}:{x1:.12g},{y1:.12g},{x2:.12g},{y2:.12g}"  # an object is its class and box: it has no id
    if not builder.has_object(image_id, object_id):
        builder.found["object"] += 1
        builder.object(image_id, object_id, [name], (x1 * scale[0], y1 * scale[1], x2 * scale[0], y2 * scale[1]))
    return object_id
