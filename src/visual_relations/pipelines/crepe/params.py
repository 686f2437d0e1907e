"""Parameters of `crepe`; see conf/base/crepe/parameters.yml."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from visual_relations.prompting.params import PromptLearnerParams, PseudoLabelParams
from visual_relations.relation_heads.recipe import HeadRecipe

Recipe = Literal["ours", "reference"]
Protocol = Literal["annotated_pairs", "all_pairs"]
Union = Literal["none", "image", "pseudo_text", "handcrafted_prompt", "learned_prompt"]


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PromptLearnerRecipes(_Params):
    """Stage 1 by recipe."""

    ours: PromptLearnerParams
    reference: PromptLearnerParams

    def chosen(self, recipe: Recipe) -> PromptLearnerParams:
        """The parameters of a recipe."""
        return self.ours if recipe == "ours" else self.reference


class HeadRecipes(_Params):
    """Stage 2 by recipe."""

    ours: HeadRecipe
    reference: HeadRecipe

    def chosen(self, recipe: Recipe) -> HeadRecipe:
        """The parameters of a recipe."""
        return self.ours if recipe == "ours" else self.reference


class ComparisonParams(_Params):
    """Which heads are trained, all alike but for what they see of the pair.

    Attributes:
        models: Name of each row of the table, and its union representation.
        protocols: "annotated_pairs" has no background class, "all_pairs" has one.
        seeds: Of the heads; the prompt is learned once.
        predicted_splits: Whose pairs get predictions.
        background_per_pair: Unannotated training pairs per annotated one, drawn once, for "all_pairs".
        handcrafted: The prompt of the control that learns nothing.
    """

    models: dict[str, Union] = Field(min_length=1)
    protocols: tuple[Protocol, ...] = ("annotated_pairs", "all_pairs")
    seeds: tuple[int, ...] = Field((0, 1, 2), min_length=1)
    predicted_splits: tuple[str, ...] = ("test",)
    background_per_pair: float = Field(3.0, gt=0)
    handcrafted: str = "a photo of a {subject} and a {object} ."


class ReportParams(_Params):
    """What the report shows.

    Attributes:
        benchmark: Name of the world.
        place: Where the report lies, for the summary of a run.
        model: Whose confusions and pictures are shown.
        calibration: "none" or a stored one, for confusions and pictures.
        charted: Models of the chart by predicate.
        gallery_images: Pictures.
        gallery_seed: Of the draw of the pictures.
    """

    benchmark: str = Field(min_length=1)
    place: str = Field(min_length=1)
    model: str = "crepe"
    calibration: Literal["none", "train_est"] = "none"
    charted: tuple[str, ...] = ("labels_only", "crepe")
    gallery_images: int = Field(24, ge=0, le=60)
    gallery_seed: int = 0


class CrepeParams(_Params):
    """All parameters of the pipeline; nodes take the parts they need, so that a change reruns only these.

    Attributes:
        recipe: "ours" finishes in time on two cores; "reference" is CREPE as published, its listed faults mended.
        pseudo_labels: The search.
        prompt_learner: Stage 1.
        relation_heads: Stage 2.
        comparison: Models and controls.
        report: What is shown.
    """

    recipe: Recipe = "ours"
    pseudo_labels: PseudoLabelParams
    prompt_learner: PromptLearnerRecipes
    relation_heads: HeadRecipes
    comparison: ComparisonParams
    report: ReportParams
