"""One trial: learn a prompt, train a head on it, measure it on validation images. Test images are never looked at.

Legend: N pairs, D feature width, C predicates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from visual_relations.artefacts.feature_bank import FeatureBank
from visual_relations.clip.frozen import FrozenClip
from visual_relations.metrics import calibration
from visual_relations.metrics.relations import evaluate_relations
from visual_relations.metrics.relations.tables import PairLayout
from visual_relations.pipelines.crepe_tuning.params import CrepeTrialParams
from visual_relations.prompting.contrastive import ContrastivePairs, train_prompts
from visual_relations.prompting.prompts import Prompt, PromptBudgetError, PromptLearner, PromptWriter, encode_pairs
from visual_relations.relation_heads.fit import predict, train_head
from visual_relations.relation_heads.pairs import Pairs
from visual_relations.relation_heads.scaling import scale_features
from visual_relations.relation_heads.uvtranse import UVTransE
from visual_relations.tuning.params import Value, with_values
from visual_relations.tuning.study import InfeasibleError, Outcome

BATCH = 512
SPLITS = ("train", "val")


@dataclass(frozen=True)
class TuningData:
    """Annotated pairs of training and validation images with their features.

    Attributes:
        pairs: Rows of `relation_pairs` of both splits with `similarity` to the pseudo label.
        names: Object names.
        n_predicates: C.
        image_ND: Union features.
        labels_LD: Text features of the object names.
    """

    pairs: pl.DataFrame
    names: list[str]
    n_predicates: int
    image_ND: Tensor
    labels_LD: Tensor

    @classmethod
    def collect(
        cls,
        relation_pairs: pl.DataFrame,
        vocabulary: dict[str, Any],
        union_image: FeatureBank,
        object_text: FeatureBank,
        pseudo_labels: pl.DataFrame,
    ) -> TuningData:
        """Choose the pairs of training and validation images whose picture could be read.

        Raises:
            ValueError: If one of the two splits has none.
        """
        seen = relation_pairs.filter(
            pl.col("split").is_in(["train", "val"]), pl.col("subject_index") != pl.col("object_index")
        )
        pairs = seen.join(pseudo_labels.select("pair_id", "similarity"), on="pair_id", maintain_order="left")
        if pairs["split"].n_unique() < 2:
            raise ValueError("tuning needs annotated pairs of training and of validation images; check the splits")
        return cls(
            pairs,
            vocabulary["objects"],
            len(vocabulary["predicates"]),
            _tensor(union_image.select(pairs["pair_id"])),
            _tensor(object_text.select(vocabulary["objects"])),
        )

    def rows(self, split: str) -> Tensor:
        """Row numbers of a split."""
        return torch.from_numpy(np.flatnonzero(self.pairs["split"].to_numpy() == split))


class CrepeObjective:
    """Called with searched values and a seed: mean recall on the annotated pairs of validation images."""

    def __init__(self, clip: FrozenClip, data: TuningData, base: CrepeTrialParams, k: int) -> None:
        self._clip, self._data, self._base, self._k = clip, data, base, k

    def __call__(self, values: dict[str, Value], seed: int, report: Callable[[int, float], None]) -> Outcome:  # noqa: ARG002
        """Train and measure one configuration; the value is known at the end only, so nothing is reported before.

        Raises:
            InfeasibleError: If the prompt does not fit its budget of tokens.
        """
        params = with_values(self._base, values)
        learner, prompts = self._learn_prompts(params, seed)
        text_ND = self._encode(learner, prompts)
        scores_NC = self._score(params, text_ND, seed)
        n_parameters = sum(parameter.numel() for parameter in learner.parameters())
        return Outcome(
            self._mean_recall(scores_NC),
            n_parameters,
            {"prompt_tokens": float(np.mean([len(p.tokens) for p in prompts]))},
        )

    def _learn_prompts(self, params: CrepeTrialParams, seed: int) -> tuple[PromptLearner, list[Prompt]]:
        data, recipe = self._data, params.prompt_learner
        writer = PromptWriter(self._clip, recipe.prompt)
        labels = data.pairs.select("subject_class", "object_class").iter_rows()
        try:
            prompts = [writer.write(data.names[subject], data.names[other]) for subject, other in labels]
        except PromptBudgetError as error:
            raise InfeasibleError(str(error)) from error
        rows = data.rows("train")
        similarity_N = torch.from_numpy(data.pairs["similarity"].to_numpy(writable=True))
        pairs = ContrastivePairs([prompts[row] for row in rows.tolist()], data.image_ND[rows], similarity_N[rows])
        torch.manual_seed(seed)
        learner = PromptLearner.for_clip(recipe.prompt, self._clip)
        loop = recipe.contrastive.loop.model_copy(update={"seed": seed})
        train_prompts(self._clip, learner, pairs, recipe.contrastive.model_copy(update={"loop": loop}))
        return learner, prompts

    def _encode(self, learner: PromptLearner, prompts: list[Prompt]) -> Tensor:
        device, image_ND = self._clip.device, self._data.image_ND
        with torch.inference_mode():
            parts = [
                encode_pairs(
                    self._clip, prompts[start : start + BATCH], learner, image_ND[start : start + BATCH].to(device)
                )
                for start in range(0, len(prompts), BATCH)
            ]
        return torch.cat(parts).float().cpu()

    def _score(self, params: CrepeTrialParams, text_ND: Tensor, seed: int) -> npt.NDArray[np.float32]:
        """Calibrated probabilities of the validation pairs."""
        data, recipe, classes = self._data, params.head, self._data.pairs
        train, val = data.rows("train"), data.rows("val")
        union_ND = scale_features(text_ND, text_ND[train], recipe.scaling)
        labels_LD = scale_features(data.labels_LD, data.labels_LD, recipe.scaling)
        subject_N, object_N, target_N = (
            torch.from_numpy(classes[name].cast(pl.Int64).to_numpy(writable=True))
            for name in ("subject_class", "object_class", "predicate_class")
        )
        pairs = Pairs(labels_LD, subject_N, object_N, union_ND)
        torch.manual_seed(seed)
        head = UVTransE.from_config(recipe.head(text_ND.shape[1], data.n_predicates, background=False, union=True))
        images_N = classes["image_id"].rank("dense").to_numpy().astype(np.int64)[train.numpy()]
        trained = train_head(head, pairs[train], target_N[train].numpy(), recipe.seeded(seed), images_N)
        scores_NC = predict(head, pairs[val], recipe.training.loop.device)
        if params.calibration == "none":
            return scores_NC
        return calibration.apply(params.calibration, scores_NC, trained.calibration.frequency)

    def _mean_recall(self, scores_NC: npt.NDArray[np.float32]) -> float:
        annotated = self._data.pairs.filter(pl.col("split") == "val")
        first = annotated.with_row_index("row").unique("pair_id", keep="first", maintain_order=True)
        layout = PairLayout.from_tables(
            annotated.drop("similarity"), first.drop("row", "similarity", "predicate_class")
        )
        candidates = layout.candidates(first["pair_id"], scores_NC[first["row"].to_numpy()], background=False)
        return evaluate_relations(layout.graphs, candidates, (self._k,), np.zeros((0, 3), np.int64)).value(
            "mR", self._k
        )


def _tensor(features_ND: npt.NDArray[np.float16]) -> Tensor:
    return torch.from_numpy(features_ND.astype(np.float32))
