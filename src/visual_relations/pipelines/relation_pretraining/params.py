"""Parameters of `relation_pretraining`; see conf/base/relation_pretraining/."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from visual_relations.graphs.verbalise import VerbalisationParams
from visual_relations.training.params import TrainingParams
from visual_relations.vision_language.params import (
    MaskScope,
    ModelParams,
    MomentumParams,
    PretrainerParams,
)

RecipeName = Literal["albef", "x_vlm"]
StreamName = Literal["captions", "graphs", "regions", "relations"]


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AugmentationParams(_Params):
    """Random views of a picture."""

    scale: tuple[float, float] = Field(
        (0.2, 1.0), description="share of the picture's area that a caption's view shows"
    )
    flip: float = Field(0.5, ge=0, le=1, description="probability of mirroring; never where a text says left or right")
    changes: int = Field(2, ge=0, description="colour and shape changes per view")
    magnitude: float = Field(7, ge=0, le=10)
    change_probability: float = Field(0.5, ge=0, le=1, description="of each change")


class TextStreamParams(_Params):
    """Texts in training, and what is hidden of them."""

    most_words: int = Field(30, ge=1)
    most_tokens: int = Field(36, ge=3)
    most_graph_tokens: int = Field(112, ge=3)
    end_token: bool = Field(True, description="end texts with [SEP]; the released X-VLM does not in pretraining")
    hidden_share: float = Field(0.25, gt=0, lt=1)
    whole_words: bool = Field(True, description="false: each token by itself, as ALBEF")
    most_hidden: int | None = Field(None, ge=1)


class StreamParams(_Params):
    """One stream's part of a training."""

    ratio: float = Field(0.0, ge=0, description="share of optimiser steps, relative to the other streams")
    images: int = Field(1, ge=1, description="per batch")


class RegionStreamParams(StreamParams):
    """Regions with their texts."""

    most_per_image: int = Field(5, ge=1, description="a caption takes one place")
    most: int = Field(128, ge=2, description="regions per batch")


class RelationStreamParams(StreamParams):
    """Masked relation classification."""

    pairs_per_image: int = Field(2, ge=1)


class StreamsParams(_Params):
    """The mixture: one batch is of one stream."""

    captions: StreamParams = StreamParams()
    graphs: StreamParams = StreamParams()
    regions: RegionStreamParams = RegionStreamParams()
    relations: RelationStreamParams = RelationStreamParams()

    def ratios(self) -> dict[str, float]:
        """Ratio by stream."""
        return {name: getattr(self, name).ratio for name in type(self).model_fields}


class OptimiserParams(_Params):
    """AdamW, warm-up and decay."""

    kind: Literal["adamw", "legacy_adamw"] = "adamw"
    rate: float = Field(1e-4, gt=0)
    new_rate_factor: float = Field(1.0, gt=0, description="times the rate for parts that start from nothing")
    weight_decay: float = Field(0.02, ge=0)
    decay_rule: Literal["albef", "xvlm"] = "albef"
    eps: float = Field(1e-8, gt=0)
    warmup: float = Field(0.025, ge=0, lt=1, description="share of the steps")
    decay: Literal["linear", "cosine", "none"] = "linear"
    final: float = Field(0.0, ge=0, le=1, description="rate at the end, as a share of the rate")


class RecipeParams(_Params):
    """What ALBEF and X-VLM do differently besides localisation; the two relation models inherit it."""

    match_head: Literal["linear", "mlp"] = "linear"
    teacher: MomentumParams | None = None
    betas: tuple[float, float] = (0.9, 0.999)


class StartParams(_Params):
    """Checkpoints to start from, as files; None: fresh weights. See `vision_language.checkpoints`."""

    model: str | None = Field(None, description="ALBEF's or X-VLM's own file, or a folder of `save_model`")
    vision: str | None = Field(None, description="an image encoder: timm's ViT, or the image tower of CLIP")
    text: str | None = Field(None, description="a BERT")


class TextStartParams(_Params):
    """A start for the text encoder where there is no BERT: masked language modelling on the training captions alone."""

    steps: int = Field(0, ge=0, description="0: none")
    batch: int = Field(64, ge=1, description="captions per step")
    rate: float = Field(1e-3, gt=0)
    seed: int = Field(0, ge=0, description="one start for all models and seeds, as there is one BERT")


class EvaluationParams(_Params):
    """What is measured after training."""

    split: Literal["val", "test"] = "test"
    retrieval_images: int = Field(320, ge=2, description="with one caption each")
    rerank: int = Field(16, ge=1, description="candidates per query that are scored by matching")
    validate_every: float = Field(0.25, gt=0, le=1, description="share of the steps; the last step always")
    validation_items: int = Field(200, ge=1, description="caption-foil pairs of the validation images")
    batch: int = Field(128, ge=1)


class PretrainingParams(_Params):
    """What the four models have in common."""

    quick: bool = Field(False, description="a short run that shows that everything works, not what it learns")
    quick_steps: int = Field(12, ge=1)
    seeds: tuple[int, ...] = Field((0, 1), min_length=1)
    one_recipe: RecipeName | None = Field(
        None, description="train all four models by one recipe: a clean 2 x 2 of relations and localisation"
    )
    recipes: dict[RecipeName, RecipeParams] = {"albef": RecipeParams(), "x_vlm": RecipeParams()}
    model: ModelParams = ModelParams()
    start: StartParams = StartParams()
    text_start: TextStartParams = TextStartParams()
    mask_scope: MaskScope = "vit_last+cross"
    same_text_matches: bool = False
    graphs_share_queue: bool = False
    checkpoint_gradients: bool = False
    texts: TextStreamParams = TextStreamParams()
    augmentation: AugmentationParams = AugmentationParams()
    verbalisation: VerbalisationParams = VerbalisationParams()
    optimiser: OptimiserParams = OptimiserParams()
    training: TrainingParams = TrainingParams()
    evaluation: EvaluationParams = EvaluationParams()
    picture_megabytes: float = Field(500, ge=0, description="pictures kept decoded")
    workers: int = Field(0, ge=0, description="processes that build batches; 0: the training process does")
    processes: int = Field(1, ge=1, description="of data-parallel training, started from inside the node")

    def run_seeds(self) -> tuple[int, ...]:
        """Seeds of this run."""
        return self.seeds[:1] if self.quick else self.seeds

    def trains_text_start(self) -> bool:
        """Whether texts alone are read first; not where a BERT or a whole model is given."""
        return self.text_start.steps > 0 and self.start.text is None and self.start.model is None

    def text_training(self) -> TrainingParams:
        """The training loop's parameters for reading texts alone."""
        steps = min(self.quick_steps, self.text_start.steps) if self.quick else self.text_start.steps
        return self.training.model_copy(update={"seed": self.text_start.seed, "steps": steps, "accumulate": 1})

    def run_training(self, seed: int) -> TrainingParams:
        """The training loop's parameters for a seed."""
        steps = min(self.quick_steps, self.training.steps) if self.quick else self.training.steps
        every = steps if self.quick else max(1, round(steps * self.evaluation.validate_every))
        return self.training.model_copy(update={"seed": seed, "steps": steps, "validate_every": every})


class ArmParams(_Params):
    """One of the four models: its recipe and its streams."""

    name: str
    recipe: RecipeName
    localisation: bool = Field(description="predict boxes of regions")
    relations: bool = Field(description="classify masked relations")
    streams: StreamsParams


def pretrainer_params(
    common: PretrainingParams, arm: ArmParams, vocabulary: int, relation_classes: int
) -> PretrainerParams:
    """Shape of what is trained.

    Args:
        common: What the four models share.
        arm: Which of them.
        vocabulary: Entries of the tokenizer.
        relation_classes: Classes of masked relation classification.
    """
    recipe = recipe_of(common, arm)
    model = common.model.model_copy(
        update={
            "text": common.model.text.model_copy(update={"vocabulary": vocabulary}),
            "match_head": recipe.match_head,
            "box_head": arm.localisation,
            "relation_classes": relation_classes if arm.relations else 0,
        }
    )
    return PretrainerParams(
        model=model,
        teacher=recipe.teacher,
        region_scope=common.mask_scope,
        relation_scope=common.mask_scope,
        same_text_matches=common.same_text_matches,
        graphs_share_queue=common.graphs_share_queue,
    )


def recipe_of(common: PretrainingParams, arm: ArmParams) -> RecipeParams:
    """The recipe an arm is trained by."""
    return common.recipes[common.one_recipe or arm.recipe]
