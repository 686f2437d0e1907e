"""Train one model with one seed: engine-free, so that the same function runs in this process or in several."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.pipelines.relation_pretraining.build import (
    World,
    build_batches,
    build_optimiser,
    build_pretrainer,
)
from visual_relations.pipelines.relation_pretraining.measure import Examples, similarity_recall
from visual_relations.pipelines.relation_pretraining.params import ArmParams, PretrainingParams
from visual_relations.pipelines.relation_pretraining.streams.mixture import Ahead
from visual_relations.training.checkpoint import Checkpoints
from visual_relations.training.history import History
from visual_relations.training.loop import fit
from visual_relations.vision_language.language import LanguageModel
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.pretrainer import Pretrainer, pretraining_loss
from visual_relations.vision_language.scoring import Scorer

BEST = "retrieval R@1"  # the best checkpoint is the one that retrieves best on the validation images, as in the paper


@dataclass(frozen=True)
class Trained:
    """A training's result.

    Attributes:
        last: After all steps.
        best: At its best validation.
        history: Losses and validation values by step.
    """

    last: Pretrainer
    best: VisionLanguageModel
    history: pl.DataFrame


def train(
    common: PretrainingParams,
    arm: ArmParams,
    world: World,
    validation: Examples,
    seed: int,
    folder: Path,
    language: LanguageModel | None = None,
) -> Trained:
    """Train a model, continuing what is found in the folder.

    Args:
        common: What the four models share.
        arm: Which of them.
        world: What there is to learn from.
        validation: What the best checkpoint is chosen on.
        seed: Of start weights, order and everything drawn.
        folder: For checkpoints; its name has to depend on all of the above.
        language: What the text encoder starts from.
    """
    params = common.run_training(seed)
    pretrainer = build_pretrainer(common, arm, world, seed, language)
    mixture = build_batches(common, arm, world, pretrainer.config.model, seed)
    batches = Ahead(mixture, params.steps * params.accumulate, common.workers) if common.workers else mixture
    optimiser, schedule = build_optimiser(common, arm, pretrainer, params.steps)

    def validate(module: Pretrainer, step: int) -> dict[str, float]:  # noqa: ARG001
        device = next(module.parameters()).device
        scorer = Scorer(module.model, world.tokenizer, device, common.evaluation.batch)
        return {BEST: similarity_recall(scorer, validation)}

    history = fit(
        pretrainer,
        batches,
        pretraining_loss,
        optimiser,
        schedule,
        params,
        folder,
        validate,
        keep_best=BEST,
        description=f"{arm.name}, seed {seed}",
    ).pipe(per_batch)
    best = VisionLanguageModel.from_config(pretrainer.config.model)
    best.load_state_dict(pretrainer.model.state_dict())
    # `fit` leaves the best weights; the last ones are in its last checkpoint.
    Checkpoints(folder, pretrainer, {}, History()).restore()
    return Trained(pretrainer.cpu().eval(), best.cpu().eval(), history)


def per_batch(history: pl.DataFrame) -> pl.DataFrame:
    """Losses per batch of their stream: the loop takes means over all steps, but a stream has only some of them."""
    stream = pl.col("name").str.split("/").list.first()
    share = history.filter(pl.col("name").str.ends_with("/share")).select("step", "split", stream=stream, share="value")
    joined = history.with_columns(stream=stream).join(
        share, on=["step", "split", "stream"], how="left", maintain_order="left"
    )
    is_share = pl.col("name").str.ends_with("/share")
    divided = pl.when(pl.col("share").is_null() | is_share).then("value").otherwise(pl.col("value") / pl.col("share"))
    # A stream that no step of the interval took has no loss there.
    seen = pl.col("share").is_null() | (pl.col("share") > 0) | is_share
    return joined.filter(seen).with_columns(value=divided).drop("stream", "share")


def training_fingerprint(common: PretrainingParams, arm: ArmParams, world: World, seed: int) -> str:
    """Of everything a training depends on."""
    settings = common.model_dump(mode="json", exclude={"quick", "seeds", "evaluation", "processes", "workers"})
    tables = (world.images, world.objects, world.relations, world.relation_classes, world.captions)
    files = [Path(path) for path in common.start.model_dump().values() if path is not None]
    return fingerprint(settings, common.run_training(seed), arm, *tables, world.tokenizer.folder, files)
