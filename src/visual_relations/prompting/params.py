"""Parameters of pseudo labels, prompts and their training; importable without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from visual_relations.training.params import TrainingParams

CONTEXT = "{context}"


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PseudoLabelParams(_Params):
    """How the text bank is searched.

    Attributes:
        block_mb: Memory of one block of similarities; the search needs about three times this beside the banks.
    """

    block_mb: float = Field(64, gt=0)


class PromptParams(_Params):
    """The shape of a prompt.

    Attributes:
        template: Words around the placeholders {subject}, {object} and {context}; CREPE's "middle" is
            "{subject} {context} {object} .", its "front" is "{context} {subject} {object} .".
        n_context: M, learnable tokens that stand where {context} is.
        context_init: "X" copies the embedding of the word X into every row, as published code does; "random" draws
            N(0, 0.02) like CoOp, so that rows differ from the start.
        image_bias: Whether a small network adds one vector computed from the pair's picture to all context rows.
        max_tokens: Budget of the whole prompt, start and end included; longer prompts lose their last words.
    """

    template: str = "{subject} {context} {object} ."
    n_context: int = Field(8, ge=1, le=64)
    context_init: Literal["X", "random"] = "X"
    image_bias: bool = True
    max_tokens: int = Field(77, ge=5)

    @model_validator(mode="after")
    def _placeholders(self) -> PromptParams:
        words = self.template.split()
        for needed in ("{subject}", "{object}", CONTEXT):
            if words.count(needed) != 1:
                raise ValueError(f"template {self.template!r} must hold {needed} once, as a word of its own")
        return self


class ContrastiveParams(_Params):
    """Stage 1: the prompt is learned without any predicate label.

    Attributes:
        loss: "softplus" is CREPE's softplus(cos(image, pseudo text) - cos(image, prompt)); "cosine" is
            1 - cos(image, prompt).
        optimizer: "sgd" without momentum is the published one; "adamw" reaches the same loss in far fewer steps.
        learning_rate: Of the optimizer.
        momentum: Of SGD.
        schedule: "constant" as in the code, "cosine" as in the paper.
        warmup_steps: Linear warm-up before the cosine.
        batch_size: Pairs per step.
        loop: Steps, seed, device, precision, checkpoints.
    """

    loss: Literal["softplus", "cosine"] = "softplus"
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = Field(2e-3, gt=0)
    momentum: float = Field(0.0, ge=0, lt=1)
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: int = Field(0, ge=0)
    batch_size: int = Field(256, ge=1)
    loop: TrainingParams = TrainingParams(steps=500)


class PromptLearnerParams(_Params):
    """The prompt and its training."""

    prompt: PromptParams = PromptParams()
    contrastive: ContrastiveParams = ContrastiveParams()
