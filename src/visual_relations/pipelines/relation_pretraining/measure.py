"""What a pretrained model can do: captions against foils, retrieval, and masked relation classification.

Pictures are squashed to the encoder's size, as in every zero-shot evaluation. Shapes: P pairs, C classes, S pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl
import torch
from accelerate.utils import send_to_device
from numpy.typing import NDArray

from visual_relations.metrics.intervals import accuracy_interval
from visual_relations.metrics.matching.retrieval import image_ranks, recall_rows, text_ranks
from visual_relations.pipelines.relation_pretraining.build import World
from visual_relations.pipelines.relation_pretraining.params import EvaluationParams, PretrainingParams
from visual_relations.pipelines.relation_pretraining.streams.common import Common
from visual_relations.pipelines.relation_pretraining.streams.entities import EntityRows, Scene, scenes_from_tables
from visual_relations.pipelines.relation_pretraining.streams.pictures import Pictures
from visual_relations.pipelines.relation_pretraining.streams.texts import TextMaker
from visual_relations.vision_language.losses.relations import relation_logits
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.pixels import normalise, squash
from visual_relations.vision_language.regions import Placed, View, place_regions
from visual_relations.vision_language.scoring import EncodedImages, Scorer

Row = dict[str, Any]
Boxes = Literal["true", "shuffled"]


@dataclass(frozen=True)
class Examples:
    """What models of one training are measured on.

    Attributes:
        pictures: Squashed pictures by file name (S, S, 3).
        foils: Cells of caption-foil pairs: `item`, `image`, `text`, `gold`, `slices`.
        captions: One caption per image: `image`, `text`.
        scenes: Images with related pairs.
        placed: Where their elements are in the squashed pictures.
        n_classes: Of relations.
    """

    pictures: dict[str, NDArray[np.uint8]]
    foils: pl.DataFrame
    captions: pl.DataFrame
    scenes: list[Scene]
    placed: list[Placed]
    n_classes: int


def collect_examples(world: World, foils: pl.DataFrame, size: int, params: EvaluationParams) -> Examples:
    """Gather the examples of a split; those whose picture cannot be used are left out.

    Args:
        world: Of one split.
        foils: Cells of any splits.
        size: Pixels per side of the encoder.
        params: How many captions.
    """
    names = world.images.select("image_id", image="file_name")
    cells = foils.join(names, on="image", how="semi", maintain_order="left")
    whole = world.captions.filter(pl.col("x").is_null()).select("image_id", "text")
    captions = whole.join(names, on="image_id", maintain_order="left").unique(
        "image", keep="first", maintain_order=True
    )
    captions = captions.head(params.retrieval_images)
    scenes = scenes_from_tables(world.images, world.objects, relations=world.classified_relations())
    pictures, placed = {}, {}
    opened = Pictures(world.image_folder)
    elements = {scene.picture: scene for scene in scenes}
    for name in dict.fromkeys([*captions["image"], *cells["image"], *elements]):
        if (picture := opened.get(name)) is None:
            continue
        pictures[name] = squash(picture, size)
        if name in elements:
            view = View((0, 0, *picture.size))
            placed[name] = place_regions(elements[name].boxes(picture.size), view, size, smallest_share=-1)
    usable = pl.col("image").is_in(list(pictures))
    kept = [_visible(scene, placed[scene.picture]) for scene in scenes if scene.picture in placed]
    kept = [scene for scene in kept if scene.relations]
    places = [placed[scene.picture] for scene in kept]
    return Examples(
        pictures, cells.filter(usable), captions.filter(usable), kept, places, world.relation_classes.height
    )


def _visible(scene: Scene, placed: Placed) -> Scene:
    """A scene with those of its relations whose ends are in the picture."""
    rows = set(placed.rows)
    return replace(scene, relations=tuple(pair for pair in scene.relations if rows.issuperset(pair[:2])))


def measure_matching(
    model: VisionLanguageModel, examples: Examples, common: PretrainingParams, world: World
) -> list[Row]:
    """Accuracy of preferring captions to foils, and retrieval with re-ranking."""
    scorer = Scorer(model, world.tokenizer, next(model.parameters()).device, common.evaluation.batch)
    return [*foil_rows(scorer, examples), *retrieval_rows(scorer, examples, common.evaluation)]


def foil_rows(scorer: Scorer, examples: Examples) -> list[Row]:
    """Share of captions that match better than their foil, in all and by what the foil changes."""
    cells = examples.foils
    if not cells.height:
        return []
    images, texts = cells["image"].unique(maintain_order=True), cells["text"].unique(maintain_order=True)
    pairs = cells.select(
        image=cells["image"].replace_strict(images, range(len(images))),
        text=cells["text"].replace_strict(texts, range(len(texts))),
    )
    logits = scorer.match_logits(
        encode(scorer, examples, images), scorer.encode_texts(texts.to_list()), pairs.to_numpy()
    )
    score = (logits[:, 1] - logits[:, 0]).float().numpy()
    gold = pl.col("gold")
    decided = (
        cells.with_columns(score=score)
        .group_by("item", maintain_order=True)
        .agg(
            right=pl.col("score").filter(gold).min() > pl.col("score").filter(~gold).max(),
            kind=pl.col("slices").first().list.first().str.strip_prefix("kind:"),
        )
    )
    parts = [("all", decided), *((str(kind), part) for (kind,), part in decided.group_by("kind", maintain_order=True))]
    return [_accuracy("foil_accuracy", name, part["right"].to_numpy()) for name, part in parts]


def retrieval_rows(scorer: Scorer, examples: Examples, params: EvaluationParams) -> list[Row]:
    """TR@K and IR@K: candidates by similarity, ranked by matching."""
    images = encode(scorer, examples, examples.captions["image"])
    texts = scorer.encode_texts(examples.captions["text"].to_list())
    to_text, to_image = scorer.retrieve(images, texts, params.rerank)
    own = np.arange(len(examples.captions))
    return [row for row in recall_rows(text_ranks(to_text, own), image_ranks(to_image, own)) if "@" in row["metric"]]


def similarity_recall(scorer: Scorer, examples: Examples) -> float:
    """Mean of TR@1 and IR@1 by similarity alone."""
    images = encode(scorer, examples, examples.captions["image"])
    texts = scorer.encode_texts(examples.captions["text"].to_list())
    scores, own = scorer.similarities(images, texts), np.arange(len(examples.captions))
    return float(((text_ranks(scores, own) == 0).mean() + (image_ranks(scores, own) == 0).mean()) / 2)


def encode(scorer: Scorer, examples: Examples, names: pl.Series) -> EncodedImages:
    """Encode squashed pictures."""
    return scorer.encode_images(normalise(np.stack([examples.pictures[name] for name in names]), scorer.model.config))


@torch.inference_mode()
def predict_relations(
    model: VisionLanguageModel, examples: Examples, common: PretrainingParams, world: World, boxes: Boxes
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Masked relation classification of all pairs.

    Args:
        model: With a relation head.
        examples: Of one split.
        common: Mask scope and texts.
        world: For the tokenizer.
        boxes: The pairs' own, or those of entities anywhere: what is left then comes from the labels.

    Returns:
        Scores (P, C) and true classes (P,).
    """
    shared = Common(model.config, TextMaker(world.tokenizer, common.texts), common.texts, common.augmentation, 0)
    device, scores, truth = next(model.parameters()).device, [], []
    for rows, views in _relation_batches(examples, boxes, max(1, common.evaluation.batch // 4)):
        batch = send_to_device(rows.batch(0, views, shared), device)
        logits = relation_logits(model, batch, common.mask_scope)
        scores.append(logits.float().cpu().numpy())
        truth.append(batch.labels.cpu().numpy())
    return np.concatenate(scores), np.concatenate(truth)


def relation_rows(
    model: VisionLanguageModel, examples: Examples, common: PretrainingParams, world: World, training: World
) -> list[Row]:
    """Accuracy of masked relation classification beside its controls.

    The controls: the most frequent relation of the training images, the most frequent one between two labels there, and
    the model itself with boxes of other entities.
    """
    scores, truth = predict_relations(model, examples, common, world, "true")
    shuffled, _ = predict_relations(model, examples, common, world, "shuffled")
    majority, by_labels = label_guesses(examples, training)
    return [
        _accuracy("mrc_accuracy", "all", scores.argmax(1) == truth),
        _accuracy("mrc_accuracy", "boxes shuffled", shuffled.argmax(1) == truth),
        _accuracy("mrc_accuracy", "majority class", majority == truth),
        _accuracy("mrc_accuracy", "labels only", by_labels == truth),
    ]


def label_guesses(examples: Examples, training: World) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For every pair the most frequent class of the training images, and the most frequent one between its labels."""
    scenes = scenes_from_tables(training.images, training.objects, relations=training.classified_relations())
    counts: dict[tuple[str, str], NDArray[np.int64]] = {}
    total = np.zeros(examples.n_classes, dtype=np.int64)
    for scene in scenes:
        for subject, target, label in scene.relations:
            names = (scene.elements[subject].name, scene.elements[target].name)
            counts.setdefault(names, np.zeros_like(total))[label] += 1
            total[label] += 1
    pairs = [
        (scene.elements[subject].name, scene.elements[target].name)
        for scene in examples.scenes
        for subject, target, _ in scene.relations
    ]
    majority = np.full(len(pairs), total.argmax())
    return majority, np.array([int(counts.get(names, total).argmax()) for names in pairs])


def _relation_batches(examples: Examples, boxes: Boxes, batch: int) -> Iterator[tuple[EntityRows, NDArray[np.uint8]]]:
    """Scenes in batches, with the boxes of their entities."""
    placed = examples.placed
    if boxes == "shuffled":
        everything = np.concatenate([each.pixels for each in placed])
        everything = everything[np.random.default_rng(0).permutation(len(everything))]
        ends = np.cumsum([len(each.pixels) for each in placed])
        placed = [
            each._replace(pixels=part) for each, part in zip(placed, np.split(everything, ends[:-1]), strict=True)
        ]
    for start in range(0, len(placed), batch):
        rows, chunk = EntityRows(), slice(start, start + batch)
        for image, (scene, where) in enumerate(zip(examples.scenes[chunk], placed[chunk], strict=True)):
            rows.add(image, scene, where, scene.relations)
        yield rows, np.stack([examples.pictures[scene.picture] for scene in examples.scenes[chunk]])


def _accuracy(metric: str, name: str, right: NDArray[np.bool_]) -> Row:
    low, high = accuracy_interval([int(right.sum())], [len(right)])
    return {
        "metric": metric,
        "slice": name,
        "value": float(right.mean()),
        "count": len(right),
        "low": low,
        "high": high,
    }
