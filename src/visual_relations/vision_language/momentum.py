"""ALBEF's teacher: slowly following copies of the encoders, and queues of the features they gave to past batches.

Shapes: B batch, E embedding, Q queue, K keys (the batch, then the queue).
"""

from __future__ import annotations

from typing import Any, Self

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.params import ModelParams


class TeacherParams(BaseModel):
    """Shape of a teacher."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelParams
    queue: int = Field(65536, ge=0, description="features kept per kind; a multiple of the batch, 0: none")
    momentum: float = Field(0.995, ge=0, lt=1)
    identities: bool = Field(False, description="also keep which image a feature came from (retrieval fine-tuning)")


class Teacher(nn.Module):
    """Momentum copies of both encoders with their projections and word prediction head; and the queues."""

    image_queue: Tensor  # (E, Q)
    text_queue: Tensor  # (E, Q)
    identity_queue: Tensor  # (1, Q)
    position: Tensor  # (1,) where the next features go
    followed: Tensor  # (1,) the last optimiser step that was followed

    def __init__(self, config: TeacherParams) -> None:
        super().__init__()
        self.config = config
        bare = {"match_head": "none", "box_head": False, "relation_classes": 0}
        self.model = VisionLanguageModel(config.model.model_copy(update=bare))
        self.requires_grad_(requires_grad=False)
        shape = (config.model.embedding, config.queue)
        for name in ("image_queue", "text_queue"):
            self.register_buffer(name, functional.normalize(torch.randn(shape), dim=0))
        self.register_buffer("position", torch.zeros(1, dtype=torch.long))
        if config.identities:
            self.register_buffer("identity_queue", torch.full((1, config.queue), -100))
        # Which optimiser step the copies last followed: with several batches per step they must follow once.
        self.register_buffer("followed", torch.full((1,), -1))

    @classmethod
    def from_config(cls, config: TeacherParams | dict[str, Any]) -> Self:
        """Build a teacher with fresh weights; `copy_from` a model before use."""
        return cls(TeacherParams.model_validate(config))

    @torch.no_grad()
    def copy_from(self, model: VisionLanguageModel) -> None:
        """Start as a copy of a model."""
        self.follow(model, momentum=0.0)

    @torch.no_grad()
    def follow(self, model: VisionLanguageModel, momentum: float | None = None, step: int | None = None) -> None:
        """Move towards a model: copy = momentum * copy + (1 - momentum) * model.

        Args:
            model: What is being trained.
            momentum: None: the teacher's own.
            step: Number of the optimiser step; nothing happens when it was followed already. None: always follow.
        """
        if step is not None:
            if int(self.followed) == step:
                return
            self.followed.fill_(step)
        keep = self.config.momentum if momentum is None else momentum
        online = dict(model.named_parameters())
        for name, copy in self.model.named_parameters():
            copy.mul_(keep).add_(online[name], alpha=1 - keep)

    def keys(self, features_BE: Tensor, queue_EQ: Tensor | None) -> Tensor:
        """What queries are compared with (E, K): the batch's own momentum features, then the queue."""
        own = features_BE.t()
        return own if queue_EQ is None else torch.cat([own, queue_EQ.clone().detach()], dim=1)

    def identity_keys(self, identities_B: Tensor) -> Tensor:
        """Which image each key of `keys` came from (K,)."""
        return torch.cat([identities_B, self.identity_queue[0].clone()])

    @torch.no_grad()
    def enqueue(self, image_BE: Tensor, text_BE: Tensor, identities_B: Tensor | None = None) -> None:
        """Let the batch's features replace the oldest ones.

        Raises:
            ValueError: If the queue is no multiple of the batch.
        """
        size, batch = self.config.queue, len(image_BE)
        if batch == 0 or size % batch:
            raise ValueError(f"a queue of {size} cannot be filled by batches of {batch}: make it a multiple")
        place = int(self.position) % size
        self.image_queue[:, place : place + batch] = image_BE.t()
        self.text_queue[:, place : place + batch] = text_BE.t()
        if identities_B is not None:
            self.identity_queue[0, place : place + batch] = identities_B
        self.position[0] = (place + batch) % size
