"""What can be chosen about captioners and their captions; importable without torch."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from visual_relations.training.params import TrainingParams

IGNORED = -100  # target of a position that is not learned from


class MapperParams(BaseModel):
    """From one image vector to a prefix of k vectors for the language model (paper, section 3.2)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mlp", "transformer", "linear"] = "mlp"
    prefix_length: int = Field(10, ge=1, description="k, vectors handed to the language model")
    clip_length: int = Field(10, ge=1, description="transformer: vectors the image vector is expanded to")
    layers: int = Field(8, ge=1, description="transformer")
    heads: int = Field(8, ge=1, description="transformer; divides the width of the language model")
    feedforward_ratio: float = Field(2.0, gt=0, description="transformer: hidden width over width")


class ViewParams(BaseModel):
    """A grid of overlapping parts of a photo, each encoded beside the whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: int = Field(3, ge=1)
    rows: int = Field(2, ge=1)
    width: float = Field(0.5, gt=0, le=1, description="share of the photo's width that a view shows")
    height: float = Field(0.6, gt=0, le=1, description="share of the photo's height")

    @property
    def count(self) -> int:
        """V, views per photo."""
        return self.columns * self.rows


class CaptionerConfig(BaseModel):
    """All that is needed to build a captioner again, but for its weights.

    Attributes:
        mapper: Kind and sizes of the mapper.
        feature_dim: Width of the image vectors, with those of views.
        views: Views whose vectors follow that of the whole photo (`views.encode_with_views`); None: the photo alone.
        normalize: Whether image vectors are brought to length 1 first. Part of the model, because a model that was
            trained one way gives nonsense the other way.
        tune_language_model: Whether training changes the language model.
        language_model: Folder or hub name of language model and tokenizer.
        architecture: The language model's transformers configuration; present when its weights are part of the
            captioner (they were tuned, or came with an imported checkpoint), absent when they stay in `language_model`.
        language_model_fingerprint: Of the weights of `language_model`, when they are not part of the captioner.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mapper: MapperParams = MapperParams()
    feature_dim: int = Field(ge=1)
    views: ViewParams | None = None
    normalize: bool = True
    tune_language_model: bool = False
    language_model: str | None = None
    architecture: dict[str, Any] | None = None
    language_model_fingerprint: str | None = None

    @model_validator(mode="after")
    def _has_a_language_model(self) -> Self:
        if self.language_model is None and self.architecture is None:
            raise ValueError("a captioner needs a language model: give `language_model` or `architecture`")
        if self.tune_language_model and self.architecture is None:
            raise ValueError("a tuned language model is saved with the captioner: give its `architecture`")
        return self


class DecodingParams(BaseModel):
    """How captions are written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["greedy", "beam", "sample"] = "beam"
    beams: int = Field(5, ge=1)
    max_tokens: int = Field(67, ge=1)
    temperature: float = Field(1.0, gt=0)
    length_exponent: float = Field(1.0, ge=0, description="beams are ranked by log-probability / length ** this")
    top_k: int | None = Field(None, ge=1, description="sample among the k most probable tokens")
    top_p: float | None = Field(None, gt=0, le=1, description="sample among the fewest tokens of this probability")
    repetition_penalty: float = Field(1.0, gt=0, description="CTRL's; 1 does nothing")
    no_repeat_ngram: int = Field(0, ge=0, description="no n-gram of this length twice; 0 does nothing")
    stop_at: str | None = Field(None, description="also stop after this text, one token long; it stays in the caption")
    batch_size: int = Field(32, ge=1, description="images at a time; does not change the captions")
    seed: int = Field(0, ge=0, description="of sampling")


class ExampleParams(BaseModel):
    """How caption texts become training examples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: bool = Field(False, description="as the original: no end token, token 0 never learned, its own cut")
    max_tokens: int = Field(60, ge=2, description="longer captions are cut; not used in reference mode")


class CaptionTrainingParams(BaseModel):
    """How a captioner is trained. The defaults are the paper's recipe for COCO, but for `reference`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: bool = Field(False, description="token 0 is never learned, as in the original")
    batch_size: int = Field(40, ge=1)
    buckets: int = Field(50, ge=1, description="batches sorted by caption length together; 1: in random order")
    learning_rate: float = Field(2e-5, gt=0)
    language_model_learning_rate: float | None = Field(None, gt=0, description="when it is tuned; empty: the same")
    warmup_steps: int = Field(5000, ge=0)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: float = Field(0.0, ge=0)
    epsilon: float = Field(1e-6, gt=0)
    original_adamw: bool = Field(False, description="epsilon before the bias correction, as in transformers 4")
    validation_images: int | None = Field(500, ge=1, description="captioned at every validation; empty: all")
    validation_decoding: DecodingParams = DecodingParams(method="greedy", max_tokens=30, batch_size=100)
    loop: TrainingParams = TrainingParams()
