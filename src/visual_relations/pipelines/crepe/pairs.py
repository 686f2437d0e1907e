"""The pairs CREPE works on, and what a head sees of each.

Legend: N pairs, D feature width, L object labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from visual_relations.artefacts.feature_bank import FeatureBank
from visual_relations.pipelines.crepe.params import ComparisonParams, Union
from visual_relations.relation_heads.pairs import Pairs
from visual_relations.relation_heads.scaling import Scaling, scale_features

ALL_PAIRS = "all_pairs"
PAIR_COLUMNS = ("pair_id", "image_id", "split", "subject_class", "object_class")


def working_pairs(
    relation_pairs: pl.DataFrame, candidate_pairs: pl.DataFrame, readable_ids: pl.Series, params: ComparisonParams
) -> pl.DataFrame:
    """Choose the pairs that are trained on and predicted.

    Args:
        relation_pairs: Annotated pairs of all splits.
        candidate_pairs: All ordered pairs.
        readable_ids: Pairs whose picture has a feature; the others are left out of training.
        params: How many unannotated pairs of training images are drawn.

    Returns:
        Every annotated pair (one row per predicate), a draw of unannotated training pairs and all unannotated pairs of
        the other splits: `PAIR_COLUMNS`, `predicate_class` (null: unannotated), `readable`.
    """
    annotated = relation_pairs.filter(pl.col("subject_index") != pl.col("object_index"))
    annotated = annotated.select(*PAIR_COLUMNS, "predicate_class")
    unannotated = candidate_pairs.join(annotated, on="pair_id", how="anti", maintain_order="left")
    unannotated = unannotated.select(PAIR_COLUMNS).with_columns(
        predicate_class=pl.lit(None, annotated.schema["predicate_class"])
    )
    in_train = pl.col("split") == "train"
    readable = pl.col("pair_id").is_in(readable_ids.implode())
    drawn = unannotated.filter(in_train, readable)
    n_drawn = min(drawn.height, round(params.background_per_pair * annotated.filter(in_train).height))
    others = unannotated.filter(~in_train) if ALL_PAIRS in params.protocols else unannotated.clear()
    drawn = drawn.sample(n_drawn if ALL_PAIRS in params.protocols else 0, seed=0)
    return pl.concat([annotated, drawn.sort("pair_id"), others]).with_columns(readable=readable)


def training_pairs(pairs: pl.DataFrame) -> pl.DataFrame:
    """Readable annotated pairs of training images."""
    return pairs.filter(pl.col("split") == "train", "readable", pl.col("predicate_class").is_not_null())


def of_protocol(pairs: pl.DataFrame, protocol: str) -> pl.DataFrame:
    """The pairs of a protocol with `target`, the column of their label: the background is column 0 of "all_pairs"."""
    if protocol == ALL_PAIRS:
        return pairs.with_columns(target=(pl.col("predicate_class").cast(pl.Int64) + 1).fill_null(0))
    return pairs.filter(pl.col("predicate_class").is_not_null()).with_columns(
        target=pl.col("predicate_class").cast(pl.Int64)
    )


@dataclass(frozen=True)
class Representations:
    """Where the features of a pair come from."""

    vocabulary: dict[str, Any]
    union_image: FeatureBank
    object_text: FeatureBank
    triplet_text: FeatureBank
    learned_prompt: FeatureBank
    handcrafted_prompt: FeatureBank
    pseudo_labels: pl.DataFrame
    handcrafted: str  # template
    scaling: Scaling
    training: pl.DataFrame  # training pairs: the only ones that means are taken from

    def of(self, pairs: pl.DataFrame, union: Union) -> Pairs:
        """Features of readable pairs under one union representation."""
        labels_LD = _tensor(self.object_text.select(self.vocabulary["objects"]))
        union_ND, training_MD = self._union(pairs, union), self._union(self.training, union)
        if union_ND is not None and training_MD is not None:
            union_ND = scale_features(union_ND, training_MD, self.scaling)
        return Pairs(
            labels_LD=scale_features(labels_LD, labels_LD, self.scaling),
            subject_N=torch.from_numpy(pairs["subject_class"].cast(pl.Int64).to_numpy(writable=True)),
            object_N=torch.from_numpy(pairs["object_class"].cast(pl.Int64).to_numpy(writable=True)),
            union_ND=union_ND,
        )

    def _union(self, pairs: pl.DataFrame, union: Union) -> Tensor | None:
        if union == "none":
            return None
        if union == "image":
            return _tensor(self.union_image.select(pairs["pair_id"]))
        if union == "learned_prompt":
            return _tensor(self.learned_prompt.select(pairs["pair_id"]))
        if union == "handcrafted_prompt":
            texts = pair_texts(pairs, self.vocabulary["objects"], self.handcrafted)
            return _tensor(self.handcrafted_prompt.select(texts))
        texts = pairs.join(self.pseudo_labels, on="pair_id", how="left", maintain_order="left")["text"]
        return _tensor(self.triplet_text.select(texts))


def pair_texts(pairs: pl.DataFrame, objects: Sequence[str], template: str) -> pl.Series:
    """A template filled in with the labels of each pair."""
    names = pl.Series(objects)
    subjects, others = (names.gather(pairs[name].cast(pl.UInt32)) for name in ("subject_class", "object_class"))
    labels = zip(subjects, others, strict=True)
    return pl.Series("text", [template.format(subject=subject, object=other) for subject, other in labels])


def _tensor(features_ND: npt.NDArray[np.float16]) -> Tensor:
    return torch.from_numpy(features_ND.astype(np.float32))
