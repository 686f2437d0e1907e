"""From tables and parameters to what is trained: streams, model with its start weights, optimiser and schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from visual_relations.artefacts.caption_source import CaptionSource
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.graphs.verbalise import GraphSentences
from visual_relations.pipelines.relation_pretraining.params import (
    ArmParams,
    OptimiserParams,
    PretrainingParams,
    pretrainer_params,
    recipe_of,
)
from visual_relations.pipelines.relation_pretraining.streams.captions import (
    CaptionCollection,
    CaptionStream,
    GraphStream,
)
from visual_relations.pipelines.relation_pretraining.streams.common import Common
from visual_relations.pipelines.relation_pretraining.streams.entities import (
    RegionStream,
    RelationStream,
    scenes_from_tables,
)
from visual_relations.pipelines.relation_pretraining.streams.mixture import Mixture, Stream
from visual_relations.pipelines.relation_pretraining.streams.order import Schedule
from visual_relations.pipelines.relation_pretraining.streams.pictures import Pictures
from visual_relations.pipelines.relation_pretraining.streams.texts import TextMaker
from visual_relations.training.schedules import constant, warmup_cosine, warmup_linear
from visual_relations.vision_language.checkpoints.start import load_weights, take_language
from visual_relations.vision_language.language import LanguageModel
from visual_relations.vision_language.optimiser import NEW_PARTS, make_optimiser, parameter_groups
from visual_relations.vision_language.params import ModelParams
from visual_relations.vision_language.pretrainer import Pretrainer
from visual_relations.vision_language.tokenizer import WordPiece


@dataclass(frozen=True)
class World:
    """What there is to learn from.

    Attributes:
        images: With split and file name.
        objects: With name, attributes and box.
        relations: With predicate.
        relation_classes: Classes of masked relation classification.
        captions: `CAPTIONS` with `source` and `split`.
        image_folder: Opens the photos of `images`.
        caption_sources: Open the pictures of `captions`.
        tokenizer: BERT's.
    """

    images: pl.DataFrame
    objects: pl.DataFrame
    relations: pl.DataFrame
    relation_classes: pl.DataFrame
    captions: pl.DataFrame
    image_folder: ImageFolder
    caption_sources: Mapping[str, CaptionSource]
    tokenizer: WordPiece

    def of(self, *splits: str) -> World:
        """The part of some splits."""
        images = self.images.filter(pl.col("split").is_in(splits))
        return replace(
            self,
            images=images,
            objects=_of_images(self.objects, images),
            relations=_of_images(self.relations, images),
            captions=self.captions.filter(pl.col("split").is_in(splits)),
        )

    def classified_relations(self) -> pl.DataFrame:
        """Distinct relations whose predicate is a class."""
        classes = self.relation_classes.select("class_id", predicate="name")
        columns = ["image_id", "subject_index", "object_index", "class_id"]
        joined = self.relations.join(classes, on="predicate", maintain_order="left")
        return joined.select(columns).unique(maintain_order=True)


def _of_images(table: pl.DataFrame, images: pl.DataFrame) -> pl.DataFrame:
    return table.join(images, on="image_id", how="semi", maintain_order="left")


def build_pretrainer(
    common: PretrainingParams, arm: ArmParams, world: World, seed: int, language: LanguageModel | None = None
) -> Pretrainer:
    """A model with its start weights; the same for a seed in every process.

    Args:
        common: What the four models share.
        arm: Which of them.
        world: For the sizes of its vocabularies.
        seed: Of fresh weights.
        language: What the text encoder starts from; None: from `common.start`, or fresh.
    """
    torch.manual_seed(seed)
    config = pretrainer_params(common, arm, world.tokenizer.size, world.relation_classes.height)
    pretrainer = Pretrainer(config)
    for path in (common.start.vision, common.start.text):
        if path is not None:
            load_weights(pretrainer.model, Path(path))
    if language is not None:
        take_language(pretrainer.model, language)
    if pretrainer.teacher is not None:
        pretrainer.teacher.copy_from(pretrainer.model)
    if common.start.model is not None:
        load_weights(pretrainer.model, Path(common.start.model), pretrainer.teacher)
    if common.checkpoint_gradients:
        pretrainer.model.checkpoint_gradients()
    return pretrainer


def build_optimiser(
    common: PretrainingParams, arm: ArmParams, pretrainer: Pretrainer, steps: int
) -> tuple[Optimizer, LRScheduler]:
    """AdamW over the model (the teacher only follows) and its learning rate over the steps."""
    params, start = common.optimiser, common.start
    fresh_text = start.text is None and start.model is None and not common.trains_text_start()
    new_parts = ("text.", *NEW_PARTS) if fresh_text else NEW_PARTS
    groups = parameter_groups(
        pretrainer.model, params.rate, params.weight_decay, params.decay_rule, params.new_rate_factor, new_parts
    )
    optimiser = make_optimiser(params.kind, groups, recipe_of(common, arm).betas, params.eps)
    return optimiser, make_schedule(optimiser, params, steps)


def build_batches(common: PretrainingParams, arm: ArmParams, world: World, model: ModelParams, seed: int) -> Mixture:
    """The streams of an arm over the training images, mixed.

    Raises:
        ValueError: If a stream that the arm needs has no samples.
    """
    training = common.run_training(seed)
    maker = TextMaker(world.tokenizer, common.texts)
    shared = Common(model, maker, common.texts, common.augmentation, seed)
    schedule = Schedule(arm.streams.ratios(), training.steps, seed)
    streams = _Streams(world.of("train"), common, arm, shared)
    return Mixture({name: streams.make(name) for name in schedule.names}, schedule, training.accumulate, seed)


class _Streams:
    """Makes the streams of an arm; those over the photos of the graphs share what is decoded."""

    def __init__(self, world: World, common: PretrainingParams, arm: ArmParams, shared: Common) -> None:
        self._world, self._params, self._common, self._shared = world, arm.streams, common, shared
        self._photos = Pictures(world.image_folder, common.picture_megabytes)

    def make(self, name: str) -> Stream:
        """Make a stream by its name."""
        stream: Stream = getattr(self, f"_{name}")()
        return stream

    def _captions(self) -> Stream:
        collections = []
        for (name,), rows in self._world.captions.group_by("source", maintain_order=True):
            source = self._world.caption_sources[str(name)]
            shared = source.pictures == self._world.image_folder
            pictures = self._photos if shared else Pictures(source, self._common.picture_megabytes)
            grouped = rows.group_by("image", maintain_order=True).agg(pl.col("block").first(), captions="text")
            collections.append(CaptionCollection(grouped, pictures))
        if not collections:
            raise ValueError("no captions of training images: correct the catalog entry caption_sources")
        return CaptionStream(collections, self._shared, self._params.captions.images)

    def _graphs(self) -> Stream:
        world = self._world
        counter = world.tokenizer.count
        sentences = GraphSentences(world.objects, world.relations, self._common.verbalisation, counter)
        names = dict(world.images.select("image_id", "file_name").iter_rows())
        return GraphStream(sentences, names, self._photos, self._shared, self._params.graphs.images)

    def _regions(self) -> Stream:
        world, params = self._world, self._params.regions
        scenes = scenes_from_tables(world.images, world.objects, world.captions)
        return RegionStream(scenes, self._photos, self._shared, params.images, params.most_per_image, params.most)

    def _relations(self) -> Stream:
        world, params = self._world, self._params.relations
        scenes = scenes_from_tables(world.images, world.objects, relations=world.classified_relations())
        return RelationStream(scenes, self._photos, self._shared, params.images, params.pairs_per_image)


def make_schedule(optimiser: Optimizer, params: OptimiserParams, steps: int) -> LRScheduler:
    """Warm-up and decay over the steps of a training."""
    warmup = round(params.warmup * steps)
    if params.decay == "none":
        return warmup_linear(optimiser, warmup, steps, final=1.0) if warmup else constant(optimiser)
    decay = warmup_linear if params.decay == "linear" else warmup_cosine
    return decay(optimiser, warmup, steps, final=params.final)
