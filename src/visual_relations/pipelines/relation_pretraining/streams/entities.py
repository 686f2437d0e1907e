"""Streams of parts of images: regions with their texts, and pairs of entities with their relation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from visual_relations.pipelines.relation_pretraining.streams.common import Common
from visual_relations.pipelines.relation_pretraining.streams.order import Order
from visual_relations.pipelines.relation_pretraining.streams.pictures import Pictures
from visual_relations.pipelines.relation_pretraining.streams.texts import says_side
from visual_relations.pipelines.relation_pretraining.streams.views import Rng, draw_view_around, render
from visual_relations.vision_language.batches import RegionBatch, RelationBatch
from visual_relations.vision_language.pixels import normalise
from visual_relations.vision_language.regions import WHOLE_IMAGE, Box, Placed, patch_mask, place_regions


@dataclass(frozen=True)
class Element:
    """Something with a box: its name, and attributes of which one at a time is said."""

    box: Box
    name: str
    attributes: tuple[str, ...] = ()

    def say(self, rng: Rng) -> str:
        """Name, with an attribute before it if there is one (X-VLM)."""
        if not self.attributes:
            return self.name
        return f"{self.attributes[int(rng.integers(len(self.attributes)))]} {self.name}"


@dataclass(frozen=True)
class Scene:
    """An image with its elements, its captions, and related pairs (rows of subject and object, class of the relation).

    `size` is the width and height that boxes refer to; None: those of the picture.
    """

    picture: str
    elements: tuple[Element, ...]
    captions: tuple[str, ...] = ()
    relations: tuple[tuple[int, int, int], ...] = ()
    size: tuple[int, int] | None = None

    def boxes(self, size: tuple[int, int]) -> list[Box]:
        """Boxes of the elements in a picture of this size, which may not be the size they were annotated on."""
        if self.size is None or self.size == size:
            return [element.box for element in self.elements]
        across, down = size[0] / self.size[0], size[1] / self.size[1]
        return [(x * across, y * down, w * across, h * down) for x, y, w, h in (e.box for e in self.elements)]


class RegionStream:
    """Regions and the texts about them; an image's caption takes one place (X-VLM).

    Args:
        scenes: Images with at least one element.
        pictures: Opens them.
        common: Settings of all streams.
        images: Per batch.
        most_per_image: Regions taken from an image.
        most: Regions in a batch.
    """

    def __init__(
        self, scenes: list[Scene], pictures: Pictures, common: Common, images: int, most_per_image: int, most: int
    ) -> None:
        self._scenes, self._pictures, self._common = scenes, pictures, common
        self._images, self._most_per_image, self._most = images, most_per_image, most
        self._order = Order(len(scenes), common.seed)

    def batch(self, number: int, step: int, rng: Rng) -> RegionBatch:
        """The stream's batch `number`."""
        common, size = self._common, self._common.model.vision.image_size
        rows = RegionRows()
        views: list[NDArray[np.uint8]] = []
        for row, picture in self._order.take(
            number, self._images, lambda row: self._pictures.get(self._scenes[row].picture)
        ):
            scene = self._scenes[row]
            found = scene.boxes(picture.size)
            chosen = found[int(rng.integers(len(found)))]
            may_flip = not any(says_side(text) for text in (*scene.captions, *(each.name for each in scene.elements)))
            view = draw_view_around(rng, picture.size, chosen, common.augmentation, may_flip=may_flip)
            order = rng.permutation(len(scene.elements)).tolist()
            captions = [scene.captions[int(rng.integers(len(scene.captions)))]] if scene.captions else []
            placed = place_regions(found, view, size, order, self._most_per_image - len(captions))
            image, room = len(views), self._most - len(rows.texts)
            views.append(render(rng, picture, view, size, common.augmentation, keep_places=True))
            own = [Region(caption, WHOLE_IMAGE, (0.0, 0.0, size, size), 1) for caption in captions]
            own += [
                Region(scene.elements[index].say(rng), tuple(target), tuple(box), 0)
                for index, target, box in zip(placed.rows, placed.targets, placed.pixels, strict=True)
            ]
            rows.add(image, own[:room])
        return rows.batch(step, np.stack(views), common, rng)


class Region(NamedTuple):
    """What is said of a part of an image, where it is (as shares, in pixels), and whether it is the whole image."""

    text: str
    target: Box
    pixels: Box
    is_image: int


class RegionRows:
    """Collects the regions of a batch."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._regions: list[Region] = []
        self._image_of: list[int] = []

    def add(self, image: int, regions: list[Region]) -> None:
        """Add the regions of an image."""
        self.texts += [region.text for region in regions]
        self._regions += regions
        self._image_of += [image] * len(regions)

    def batch(self, step: int, views: NDArray[np.uint8], common: Common, rng: Rng) -> RegionBatch:
        """Everything collected, as tensors."""
        masks = [patch_mask(each.pixels, common.model.grid, common.model.vision.cell) for each in self._regions]
        return RegionBatch(
            "regions",
            step,
            normalise(views, common.model),
            torch.tensor(self._image_of),
            torch.from_numpy(np.stack(masks)),
            common.texts.make(rng, self.texts, common.params.most_tokens),
            torch.tensor([each.target for each in self._regions], dtype=torch.float32),
            torch.tensor([each.is_image for each in self._regions]),
        )


class RelationStream:
    """Pairs of entities with the class of their relation (MRC).

    Args:
        scenes: Images with at least one relation that is a class.
        pictures: Opens them.
        common: Settings of all streams.
        images: Per batch.
        pairs_per_image: Relations drawn from an image.
    """

    def __init__(
        self, scenes: list[Scene], pictures: Pictures, common: Common, images: int, pairs_per_image: int
    ) -> None:
        self._scenes, self._pictures, self._common = scenes, pictures, common
        self._images, self._pairs_per_image = images, pairs_per_image
        self._order = Order(len(scenes), common.seed)

    def batch(self, number: int, step: int, rng: Rng) -> RelationBatch:
        """The stream's batch `number`."""
        common, size = self._common, self._common.model.vision.image_size
        parts = EntityRows()
        views: list[NDArray[np.uint8]] = []
        for row, picture in self._order.take(
            number, self._images, lambda row: self._pictures.get(self._scenes[row].picture)
        ):
            scene = self._scenes[row]
            drawn = [scene.relations[index] for index in rng.permutation(len(scene.relations))]
            found = scene.boxes(picture.size)
            around = union(found[drawn[0][0]], found[drawn[0][1]])
            view = draw_view_around(rng, picture.size, around, common.augmentation, may_flip=False)
            placed = place_regions(found, view, size)
            visible = set(placed.rows)
            pairs = [pair for pair in drawn if visible.issuperset(pair[:2])][: self._pairs_per_image]
            parts.add(len(views), scene, placed, pairs)
            views.append(render(rng, picture, view, size, common.augmentation, keep_places=True))
        return parts.batch(step, np.stack(views), common)


class EntityRows:
    """Collects the entities of pairs, each once per image."""

    def __init__(self) -> None:
        self.image_of: list[int] = []
        self.boxes: list[Box] = []
        self.names: list[str] = []
        self.subjects: list[int] = []
        self.objects: list[int] = []
        self.labels: list[int] = []

    def add(self, image: int, scene: Scene, placed: Placed, pairs: Iterable[tuple[int, int, int]]) -> None:
        """Add the pairs of an image, whose boxes were placed in its view."""
        pixels = dict(zip(placed.rows, placed.pixels, strict=True))
        rows: dict[int, int] = {}
        for subject, target, label in pairs:
            for element in (subject, target):
                if element not in rows:
                    rows[element] = len(self.names)
                    self.image_of.append(image)
                    self.boxes.append(tuple(pixels[element]))
                    self.names.append(scene.elements[element].name)
            self.subjects.append(rows[subject])
            self.objects.append(rows[target])
            self.labels.append(label)

    def batch(self, step: int, views: NDArray[np.uint8], common: Common) -> RelationBatch:
        """Everything collected, as tensors."""
        masks = [patch_mask(box, common.model.grid, common.model.vision.cell) for box in self.boxes]
        ids, text_mask = common.texts.encode(self.names, common.params.most_tokens)
        return RelationBatch(
            "relations",
            step,
            normalise(views, common.model),
            torch.tensor(self.image_of),
            torch.from_numpy(np.stack(masks)),
            ids,
            text_mask,
            torch.tensor(self.subjects),
            torch.tensor(self.objects),
            torch.tensor(self.labels),
        )


def union(first: Box, second: Box) -> Box:
    """Smallest box around two."""
    x, y = min(first[0], second[0]), min(first[1], second[1])
    right = max(first[0] + first[2], second[0] + second[2])
    bottom = max(first[1] + first[3], second[1] + second[3])
    return x, y, right - x, bottom - y


def scenes_from_tables(
    images: pl.DataFrame,
    objects: pl.DataFrame,
    captions: pl.DataFrame | None = None,
    relations: pl.DataFrame | None = None,
) -> list[Scene]:
    """Group tables by image.

    Args:
        images: Which images, with `file_name`.
        objects: Their objects.
        captions: `CAPTIONS`; phrases with a box become elements. None: no captions.
        relations: `subject_index`, `object_index` and `class_id`; None: no relations.

    Returns:
        Images that have objects, and relations if those are asked for.
    """
    boxes = objects.group_by("image_id", maintain_order=True).agg(
        "name", "attributes", "x1", "y1", w=pl.col("x2") - pl.col("x1"), h=pl.col("y2") - pl.col("y1")
    )
    table = images.select("image_id", "file_name", "width", "height").join(boxes, on="image_id", maintain_order="left")
    if captions is not None:
        said = captions.filter(pl.col("x").is_null()).group_by("image_id", maintain_order=True).agg(captions="text")
        parts = (
            captions.drop_nulls("x")
            .group_by("image_id", maintain_order=True)
            .agg(phrases=pl.struct("text", "x", "y", "w", "h"))
        )
        for more in (said, parts):
            table = table.join(more, on="image_id", how="left", maintain_order="left")
    if relations is not None:
        pairs = relations.group_by("image_id", maintain_order=True).agg("subject_index", "object_index", "class_id")
        table = table.join(pairs, on="image_id", maintain_order="left")
    return [_scene(row) for row in table.iter_rows(named=True)]


def _scene(row: dict[str, Any]) -> Scene:
    columns = (row[name] for name in ("x1", "y1", "w", "h", "name", "attributes"))
    elements = [Element((x, y, w, h), name, tuple(a)) for x, y, w, h, name, a in zip(*columns, strict=True)]
    elements += [Element((p["x"], p["y"], p["w"], p["h"]), p["text"]) for p in row.get("phrases") or ()]
    relations = (
        zip(row["subject_index"], row["object_index"], row["class_id"], strict=True) if "class_id" in row else ()
    )
    size = (row["width"], row["height"]) if row["width"] and row["height"] else None
    return Scene(row["file_name"], tuple(elements), tuple(row.get("captions") or ()), tuple(relations), size)
