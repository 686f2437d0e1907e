"""What can be chosen about a relation head and its training; importable without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from visual_relations.training.params import TrainingParams


class UVTransEParams(BaseModel):
    """Widths of the UVTransE head as CREPE uses it (arXiv 2307.04838, code LLNL/CREPE).

    The published widths are `hidden` 512 and `embedding` 256 on 512-d features.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(512, ge=1, description="width of the subject, object and union features")
    union_dim: int | None = Field(None, ge=1, description="width of the union feature where it is another")
    hidden: int = Field(512, ge=1, description="hidden width of the three region networks and of the predicate network")
    embedding: int = Field(256, ge=1, description="width of the space where predicate = union - subject - object")
    n_predicates: int = Field(50, ge=1)
    background: bool = Field(False, description="one more class, column 0: no annotated relation (our extension)")
    union: bool = Field(True, description="False: labels only, predicate = -subject - object")

    @property
    def n_classes(self) -> int:
        """Columns of the logits."""
        return self.n_predicates + self.background


class FusionParams(BaseModel):
    """Our head (`fusion.py`): what it sees of a pair and how wide it is. A width of 0 leaves a feature out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_labels: int = Field(150, ge=1, description="object classes")
    n_predicates: int = Field(50, ge=1)
    background: bool = Field(False, description="one more class, column 0: no annotated relation")
    members: int = Field(5, ge=1, description="of the ensemble")
    hidden: int = Field(256, ge=1)
    layers: int = Field(1, ge=0, description="hidden layers after the sum of the features")
    label_dim: int = Field(512, ge=1, description="width of the label features")
    label_text: bool = Field(True, description="whether label features are looked at, beside the learned embeddings")
    label_embedding: int = Field(32, ge=0, description="width of a learned embedding per object class and side")
    geometry: int = Field(0, ge=0, description="geometry numbers")
    union: int = Field(0, ge=0, description="width of the union feature")
    text: int = Field(0, ge=0, description="width of a second union feature")
    dropout: float = Field(0.5, ge=0, lt=1, description="of hidden layers")
    input_dropout: float = Field(0.5, ge=0, lt=1, description="of union features")

    @property
    def n_classes(self) -> int:
        """Columns of the logits."""
        return self.n_predicates + self.background

    @property
    def inputs(self) -> dict[str, int]:
        """Features beside the labels, and their widths."""
        widths = {"geometry": self.geometry, "union": self.union, "text": self.text}
        return {name: width for name, width in widths.items() if width}


class HeadTrainingParams(BaseModel):
    """How a head is trained; the defaults are the practical recipe of `uvtranse.py`, not the published one.

    Published (LLNL/CREPE): SGD, rate 1e-3, no momentum, constant, one image per step in a fixed order, 100 epochs,
    plain cross-entropy: `optimizer="sgd", momentum=0, schedule="constant", batches="images", epochs=100`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = Field(1e-2, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1, description="of SGD")
    weight_decay: float = Field(0.0, ge=0)
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup: float = Field(0.0, ge=0, lt=1, description="share of the steps with a rising rate, under 'cosine'")
    epochs: int = Field(20, ge=1)
    batches: Literal["pairs", "images"] = Field("pairs", description="'images': one image per step, in fixed order")
    batch_size: int = Field(256, ge=1, description="pairs per step; unused with batches='images'")
    foreground_share: float = Field(
        0.25, gt=0, le=1, description="of a batch, with a background class: at least this share is annotated pairs"
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    logit_adjustment: float = Field(
        0.0,
        ge=0,
        description="tau: tau*log(predicate share) joins the training logits (Menon et al., arXiv 2007.07314)",
    )
    dlfe: bool = Field(False, description="keep DLFE's running label frequencies while training")
    loop: TrainingParams = Field(default_factory=TrainingParams, description="device, precision, checkpoints")
