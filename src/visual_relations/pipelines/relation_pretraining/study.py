"""The study of pretraining: open, run (any number of workers), read.

A trial trains one model and classifies masked relations of validation images; test images are never looked at.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from visual_relations.artefacts.caption_source import CaptionSource
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.workspace import Workspace
from visual_relations.graphs.verbalise import VerbalisationParams
from visual_relations.pipelines.relation_pretraining.build import World
from visual_relations.pipelines.relation_pretraining.measure import collect_examples, predict_relations
from visual_relations.pipelines.relation_pretraining.nodes import NO_FOILS, start_of_texts
from visual_relations.pipelines.relation_pretraining.params import (
    ArmParams,
    OptimiserParams,
    PretrainingParams,
    StreamsParams,
)
from visual_relations.pipelines.relation_pretraining.train import BEST, train, training_fingerprint
from visual_relations.tuning.figures import answer_and_figures
from visual_relations.tuning.params import StudyParams, Value, with_values
from visual_relations.tuning.storage import StudyStore
from visual_relations.tuning.study import Outcome, open_study, run_study, study_name
from visual_relations.tuning.table import best_values, study_state, trial_table
from visual_relations.vision_language.language import LanguageModel
from visual_relations.vision_language.tokenizer import WordPiece

Plan = dict[str, str]
STUDIED = "rex_vlm"  # the model whose parameters are searched: it has all streams
SWEEP_TITLES = {
    "streams.relations.pairs_per_image": "relations per image and step (MRC)",
    "verbalisation.triplets": "K, triplets of a graph sentence (VSG)",
}


class PretrainingTrialParams(BaseModel):
    """What a trial may change; the search space names fields below it, e.g. `verbalisation.triplets`.

    Attributes:
        verbalisation: Graph sentences (VSG).
        streams: The mixture of batches, and the pairs of masked relation classification (MRC).
        optimiser: Rates.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verbalisation: VerbalisationParams
    streams: StreamsParams
    optimiser: OptimiserParams


class PretrainingTuningParams(BaseModel):
    """All parameters of the pipeline.

    Attributes:
        steps: Of one training; all else is as in `relation_pretraining`.
        study: What is searched. The value of a trial is the accuracy of MRC on validation images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(ge=1)
    study: StudyParams


class PretrainingObjective:
    """Called with searched values and a seed: accuracy of masked relation classification on validation images.

    Args:
        world: Of all splits; only training and validation images are kept.
        common: What the models share.
        arm: The model that is trained; it has to classify relations.
        steps: Of one training.
        language: What the text encoder starts from.
    """

    def __init__(
        self, world: World, common: PretrainingParams, arm: ArmParams, steps: int, language: LanguageModel | None
    ) -> None:
        self._world = world.of("train", "val")
        training = common.training.model_copy(update={"steps": steps})
        self._common = common.model_copy(update={"training": training, "quick": False, "processes": 1})
        self._arm, self._language = arm, language
        self._validation = collect_examples(
            self._world.of("val"), NO_FOILS, common.model.vision.image_size, common.evaluation
        )

    def __call__(self, values: dict[str, Value], seed: int, report: Callable[[int, float], None]) -> Outcome:  # noqa: ARG002
        """Train and measure one configuration."""
        trial = with_values(base_of(self._common, self._arm), values)
        common = self._common.model_copy(update={"verbalisation": trial.verbalisation, "optimiser": trial.optimiser})
        arm = self._arm.model_copy(update={"streams": trial.streams})
        with tempfile.TemporaryDirectory() as folder:
            trained = train(common, arm, self._world, self._validation, seed, Path(folder), self._language)
        model = trained.last.model
        scores, truth = predict_relations(model, self._validation, common, self._world, "true")
        retrieval = trained.history.filter(split="val", name=BEST)["value"].to_list()
        n_parameters = sum(parameter.numel() for parameter in model.parameters())
        return Outcome(float((scores.argmax(1) == truth).mean()), n_parameters, {BEST: retrieval[-1]})


def base_of(common: PretrainingParams, arm: ArmParams) -> PretrainingTrialParams:
    """What every trial starts from: the pipeline's own parameters."""
    return PretrainingTrialParams(verbalisation=common.verbalisation, streams=arm.streams, optimiser=common.optimiser)


def open_pretraining_study(
    images: pl.DataFrame,
    objects: pl.DataFrame,
    relations: pl.DataFrame,
    relation_classes: pl.DataFrame,
    pretraining_captions: pl.DataFrame,
    caption_sources: dict[str, CaptionSource],
    image_folder: ImageFolder,
    tokenizer: WordPiece,
    store: StudyStore,
    common: PretrainingParams,
    arm: ArmParams,
    params: PretrainingTuningParams,
) -> Plan:
    """Create the study, or find it again: its name depends on data and parameters, so all its trials compare."""
    world = World(
        images, objects, relations, relation_classes, pretraining_captions, image_folder, caption_sources, tokenizer
    )
    name = study_name(params.study, params.steps, training_fingerprint(common, arm, world.of("train", "val"), 0))
    open_study(store, name, params.study)
    return {"study": name}


def run_pretraining_study(
    plan: Plan,
    images: pl.DataFrame,
    objects: pl.DataFrame,
    relations: pl.DataFrame,
    relation_classes: pl.DataFrame,
    pretraining_captions: pl.DataFrame,
    caption_sources: dict[str, CaptionSource],
    image_folder: ImageFolder,
    tokenizer: WordPiece,
    store: StudyStore,
    workspace: Workspace,
    common: PretrainingParams,
    arm: ArmParams,
    params: PretrainingTuningParams,
) -> dict[str, Any]:
    """Work on the study until it has its trials. Several processes may run this step at once.

    Returns:
        How far the study is.
    """
    world = World(
        images, objects, relations, relation_classes, pretraining_captions, image_folder, caption_sources, tokenizer
    )
    study = open_study(store, plan["study"], params.study)
    objective = PretrainingObjective(world, common, arm, params.steps, start_of_texts(common, world, workspace))
    run_study(study, params.study, objective)
    return study_state(study)


def read_pretraining_study(
    plan: Plan,
    state: dict[str, Any],  # noqa: ARG001 - read after the study was worked on
    store: StudyStore,
    common: PretrainingParams,
    arm: ArmParams,
    params: PretrainingTuningParams,
) -> tuple[dict[str, Any], pl.DataFrame, go.Figure, go.Figure, go.Figure, go.Figure, go.Figure]:
    """What the study found.

    Returns:
        Best parameters as a parameter file for `relation_pretraining`, trials, and the figures: metric by the swept
        parameter, history, importances, slice, parallel coordinates.
    """
    study = open_study(store, plan["study"], params.study)
    trials = trial_table(study)
    best = with_values(base_of(common, arm), best_values(study)).model_dump(mode="json")
    shared = {name: best[name] for name in ("verbalisation", "optimiser")}
    parameters = {"relation_pretraining": shared, STUDIED: {"streams": best["streams"]}}
    return parameters, trials, *answer_and_figures(study, trials, params.study, SWEEP_TITLES)
