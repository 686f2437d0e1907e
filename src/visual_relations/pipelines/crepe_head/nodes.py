"""Steps of the grid: choose pairs, train every head, predict."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import nn

from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.artefacts.workspace import Workspace
from visual_relations.graphs.vocabulary import Vocabulary
from visual_relations.metrics.calibration import adjustment_divisor
from visual_relations.metrics.relations.nms import rel_nms
from visual_relations.pipelines.crepe_head import pairs as choosing
from visual_relations.pipelines.crepe_head.features import Bank, HeadFeatures
from visual_relations.pipelines.crepe_head.params import GridParams, Protocol, Row
from visual_relations.relation_heads.fit import TrainedHead, predict, train_head
from visual_relations.relation_heads.fusion import FusionHead
from visual_relations.relation_heads.params import UVTransEParams
from visual_relations.relation_heads.uvtranse import UVTransE

logger = logging.getLogger(__name__)
ALL_PAIRS = "all_pairs"
LABELS = {"model": pl.String(), "protocol": pl.String(), "seed": pl.Int32()}
PREDICTION_SCHEMA = {**LABELS, "pair_id": pl.String(), "scores": pl.List(pl.Float32())}
CALIBRATION_SCHEMA = {**LABELS, "method": pl.String(), "frequency": pl.List(pl.Float64())}


class Run(NamedTuple):
    """One head to train: a row of the grid under a protocol and a seed."""

    model: str
    row: Row
    protocol: Protocol
    seed: int

    @property
    def key(self) -> str:
        """Name among the saved heads."""
        return f"{self.model}.{self.protocol}.seed_{self.seed}"

    @property
    def labels(self) -> dict[str, Any]:
        """Its columns in the tables."""
        return {"model": self.model, "protocol": self.protocol, "seed": self.seed}


def choose_head_pairs(
    relation_pairs: pl.DataFrame,
    candidate_pairs: pl.DataFrame,
    vocabulary: Vocabulary,
    union_image_features: Bank | None,
    params: GridParams,
) -> tuple[pl.DataFrame, pl.DataFrame, Vocabulary, pl.DataFrame, pl.DataFrame]:
    """Predicates that training shows, candidates worth ranking, and the pairs heads are trained on and applied to.

    Returns:
        Relation pairs, candidate pairs, vocabulary and training triplets in the numbers of the grid, and the pairs.
    """
    held = choosing.hold_out(relation_pairs, params.holdout)
    relations, names = choosing.learnable(held, vocabulary)
    if lost := held.height - relations.height:
        logger.info("%d predicates occur in training; %d pairs of others left out", len(names["predicates"]), lost)
    candidates = choosing.hold_out(candidate_pairs, params.holdout)
    candidates = choosing.grid_candidates(relations, candidates, params.candidates)
    readable = None if union_image_features is None else union_image_features.ids
    pairs = choosing.working_pairs(
        relations, candidates, readable, params.candidates, all_pairs=ALL_PAIRS in params.protocols
    )
    return relations, candidates, names, choosing.training_triplets(relations, names), pairs


def train_heads(
    pairs: pl.DataFrame, vocabulary: dict[str, Any], params: GridParams, workspace: Workspace, **features: Any
) -> tuple[dict[str, nn.Module], pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Train every head of the grid on training pairs, and on nothing else.

    Args:
        pairs: Pairs of all splits; only the training split is used.
        vocabulary: Classes.
        params: The grid.
        workspace: Where an interrupted training continues from.
        features: The fields of `HeadFeatures` by name.

    Returns:
        Heads by key, label frequencies by calibration, histories, and what each training cost.
    """
    given = HeadFeatures(vocabulary=vocabulary, handcrafted=params.handcrafted, **features)
    training = pairs.filter(pl.col("split") == "train", "readable")
    mark = fingerprint(params.recipes, params.calibrations, params.handcrafted, training, vocabulary, features)
    heads: dict[str, nn.Module] = {}
    calibrations, histories, costs = [], [], []
    for run in _runs(params, given):
        started = time.perf_counter()
        folder = workspace.folder(f"crepe_head.{run.key}", fingerprint(mark, run.row, run.key))
        result = _train(run, training, given, params, folder)
        heads[run.key] = result.model
        seconds = time.perf_counter() - started
        n_parameters = sum(parameter.numel() for parameter in result.model.parameters())
        costs.append({**run.labels, "parameters": n_parameters, "seconds": seconds})
        target_N = choosing.of_protocol(training, run.protocol)["target"].to_numpy()
        calibrations += [{**run.labels, **row} for row in _calibrations(result, target_N, params, run.protocol)]
        histories.append(result.history.with_columns(**{name: pl.lit(value) for name, value in run.labels.items()}))
    return heads, pl.DataFrame(calibrations, schema=CALIBRATION_SCHEMA), pl.concat(histories), pl.DataFrame(costs)


def predict_heads(
    pairs: pl.DataFrame,
    vocabulary: dict[str, Any],
    params: GridParams,
    heads: dict[str, nn.Module],
    **features: Any,
) -> pl.DataFrame:
    """Score the test pairs with every head.

    Args:
        pairs: Pairs of all splits; those of the test split are scored.
        vocabulary: Classes.
        params: The grid.
        heads: Trained heads by key.
        features: The fields of `HeadFeatures` by name.

    Returns:
        `relation_predictions`, uncalibrated. A pair that no head can look at gets equal scores: it counts, as a guess.
    """
    given = HeadFeatures(vocabulary=vocabulary, handcrafted=params.handcrafted, **features)
    training, test = pairs.filter(pl.col("split") == "train", "readable"), pairs.filter(pl.col("split") == "test")
    tables = []
    for run in _runs(params, given):
        wanted = choosing.of_protocol(test, run.protocol).unique("pair_id", keep="first", maintain_order=True)
        recipe = params.recipes[run.row.recipe]
        n_classes = len(vocabulary["predicates"]) + (run.protocol == ALL_PAIRS)
        scores_NC = np.full((wanted.height, n_classes), 1 / n_classes, np.float32)
        trained_on = choosing.of_protocol(training, run.protocol)
        inputs = given.of(wanted.filter("readable"), run.row, recipe, trained_on)
        scores_NC[wanted["readable"].to_numpy()] = predict(heads[run.key], inputs, recipe.training.loop.device)
        tables.append(_table(run.labels, wanted, scores_NC))
        if run.row.rel_nms and run.protocol == ALL_PAIRS:
            labels = run.labels | {"model": f"{run.model} + rel_nms"}
            tables.append(_table(labels, *_without_twins(wanted, scores_NC)))
    return pl.concat(tables)


def _runs(params: GridParams, features: HeadFeatures) -> Iterator[Run]:
    """All heads of the grid whose features the world has."""
    for name, row in params.rows.items():
        if not features.has(row):
            logger.info("Row %s is left out: this world lacks its features", name)
            continue
        for protocol in params.protocols:
            if protocol in row.protocols:
                yield from (Run(name, row, protocol, seed) for seed in params.seeds)


def _train(
    run: Run, training: pl.DataFrame, features: HeadFeatures, params: GridParams, folder: Path | None
) -> TrainedHead:
    recipe = params.recipes[run.row.recipe]
    of_protocol = choosing.of_protocol(training, run.protocol)
    config = recipe.config(features.widths(run.row, background=run.protocol == ALL_PAIRS))
    loop = recipe.training.loop.model_copy(update={"seed": run.seed})
    updates = {"loop": loop, "dlfe": "dlfe" in params.calibrations}
    torch.manual_seed(run.seed)
    head = UVTransE(config) if isinstance(config, UVTransEParams) else FusionHead(config)
    return train_head(
        head,
        features.of(of_protocol, run.row, recipe, of_protocol),
        of_protocol["target"].to_numpy(),
        recipe.training.model_copy(update=updates),
        of_protocol["image_id"].rank("dense").cast(pl.Int64).to_numpy(),
        folder,
        description=run.key,
    )


def _calibrations(
    result: TrainedHead, target_N: npt.NDArray[np.int64], params: GridParams, protocol: str
) -> Iterator[dict[str, Any]]:
    """Label frequencies by method, from training pairs."""
    background = protocol == ALL_PAIRS
    frequency_C = result.calibration.frequency
    count_C = np.bincount(target_N, minlength=len(frequency_C))
    stored = {
        "train_est": frequency_C,
        "dlfe": result.dlfe_C,
        "logit_adjustment": adjustment_divisor(count_C, background=background),
    }
    for method in params.calibrations:
        if (values_C := stored[method]) is not None:
            yield {"method": method, "frequency": values_C.tolist()}


def _without_twins(
    pairs: pl.DataFrame, scores_NC: npt.NDArray[np.float32]
) -> tuple[pl.DataFrame, npt.NDArray[np.float32]]:
    """Scores after `rel_nms`, image by image."""
    order = pairs["image_id"].arg_sort().to_numpy()
    pairs, scores_NC = pairs[order], scores_NC[order].copy()
    lengths = pairs["image_id"].rle().struct.field("len").cast(pl.Int64).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    classes = (pairs["subject_class"].to_numpy(), pairs["object_class"].to_numpy())
    boxes = tuple(pairs.select(end + side for side in ("x1", "y1", "x2", "y2")).to_numpy() for end in "so")
    scores_NC[:, 1:] = rel_nms(scores_NC[:, 1:], offsets, classes, boxes)
    return pairs, scores_NC


def _table(labels: dict[str, Any], pairs: pl.DataFrame, scores_NC: npt.NDArray[np.float32]) -> pl.DataFrame:
    scores = pl.Series("scores", scores_NC, dtype=pl.Array(pl.Float32, scores_NC.shape[1]))
    table = pl.DataFrame({"pair_id": pairs["pair_id"], "scores": scores})
    return table.with_columns(**{name: pl.lit(value) for name, value in labels.items()}).select(
        pl.col(name).cast(dtype) for name, dtype in PREDICTION_SCHEMA.items()
    )
