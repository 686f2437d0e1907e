"""What can be chosen about a training; importable without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["fp32", "bf16", "fp16"]


class TrainingParams(BaseModel):
    """Parameters of `training.loop.fit`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(0, ge=0)
    device: Device = Field("auto", description="auto: cuda, else mps, else cpu")
    precision: Precision = Field("fp32", description="bf16 and fp16 are mixed precision; weights stay fp32")
    compile: bool = Field(False, description="torch.compile; needs a C++ compiler on the CPU")
    steps: int = Field(1000, ge=0, description="optimiser steps in all")
    accumulate: int = Field(
        1, ge=1, description="batches per optimiser step, their mean is taken; several processes share them"
    )
    clip_norm: float | None = Field(None, gt=0, description="largest norm of the gradient")
    checkpoint_every_steps: int | None = Field(None, ge=1)
    checkpoint_every_minutes: float | None = Field(5.0, gt=0)
    validate_every: int | None = Field(None, ge=1, description="steps; the last step always validates")
    log_every: int = Field(50, ge=1, description="steps whose mean makes one row of the history")
    threads: int | None = Field(None, ge=1, description="CPU threads of torch; null: torch's own choice")
