"""What is measured about relation predictions."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RelationEvaluationParams(BaseModel):
    """Parameters of the relation metrics."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark: str = Field(min_length=1, description="name of the world in the metric table")
    split: str = Field("test", description="split whose pairs are evaluated")
    ks: tuple[int, ...] = Field((5, 10, 15, 20, 50, 100), min_length=1)
    protocols: tuple[str, ...] = Field(("annotated_pairs", "all_pairs"), description="those the controls are made for")
    control_seed: int = 0
