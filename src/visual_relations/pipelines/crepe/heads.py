"""Stage 2: the same UVTransE head on every union representation, protocol and seed.

Legend: N pairs, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from visual_relations.pipelines.crepe.pairs import ALL_PAIRS, Representations, of_protocol
from visual_relations.pipelines.crepe.params import ComparisonParams, Protocol, Union
from visual_relations.relation_heads.fit import TrainedHead, predict, train_head
from visual_relations.relation_heads.recipe import HeadRecipe
from visual_relations.relation_heads.uvtranse import UVTransE

RETRIEVAL = "retrieval_top1"


@dataclass(frozen=True)
class HeadRun:
    """One trained head of the comparison."""

    model: str
    union: Union
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


def head_runs(params: ComparisonParams) -> Iterator[HeadRun]:
    """All heads of the comparison."""
    for model, union in params.models.items():
        for protocol in params.protocols:
            yield from (HeadRun(model, union, protocol, seed) for seed in params.seeds)


def train_run(
    run: HeadRun,
    pairs: pl.DataFrame,
    features: Representations,
    recipe: HeadRecipe,
    workspace_folder: Path | None = None,
) -> TrainedHead:
    """Train one head on the readable training pairs.

    Args:
        run: Which one.
        pairs: Working pairs of all splits; only the training split is used.
        features: Where the features of a pair come from.
        recipe: Of the head.
        workspace_folder: Where an interrupted training continues from.
    """
    training = of_protocol(pairs.filter(pl.col("split") == "train", "readable"), run.protocol)
    shape = {"background": run.protocol == ALL_PAIRS, "union": run.union != "none"}
    torch.manual_seed(run.seed)
    head = UVTransE.from_config(recipe.head(features.union_image.dim, len(features.vocabulary["predicates"]), **shape))
    images_N = training["image_id"].rank("dense").to_numpy().astype(np.int64)
    return train_head(
        head,
        features.of(training, run.union),
        training["target"].to_numpy(writable=True),
        recipe.seeded(run.seed),
        images_N,
        workspace_folder,
        description=run.key,
    )


def predict_run(
    run: HeadRun, head: torch.nn.Module, pairs: pl.DataFrame, features: Representations, device: str
) -> tuple[pl.Series, npt.NDArray[np.float32]]:
    """Softmax of a head for the pairs of its protocol, each once.

    Returns:
        Pair ids (N,) and scores (N, C). A pair without a readable picture gets equal scores: it counts, as a guess.
    """
    wanted = of_protocol(pairs, run.protocol).unique("pair_id", keep="first", maintain_order=True)
    n_classes = len(features.vocabulary["predicates"]) + (run.protocol == ALL_PAIRS)
    scores_NC = np.full((wanted.height, n_classes), 1 / n_classes, np.float32)
    readable_N = wanted["readable"].to_numpy()
    scores_NC[readable_N] = predict(head, features.of(wanted.filter("readable"), run.union), device)
    return wanted["pair_id"], scores_NC


def retrieval_scores(
    pairs: pl.DataFrame, pseudo_labels: pl.DataFrame, triplets: pl.DataFrame, protocol: Protocol, n_predicates: int
) -> tuple[pl.Series, npt.NDArray[np.float32]]:
    """The text bank as a classifier: the predicate of the retrieved triplet, ranked by its cosine.

    Returns:
        Pair ids (N,) and scores (N, C), zero but for one predicate.
    """
    wanted = of_protocol(pairs, protocol).unique("pair_id", keep="first", maintain_order=True)
    found = wanted.join(pseudo_labels, on="pair_id", how="left", maintain_order="left")
    predicate_N = triplets["predicate_class"].gather(found["triplet"].fill_null(0)).to_numpy().astype(np.int64)
    background = int(protocol == ALL_PAIRS)
    scores_NC = np.zeros((found.height, n_predicates + background), np.float32)
    scores_NC[np.arange(found.height), predicate_N + background] = found["similarity"].fill_null(0.0).to_numpy()
    return found["pair_id"], scores_NC
