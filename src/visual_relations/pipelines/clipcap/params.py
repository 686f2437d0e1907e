"""Parameters of `clipcap`; see conf/base/clipcap/parameters.yml."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from visual_relations.captioning.captions import CaptionCleaningParams
from visual_relations.captioning.params import CaptionTrainingParams, DecodingParams, MapperParams, ViewParams

Recipe = Literal["ours", "reference"]
JavaMetric = Literal["METEOR", "SPICE"]


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainingRecipes(_Params):
    """Training by recipe."""

    ours: CaptionTrainingParams
    reference: CaptionTrainingParams

    def chosen(self, recipe: Recipe) -> CaptionTrainingParams:
        """The parameters of a recipe."""
        return self.ours if recipe == "ours" else self.reference


class DecodingRecipes(_Params):
    """Decoding by recipe."""

    ours: DecodingParams
    reference: DecodingParams

    def chosen(self, recipe: Recipe) -> DecodingParams:
        """The parameters of a recipe."""
        return self.ours if recipe == "ours" else self.reference


class ImageParams(_Params):
    """How images are looked at.

    Attributes:
        views: Parts of a photo whose vectors are read beside that of the whole; empty: none, as in the paper.
    """

    views: ViewParams | None = None


class VariantParams(_Params):
    """One captioner of the comparison; the paper's four are the mappers with a frozen and with a tuned language model.

    Attributes:
        mapper: Kind and sizes.
        normalize: Whether image vectors are brought to length 1 first.
        tune_language_model: Whether training changes the language model.
        learning_rate: In place of the recipe's; empty: the recipe's.
        takes_part: Whether it is trained at all: an environment can leave out what base has, and the other way round.
    """

    mapper: MapperParams
    normalize: bool = True
    tune_language_model: bool = False
    learning_rate: float | None = Field(None, gt=0)
    takes_part: bool = True


class ComparisonParams(_Params):
    """Which captioners are trained.

    Attributes:
        variants: By name.
        seeds: Each variant is trained once per seed.
    """

    variants: dict[str, VariantParams] = Field(min_length=1)
    seeds: tuple[int, ...] = Field((0,), min_length=1)

    @model_validator(mode="after")
    def _some_take_part(self) -> Self:
        if not self.chosen:
            raise ValueError("no variant takes part: set `takes_part: true` for one")
        return self

    @property
    def chosen(self) -> dict[str, VariantParams]:
        """The variants that take part, by name."""
        return {name: variant for name, variant in self.variants.items() if variant.takes_part}


class EvaluationParams(_Params):
    """How captions are judged.

    Attributes:
        benchmark: Name of the world.
        split: Whose images are captioned.
        neighbours: Controls: how many nearest training images lend their captions, one control each.
        java_metrics: METEOR, SPICE; need Java and the extra `java-metrics`.
    """

    benchmark: str = Field(min_length=1)
    split: str = "test"
    neighbours: tuple[int, ...] = (1, 10)
    java_metrics: tuple[JavaMetric, ...] = ()


class ReportParams(_Params):
    """What the report shows.

    Attributes:
        place: Where the report lies, for the summary of a run.
        gallery_images: Pictures.
        gallery_seed: Of the draw of the pictures, and which seed's captions are shown.
        readout_images: Pictures whose prefixes are read out.
    """

    place: str = Field(min_length=1)
    gallery_images: int = Field(24, ge=0, le=60)
    gallery_seed: int = 0
    readout_images: int = Field(4, ge=0)


class ClipcapParams(_Params):
    """All parameters of the pipeline; nodes take the parts they need, so that a change reruns only these.

    Attributes:
        recipe: "ours" ends captions with an end token; "reference" is the original, quirks and all.
        captions: What counts as a usable caption.
        images: How images are looked at.
        max_tokens: Longer training captions are cut; the reference recipe has its own rule.
        comparison: Captioners.
        training: By recipe.
        decoding: By recipe.
        evaluation: Metrics and controls.
        report: What is shown.
    """

    recipe: Recipe = "ours"
    captions: CaptionCleaningParams = CaptionCleaningParams()
    images: ImageParams = ImageParams()
    max_tokens: int = Field(60, ge=2)
    comparison: ComparisonParams
    training: TrainingRecipes
    decoding: DecodingRecipes
    evaluation: EvaluationParams
    report: ReportParams
