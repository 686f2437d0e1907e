"""Steps of the study of ClipCap: open, run (any number of workers), read."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from visual_relations.artefacts.feature_bank import FeatureBank
from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.pipelines.clipcap_tuning.objective import ClipcapObjective, TuningCaptions
from visual_relations.pipelines.clipcap_tuning.params import ClipcapTuningParams
from visual_relations.tuning.figures import answer_and_figures
from visual_relations.tuning.params import with_values
from visual_relations.tuning.storage import StudyStore
from visual_relations.tuning.study import open_study, run_study, study_name
from visual_relations.tuning.table import best_values, study_state, trial_table

Plan = dict[str, str]
SWEEP_TITLES = {"mapper.prefix_length": "k, length of the prefix"}


def open_clipcap_study(
    image_captions: pl.DataFrame,
    caption_image_features: FeatureBank,
    language_model: str,
    store: StudyStore,
    params: ClipcapTuningParams,
) -> Plan:
    """Create the study, or find it again: its name depends on data and parameters, so all its trials compare."""
    data = TuningCaptions.collect(image_captions, caption_image_features, language_model)
    vectors_ND = caption_image_features.select(data.captions["image_id"].unique(maintain_order=True))
    name = study_name(params.study, params.base, data.captions, fingerprint(vectors_ND))
    open_study(store, name, params.study)
    return {"study": name}


def run_clipcap_study(
    plan: Plan,
    image_captions: pl.DataFrame,
    caption_image_features: FeatureBank,
    language_model: str,
    store: StudyStore,
    params: ClipcapTuningParams,
) -> dict[str, Any]:
    """Work on the study until it has its trials. Several processes may run this step at once.

    Returns:
        How far the study is.
    """
    data = TuningCaptions.collect(image_captions, caption_image_features, language_model)
    study = open_study(store, plan["study"], params.study)
    run_study(study, params.study, ClipcapObjective(data, params.base))
    return study_state(study)


def read_clipcap_study(
    plan: Plan,
    state: dict[str, Any],  # noqa: ARG001 - read after the study was worked on
    store: StudyStore,
    params: ClipcapTuningParams,
) -> tuple[dict[str, Any], pl.DataFrame, go.Figure, go.Figure, go.Figure, go.Figure, go.Figure]:
    """What the study found.

    Returns:
        Best parameters as a parameter file for `clipcap` (one more variant; the short loop of a trial is not part of
        it), trials, and the figures: metric by prefix length, history, importances, slice, parallel coordinates.
    """
    study = open_study(store, plan["study"], params.study)
    trials = trial_table(study)
    best = with_values(params.base, best_values(study)).model_dump(mode="json", exclude={"training": {"loop"}})
    variant = {name: best[name] for name in ("mapper", "normalize", "tune_language_model")}
    variant["learning_rate"] = best["training"]["learning_rate"]
    parameters = {
        "clipcap": {
            "max_tokens": best["max_tokens"],
            "comparison": {"variants": {params.variant: variant}},
            "training": {"ours": best["training"]},
        }
    }
    return parameters, trials, *answer_and_figures(study, trials, params.study, SWEEP_TITLES)
