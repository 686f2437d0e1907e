"""Parameters of `crepe_head`: the grid of heads as data; see conf/base/crepe_head/parameters.yml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from visual_relations.prompting.params import PromptLearnerParams
from visual_relations.relation_heads.params import FusionParams, HeadTrainingParams, UVTransEParams

Protocol = Literal["annotated_pairs", "all_pairs"]
Calibration = Literal["train_est", "dlfe", "logit_adjustment"]
UNIONS = ("none", "image", "pseudo_text", "product_text", "handcrafted_prompt", "learned_prompt")
PROMPT = "prompt:"  # a union "prompt:NAME" is the prompt learned under that name


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Widths(_Params):
    """What the world fixes about a head: widths of its features, 0 where it has none, and its classes."""

    n_labels: int
    n_predicates: int
    background: bool
    label_dim: int
    union: int = 0
    text: int = 0
    geometry: int = 0


class UVTransERecipe(_Params):
    """The reference head and its training.

    Attributes:
        scaling: Of the features (see relation_heads/scaling.py); published: "raw".
    """

    head: Literal["uvtranse"] = "uvtranse"
    hidden: int = Field(512, ge=1)
    embedding: int = Field(256, ge=1)
    scaling: Literal["raw", "unit", "centred"] = "raw"
    training: HeadTrainingParams = HeadTrainingParams()

    def config(self, widths: Widths) -> UVTransEParams:
        """Parameters of the head; two union features enter it side by side."""
        union = widths.union + widths.text
        return UVTransEParams(
            dim=widths.label_dim,
            union_dim=union or None,
            hidden=self.hidden,
            embedding=self.embedding,
            n_predicates=widths.n_predicates,
            background=widths.background,
            union=union > 0,
        )


class FusionRecipe(_Params):
    """Our head and its training; see `relation_heads/fusion.py`. It scales features by itself."""

    head: Literal["fusion"] = "fusion"
    scaling: Literal["raw"] = "raw"
    members: int = Field(5, ge=1)
    hidden: int = Field(256, ge=1)
    layers: int = Field(1, ge=0)
    label_text: bool = True
    label_embedding: int = Field(32, ge=0)
    dropout: float = Field(0.5, ge=0, lt=1)
    input_dropout: float = Field(0.5, ge=0, lt=1)
    training: HeadTrainingParams = HeadTrainingParams()

    def config(self, widths: Widths) -> FusionParams:
        """Parameters of the head."""
        own = self.model_dump(exclude={"head", "scaling", "training", "label_text"})
        return FusionParams(**own, **widths.model_dump(), label_text=self.label_text and widths.label_dim > 1)


Recipe = Annotated[UVTransERecipe | FusionRecipe, Field(discriminator="head")]


class Row(_Params):
    """One head of the grid.

    Attributes:
        recipe: Which head, by name.
        union: What stands for the union of the two objects.
        text: A second union representation beside it.
        ends: Whether subject and object are the texts of their labels or the image crops of their boxes.
        geometry: Whether the head sees box geometry (our head only).
        protocols: In which it takes part.
        rel_nms: Whether "all_pairs" gets a further row with `rel_nms`.
    """

    recipe: str
    union: str = "none"
    text: str = "none"
    ends: Literal["text", "image"] = "text"
    geometry: bool = False
    protocols: tuple[Protocol, ...] = ("annotated_pairs", "all_pairs")
    rel_nms: bool = False


class PromptVariant(_Params):
    """A prompt learned for this grid, beside CREPE's own.

    Attributes:
        learner: The prompt and its training.
        bank: Texts that pseudo labels are retrieved from: those of training triplets, or all combinations of classes.
    """

    learner: PromptLearnerParams = PromptLearnerParams()
    bank: Literal["train_triplets", "full_product"] = "train_triplets"


class PruningParams(_Params):
    """Which candidate pairs the all-pairs protocol ranks.

    Attributes:
        recall: Share of the annotated training pairs that has to survive; 1 keeps every candidate.
        background_per_pair: Unannotated training pairs per annotated one, drawn once.
    """

    recall: float = Field(1.0, gt=0, le=1)
    background_per_pair: float = Field(3.0, gt=0)


class GridParams(_Params):
    """The grid: rows, how they are trained, and what is measured of each.

    Attributes:
        rows: By name.
        recipes: By name.
        prompts: Learned for rows whose union or text is "prompt:NAME".
        seeds: Every row is trained with each.
        protocols: "annotated_pairs" has no background class, "all_pairs" has one.
        calibrations: Corrections measured beside the uncalibrated scores.
        candidates: Of "all_pairs".
        holdout: Share of the training images that is evaluated in place of the test split, to choose between heads.
        handcrafted: The prompt that learns nothing, as in `crepe`.
    """

    rows: dict[str, Row] = Field(min_length=1)
    recipes: dict[str, Recipe] = Field(min_length=1)
    prompts: dict[str, PromptVariant] = {}
    seeds: tuple[int, ...] = Field((0, 1, 2), min_length=1)
    protocols: tuple[Protocol, ...] = ("annotated_pairs", "all_pairs")
    calibrations: tuple[Calibration, ...] = ("train_est",)
    candidates: PruningParams = PruningParams()
    holdout: float = Field(0.0, ge=0, lt=1)
    handcrafted: str = "a photo of a {subject} and a {object} ."

    @model_validator(mode="after")
    def _names_exist(self) -> GridParams:
        for name, row in self.rows.items():
            if row.recipe not in self.recipes:
                raise ValueError(f"row {name!r} has the unknown recipe {row.recipe!r}; known are {list(self.recipes)}")
            for union in (row.union, row.text):
                known = union in UNIONS or union.removeprefix(PROMPT) in self.prompts
                if not known:
                    prompts = [PROMPT + prompt for prompt in self.prompts]
                    raise ValueError(f"row {name!r} has the unknown union {union!r}; known are {[*UNIONS, *prompts]}")
        return self


class ReportParams(_Params):
    """What the report shows.

    Attributes:
        benchmark: Name of the world.
        k: Cut-off of the plot and the summary.
    """

    benchmark: str = Field(min_length=1)
    k: int = Field(20, ge=1)


class CrepeHeadParams(_Params):
    """All parameters of the pipeline."""

    grid: GridParams
    report: ReportParams
