"""Steps of the pipeline: gather captions, train the models, measure them."""

from __future__ import annotations

import logging
from typing import Any

import polars as pl
import torch

from visual_relations.artefacts.caption_source import CAPTIONS, CaptionSource
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.workspace import Workspace
from visual_relations.graphs.leakage import PhotoIds, evaluation_images
from visual_relations.metrics.table import metric_table
from visual_relations.pipelines.relation_pretraining.build import World
from visual_relations.pipelines.relation_pretraining.language import language_fingerprint, train_language
from visual_relations.pipelines.relation_pretraining.launch import run_together
from visual_relations.pipelines.relation_pretraining.measure import collect_examples, measure_matching, relation_rows
from visual_relations.pipelines.relation_pretraining.params import ArmParams, PretrainingParams
from visual_relations.pipelines.relation_pretraining.train import train, training_fingerprint
from visual_relations.training.device import resolve_device
from visual_relations.vision_language.language import LanguageModel
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.tokenizer import WordPiece

logger = logging.getLogger(__name__)

FOILS = "foils"
LAST, BEST = "fixed steps", "best on validation"
NO_FOILS = pl.DataFrame(schema={"image": pl.String()})


def collect_captions(
    caption_sources: dict[str, CaptionSource], images: pl.DataFrame, evaluation_photos: PhotoIds
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read all captions; those of photos that are used for evaluation only train nothing.

    Returns:
        `CAPTIONS` with `source` and `split` (of the image; "train" for images that are in no table), and how many
        records of each source had which fate.
    """
    tables, coverage = [], []
    for name, source in caption_sources.items():
        captions, fates = source.read()
        captions = captions.join(images.select("image_id", "split"), on="image_id", how="left", maintain_order="left")
        captions = captions.with_columns(pl.col("split").fill_null("train"), source=pl.lit(name))
        allowed = captions.filter(~_is_evaluation_photo(captions, evaluation_photos))
        fates.update(
            {"success": allowed.height - captions.height, "used for evaluation": captions.height - allowed.height}
        )
        tables.append(allowed)
        total = fates.total()
        coverage += [(name, fate, count, count / total) for fate, count in (+fates).most_common()]
    columns = ["source", "fate", "count", "share"]
    empty = pl.DataFrame(schema={**CAPTIONS, "split": pl.String(), "source": pl.String()})
    return pl.concat([empty, *tables]), pl.DataFrame(coverage, schema=columns, orient="row")


def pretrain(
    images: pl.DataFrame,
    objects: pl.DataFrame,
    relations: pl.DataFrame,
    relation_classes: pl.DataFrame,
    pretraining_captions: pl.DataFrame,
    caption_sources: dict[str, CaptionSource],
    image_folder: ImageFolder,
    tokenizer: WordPiece,
    workspace: Workspace,
    common: PretrainingParams,
    arm: ArmParams,
) -> tuple[dict[str, VisionLanguageModel], pl.DataFrame]:
    """Train one of the four models with every seed.

    Returns:
        Models by name (`seed_0`, and `seed_0_best` at its best validation), and the history with `model` and `seed`.
    """
    world = World(
        images, objects, relations, relation_classes, pretraining_captions, image_folder, caption_sources, tokenizer
    )
    validation = collect_examples(world.of("val"), NO_FOILS, common.model.vision.image_size, common.evaluation)
    language = start_of_texts(common, world, workspace)
    models: dict[str, VisionLanguageModel] = {}
    histories = []
    for seed in common.run_seeds():
        folder = workspace.folder(f"pretrain.{arm.name}.seed_{seed}", training_fingerprint(common, arm, world, seed))
        if common.processes > 1:
            # They leave a finished training in the folder, which the call below takes up.
            run_together(train, common.processes, common, arm, world, validation, seed, folder, language)
        trained = train(common, arm, world, validation, seed, folder, language)
        models |= {f"seed_{seed}": trained.last.model, f"seed_{seed}_best": trained.best}
        histories.append(trained.history.with_columns(model=pl.lit(arm.name), seed=pl.lit(seed)))
    return models, pl.concat(histories)


def start_of_texts(common: PretrainingParams, world: World, workspace: Workspace) -> LanguageModel | None:
    """A text encoder that has read the training captions alone, where one is wanted; trained by who comes first."""
    if not common.trains_text_start():
        return None
    return train_language(common, world, workspace.folder("pretrain.language", language_fingerprint(common, world)))


def measure(
    images: pl.DataFrame,
    objects: pl.DataFrame,
    relations: pl.DataFrame,
    relation_classes: pl.DataFrame,
    pretraining_captions: pl.DataFrame,
    caption_sources: dict[str, CaptionSource],
    image_folder: ImageFolder,
    tokenizer: WordPiece,
    raw_probes: pl.DataFrame,
    models: dict[str, VisionLanguageModel],
    common: PretrainingParams,
    arm: ArmParams,
) -> pl.DataFrame:
    """Measure one of the four models, every seed, after all steps and at its best validation."""
    world = World(
        images, objects, relations, relation_classes, pretraining_captions, image_folder, caption_sources, tokenizer
    )
    params = common.evaluation
    foils = raw_probes.filter(pl.col("benchmark").str.split("/").list.last() == FOILS)
    examples = collect_examples(world.of(params.split), foils, common.model.vision.image_size, params)
    device = resolve_device(common.training.device)
    rows: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    before: VisionLanguageModel | None = None
    for name, model in models.items():
        if before is None or not _same_weights(before, model):  # the best checkpoint is often the last one
            model.to(device)
            found = measure_matching(model, examples, common, world)
            if arm.relations:
                found += relation_rows(model, examples, common, world, world.of("train"))
        variant = BEST if name.endswith("_best") else LAST
        rows += [{"variant": variant, "seed": int(name.split("_")[1]), **row} for row in found]
        before = model.cpu()
    shared = {"benchmark": "pretraining", "split": params.split, "model": arm.name}
    return metric_table([{**shared, **row} for row in rows])


def join_tables(*tables: pl.DataFrame) -> pl.DataFrame:
    """The four models' tables as one."""
    return pl.concat(tables)


def _same_weights(first: VisionLanguageModel, second: VisionLanguageModel) -> bool:
    other = second.state_dict()
    return all(torch.equal(tensor, other[name]) for name, tensor in first.state_dict().items())


def _is_evaluation_photo(captions: pl.DataFrame, evaluation: PhotoIds) -> pl.Series:
    """Whether a training caption is about a photo of an evaluation set."""
    names = captions.select("image").unique(maintain_order=True)
    as_images = names.select(file_name="image", coco_id=pl.lit(None, pl.Int64), flickr_id=pl.lit(None, pl.String))
    names = names.with_columns(used=evaluation_images(as_images, evaluation).is_not_null())
    joined = captions.join(names, on="image", how="left", maintain_order="left")
    return joined.select(pl.col("used") & (pl.col("split") == "train")).to_series()
