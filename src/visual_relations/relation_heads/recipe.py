"""The reference head with its training, as one recipe that pipelines share; importable without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from visual_relations.relation_heads.params import HeadTrainingParams, UVTransEParams


class HeadRecipe(BaseModel):
    """A UVTransE head and how it is trained.

    Attributes:
        hidden: Hidden width of the head's networks.
        embedding: Width of the space where predicate = union - subject - object.
        scaling: Of the features (see scaling.py): "raw" as published, "unit", or "centred".
        training: Of the head.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hidden: int = Field(512, ge=1)
    embedding: int = Field(256, ge=1)
    scaling: Literal["raw", "unit", "centred"] = "raw"
    training: HeadTrainingParams = HeadTrainingParams()

    def head(self, dim: int, n_predicates: int, *, background: bool, union: bool) -> UVTransEParams:
        """Parameters of the head for features of width `dim`."""
        return UVTransEParams(
            dim=dim,
            hidden=self.hidden,
            embedding=self.embedding,
            n_predicates=n_predicates,
            background=background,
            union=union,
        )

    def seeded(self, seed: int) -> HeadTrainingParams:
        """The training under another seed."""
        return self.training.model_copy(update={"loop": self.training.loop.model_copy(update={"seed": seed})})
