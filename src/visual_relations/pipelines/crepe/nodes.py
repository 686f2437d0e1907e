"""Steps of CREPE: pseudo labels, prompts, heads, predictions. What is reported is in `reporting.py`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import nn

from visual_relations.artefacts.feature_bank import FeatureBank
from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.artefacts.workspace import Workspace
from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.load import load_clip
from visual_relations.clip.params import ClipParams
from visual_relations.pipelines.crepe import heads
from visual_relations.pipelines.crepe.pairs import Representations, pair_texts, training_pairs, working_pairs
from visual_relations.pipelines.crepe.params import (
    ComparisonParams,
    HeadRecipes,
    PromptLearnerRecipes,
    Recipe,
)
from visual_relations.prompting import encoding
from visual_relations.prompting.contrastive import ContrastivePairs, train_prompts
from visual_relations.prompting.params import PseudoLabelParams
from visual_relations.prompting.prompts import Prompt, PromptLearner, PromptWriter
from visual_relations.prompting.retrieval import nearest_texts

logger = logging.getLogger(__name__)
PREDICTION_SCHEMA = {
    "model": pl.String(),
    "protocol": pl.String(),
    "seed": pl.Int32(),
    "pair_id": pl.String(),
    "scores": pl.List(pl.Float32()),
}


def choose_pairs(
    relation_pairs: pl.DataFrame,
    candidate_pairs: pl.DataFrame,
    union_image_features: FeatureBank,
    params: ComparisonParams,
) -> pl.DataFrame:
    """Annotated pairs, a draw of unannotated training pairs, all unannotated pairs of the other splits."""
    pairs = working_pairs(relation_pairs, candidate_pairs, union_image_features.ids, params)
    if unreadable := pairs.filter(~pl.col("readable")).height:
        logger.warning(
            "%d of %d pairs have no picture that could be read; predictions for them are guesses",
            unreadable,
            pairs.height,
        )
    return pairs


def retrieve_pseudo_labels(
    union_image_features: FeatureBank,
    triplet_text_features: FeatureBank,
    triplet_vocabulary: pl.DataFrame,
    params: PseudoLabelParams,
) -> pl.DataFrame:
    """For every pair the nearest triplet text.

    Returns:
        `pair_id`, `text`, `triplet` (row of the triplet vocabulary), `similarity` (cosine).
    """
    row_N, cosine_N = nearest_texts(union_image_features, triplet_text_features, params.block_mb)
    # Two triplets can read the same ("a b" + "c", "a" + "b c"): the more frequent one stands for the text.
    rows = triplet_vocabulary.with_row_index("triplet").sort("count", descending=True, maintain_order=True)
    rows = rows.unique("text", keep="first").select("text", "triplet")
    found = pl.DataFrame(
        {
            "pair_id": union_image_features.ids,
            "text": triplet_text_features.ids.gather(row_N),
            "similarity": cosine_N,
        }
    )
    return found.join(rows, on="text", how="left", maintain_order="left").select(
        "pair_id", "text", "triplet", "similarity"
    )


def learn_prompts(
    crepe_pairs: pl.DataFrame,
    vocabulary: dict[str, Any],
    union_image_features: FeatureBank,
    pseudo_labels: pl.DataFrame,
    workspace: Workspace,
    clip_params: Any,
    recipe: Recipe,
    recipes: PromptLearnerRecipes,
) -> tuple[PromptLearner, pl.DataFrame]:
    """Stage 1: learn the prompt on the annotated training pairs.

    Returns:
        The learner and its history.
    """
    params = recipes.chosen(recipe)
    training = training_pairs(crepe_pairs).join(pseudo_labels, on="pair_id", how="left", maintain_order="left")
    clip = _clip(clip_params)
    prompts = _prompts(PromptWriter(clip, params.prompt), training, vocabulary["objects"])
    image_ND = torch.from_numpy(union_image_features.select(training["pair_id"]).astype(np.float32))
    pairs = ContrastivePairs(prompts, image_ND, torch.from_numpy(training["similarity"].to_numpy(writable=True)))
    torch.manual_seed(params.contrastive.loop.seed)
    learner = PromptLearner.for_clip(params.prompt, clip)
    mark = fingerprint(params, clip.fingerprint, vocabulary["objects"], training, union_image_features)
    folder = workspace.folder("crepe.prompt_learner", mark)
    history = train_prompts(clip, learner, pairs, params.contrastive, folder)
    return learner.cpu(), history.with_columns(
        model=pl.lit("prompt_learner"), seed=pl.lit(params.contrastive.loop.seed)
    )


def encode_prompts(
    crepe_pairs: pl.DataFrame,
    vocabulary: dict[str, Any],
    union_image_features: FeatureBank,
    crepe_prompt_learner: PromptLearner,
    workspace: Workspace,
    clip_params: Any,
    comparison: ComparisonParams,
) -> tuple[FeatureBank, FeatureBank]:
    """Encode the learned prompt of every readable pair, and the handcrafted one of every pair of labels.

    Returns:
        Features by pair id, and by text.
    """
    clip = _clip(clip_params)
    readable = crepe_pairs.filter("readable").unique("pair_id", keep="first", maintain_order=True)
    writer = PromptWriter(clip, crepe_prompt_learner.config.prompt)
    prompts = dict(zip(readable["pair_id"], _prompts(writer, readable, vocabulary["objects"]), strict=True))
    state = {name: tensor.cpu().numpy() for name, tensor in crepe_prompt_learner.state_dict().items()}
    mark = fingerprint(state, crepe_prompt_learner.config, clip.fingerprint, readable, union_image_features)
    folder = workspace.folder("prompt_text_features", mark)
    learned = encoding.encode_learned_prompts(clip, crepe_prompt_learner, prompts, union_image_features, folder)
    texts = pair_texts(readable, vocabulary["objects"], comparison.handcrafted)
    folder = workspace.folder("handcrafted_text_features", fingerprint(clip.fingerprint, texts))
    return learned, encoding.encode_texts(clip, texts, folder)


def train_relation_heads(
    crepe_pairs: pl.DataFrame,
    vocabulary: dict[str, Any],
    object_text_features: FeatureBank,
    triplet_text_features: FeatureBank,
    union_image_features: FeatureBank,
    prompt_text_features: FeatureBank,
    handcrafted_text_features: FeatureBank,
    pseudo_labels: pl.DataFrame,
    recipe: Recipe,
    recipes: HeadRecipes,
    comparison: ComparisonParams,
    workspace: Workspace,
) -> tuple[dict[str, nn.Module], pl.DataFrame, pl.DataFrame]:
    """Stage 2: a head for every model, protocol and seed of the comparison.

    Returns:
        Heads by key, Train-Est label frequencies, and histories.
    """
    params = recipes.chosen(recipe)
    texts = (object_text_features, triplet_text_features, prompt_text_features, handcrafted_text_features)
    features = Representations(
        vocabulary,
        union_image_features,
        *texts,
        pseudo_labels,
        comparison.handcrafted,
        params.scaling,
        training_pairs(crepe_pairs),
    )
    mark = fingerprint(params, vocabulary, union_image_features, *texts, pseudo_labels, crepe_pairs)
    trained, calibrations, histories = {}, [], []
    for run in heads.head_runs(comparison):
        folder = workspace.folder(f"crepe.{run.key}", fingerprint(mark, run))
        result = heads.train_run(run, crepe_pairs, features, params, folder)
        trained[run.key] = result.model
        calibrations.append({**run.labels, "method": "train_est", "frequency": result.calibration.frequency.tolist()})
        histories.append(result.history.with_columns(**{name: pl.lit(value) for name, value in run.labels.items()}))
    return trained, pl.DataFrame(calibrations), pl.concat(histories)


def predict_relations(
    crepe_pairs: pl.DataFrame,
    vocabulary: dict[str, Any],
    object_text_features: FeatureBank,
    triplet_text_features: FeatureBank,
    union_image_features: FeatureBank,
    prompt_text_features: FeatureBank,
    handcrafted_text_features: FeatureBank,
    pseudo_labels: pl.DataFrame,
    recipe: Recipe,
    recipes: HeadRecipes,
    comparison: ComparisonParams,
    triplet_vocabulary: pl.DataFrame,
    crepe_relation_heads: dict[str, nn.Module],
) -> pl.DataFrame:
    """Score the pairs of the predicted splits with every head, and with the text bank alone.

    Returns:
        `relation_predictions`, uncalibrated.
    """
    params = recipes.chosen(recipe)
    texts = (object_text_features, triplet_text_features, prompt_text_features, handcrafted_text_features)
    features = Representations(
        vocabulary,
        union_image_features,
        *texts,
        pseudo_labels,
        comparison.handcrafted,
        params.scaling,
        training_pairs(crepe_pairs),
    )
    pairs = crepe_pairs.filter(pl.col("split").is_in(comparison.predicted_splits))
    n_predicates, device = len(vocabulary["predicates"]), params.training.loop.device
    parts = []
    for run in heads.head_runs(comparison):
        scored = heads.predict_run(run, crepe_relation_heads[run.key], pairs, features, device)
        parts.append(_predictions(run.labels, *scored))
    for protocol in comparison.protocols:
        scored = heads.retrieval_scores(pairs, pseudo_labels, triplet_vocabulary, protocol, n_predicates)
        parts.append(_predictions({"model": heads.RETRIEVAL, "protocol": protocol, "seed": 0}, *scored))
    return pl.concat(parts)


def _predictions(labels: dict[str, Any], pair_ids: pl.Series, scores_NC: npt.NDArray[np.float32]) -> pl.DataFrame:
    scores = pl.Series("scores", scores_NC, dtype=pl.Array(pl.Float32, scores_NC.shape[1]))
    table = pl.DataFrame({"pair_id": pair_ids, "scores": scores})
    return table.with_columns(**{name: pl.lit(value) for name, value in labels.items()}).select(
        pl.col(name).cast(dtype) for name, dtype in PREDICTION_SCHEMA.items()
    )


def _clip(params: Any) -> FrozenClip:
    # Part of the parameters of `clip_features`, which validates them as a whole; Kedro refuses to do it a second time.
    return load_clip(ClipParams.model_validate(params))


def _prompts(writer: PromptWriter, pairs: pl.DataFrame, objects: Sequence[str]) -> list[Prompt]:
    classes = zip(pairs["subject_class"], pairs["object_class"], strict=True)
    return [writer.write(objects[subject], objects[other]) for subject, other in classes]
