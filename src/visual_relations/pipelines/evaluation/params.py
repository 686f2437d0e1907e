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


class SwappedParams(_Params):
    """Items made from annotated relations: does a model notice when subject and object change places?"""

    benchmark: str = Field(min_length=1, description="name in the tables; must end in /swapped")
    split: str = "test"
    per_predicate: int = Field(20, ge=1, description="most items of one predicate")
    seed: int = 0


class EvaluationParams(_Params):
    """Parameters of the pipeline `evaluation`."""

    clip_name: str = Field("CLIP", min_length=1, description="as it stands in the tables")
    quick_relation_name: str = Field("quick relation model", min_length=1)
    relation_model: str = Field("seed_0", min_length=1, description="which of each relation model's trainings")
    captioners: dict[str, str] = Field({}, description="captioners that are scored: stored name to name in the tables")
    language_model_name: str = Field("language model without pictures", min_length=1)
    scoring: ScoringParams = ScoringParams()
    swapped: SwappedParams
    controls: tuple[str, ...] = Field((), description="models and variants that are controls in the scoreboard")
    title: str = "Scoreboard"
    lead: str = ""
