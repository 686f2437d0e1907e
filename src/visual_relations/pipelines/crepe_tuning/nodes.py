"""Steps of the study of CREPE: open, run (any number of workers), read."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from visual_relations.artefacts.feature_bank import FeatureBank
from visual_relations.clip.load import load_clip
from visual_relations.clip.params import ClipParams
from visual_relations.pipelines.crepe_tuning.objective import CrepeObjective, TuningData
from visual_relations.pipelines.crepe_tuning.params import CrepeTuningParams
from visual_relations.tuning.figures import answer_and_figures
from visual_relations.tuning.params import with_values
from visual_relations.tuning.storage import StudyStore
from visual_relations.tuning.study import open_study, run_study, study_name
from visual_relations.tuning.table import best_values, study_state, trial_table

Plan = dict[str, str]
SWEEP_TITLES = {"prompt_learner.prompt.n_context": "M, learnable tokens"}


def open_crepe_study(
    relation_pairs: pl.DataFrame,
    vocabulary: dict[str, Any],
    union_image_features: FeatureBank,
    object_text_features: FeatureBank,
    pseudo_labels: pl.DataFrame,
    store: StudyStore,
    params: CrepeTuningParams,
) -> Plan:
    """Create the study, or find it again: its name depends on data and parameters, so all its trials compare."""
    data = TuningData.collect(relation_pairs, vocabulary, union_image_features, object_text_features, pseudo_labels)
    content = (data.pairs, data.names, data.image_ND.numpy(), data.labels_LD.numpy())
    name = study_name(params.study, params.base, params.k, *content)
    open_study(store, name, params.study)
    return {"study": name}


def run_crepe_study(
    plan: Plan,
    relation_pairs: pl.DataFrame,
    vocabulary: dict[str, Any],
    union_image_features: FeatureBank,
    object_text_features: FeatureBank,
    pseudo_labels: pl.DataFrame,
    store: StudyStore,
    clip_params: Any,
    params: CrepeTuningParams,
) -> dict[str, Any]:
    """Work on the study until it has its trials. Several processes may run this step at once.

    Returns:
        How far the study is.
    """
    data = TuningData.collect(relation_pairs, vocabulary, union_image_features, object_text_features, pseudo_labels)
    study = open_study(store, plan["study"], params.study)
    # Part of the parameters of `clip_features`, which validates them as a whole.
    clip = load_clip(ClipParams.model_validate(clip_params))
    run_study(study, params.study, CrepeObjective(clip, data, params.base, params.k))
    return study_state(study)


def read_crepe_study(
    plan: Plan,
    state: dict[str, Any],  # noqa: ARG001 - read after the study was worked on
    store: StudyStore,
    params: CrepeTuningParams,
) -> tuple[dict[str, Any], pl.DataFrame, go.Figure, go.Figure, go.Figure, go.Figure, go.Figure]:
    """What the study found.

    Returns:
        Best parameters as a parameter file for `crepe` (the short loops of a trial are not part of it), trials, and the
        figures: metric by number of tokens, history, importances, slice, parallel coordinates.
    """
    study = open_study(store, plan["study"], params.study)
    trials = trial_table(study)
    loops: Any = {"prompt_learner": {"contrastive": {"loop"}}, "head": {"training": {"loop"}}}
    best = with_values(params.base, best_values(study)).model_dump(mode="json", exclude=loops)
    parameters = {
        "crepe": {
            "prompt_learner": {"ours": best["prompt_learner"]},
            "relation_heads": {"ours": best["head"]},
            "report": {"calibration": best["calibration"]},
        }
    }
    return parameters, trials, *answer_and_figures(study, trials, params.study, SWEEP_TITLES)
