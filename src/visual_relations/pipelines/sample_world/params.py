"""Parameters of `sample_world`; see conf/base/sample_world/parameters.yml."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class WorldSize(BaseModel):
    """How much is drawn and how long is trained.

    Attributes:
        scenes: Pictures of the world.
        clip_scenes: Further pictures, in no split, that CLIP is trained on.
        clip_steps: Optimiser steps of CLIP.
        caption_scenes: Further scenes whose captions train the language model and the tokenizers.
        language_steps: Optimiser steps of the language model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenes: int = Field(ge=10)
    clip_scenes: int = Field(ge=10)
    clip_steps: int = Field(ge=1)
    caption_scenes: int = Field(ge=10)
    language_steps: int = Field(ge=1)


class SampleWorldParams(BaseModel):
    """All parameters of the pipeline.

    Attributes:
        scale: Which of the sizes to make: a small slice to look at, or the world that the project comes with.
        seed: Of everything drawn, written and trained.
        shares: Part of the pictures in each split.
        jpeg_quality: Of the pictures.
        clip_batch: Crops per training step of CLIP.
        clip_rate: Highest learning rate of CLIP.
        language_vocabulary: Tokens of the language model.
        wordpiece_vocabulary: Tokens of the WordPiece tokenizer, at most.
        language_rate: Highest learning rate of the language model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: Literal["small", "full"] = "small"
    sizes: dict[Literal["small", "full"], WorldSize]
    seed: int = Field(1, ge=0)
    shares: dict[Literal["train", "val", "test"], float]
    jpeg_quality: int = Field(80, ge=1, le=95)
    clip_batch: int = Field(128, ge=8)
    clip_rate: float = Field(1e-3, gt=0)
    language_vocabulary: int = Field(800, ge=300)
    wordpiece_vocabulary: int = Field(600, ge=100)
    language_rate: float = Field(2e-3, gt=0)
    threads: int | None = Field(1, ge=1, description="CPU threads of the trainings; null: torch's own choice")

    @property
    def size(self) -> WorldSize:
        """The size that is to be made."""
        return self.sizes[self.scale]
