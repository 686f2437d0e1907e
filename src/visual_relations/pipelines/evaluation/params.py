"""What is evaluated and how."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoringParams(_Params):
    """Batch sizes of scoring. A batch is what a killed run loses."""

    image_batch: int = Field(64, ge=1)
    text_batch: int = Field(256, ge=1)
    pair_batch: int = Field(256, ge=1)
    rerank: int = Field(256, ge=1, description="candidates of the first stage that a re-ranking model looks at again")


class EvaluationParams(_Params):
    """Parameters of the pipeline `evaluation`."""

    scoring: ScoringParams = ScoringParams()
