"""Parameters of `crepe_tuning`; see conf/base/crepe_tuning/parameters.yml."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from visual_relations.prompting.params import PromptLearnerParams
from visual_relations.relation_heads.recipe import HeadRecipe
from visual_relations.tuning.params import StudyParams


class CrepeTrialParams(BaseModel):
    """What one trial trains; the search space names fields below it, e.g. `prompt_learner.prompt.n_context`.

    Attributes:
        prompt_learner: Stage 1.
        head: Stage 2, on annotated pairs.
        calibration: Of the head's probabilities before they are measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt_learner: PromptLearnerParams
    head: HeadRecipe
    calibration: Literal["none", "train_est"] = "none"


class CrepeTuningParams(BaseModel):
    """All parameters of the pipeline.

    Attributes:
        base: What every trial starts from.
        study: What is searched.
        k: The trial's value is the mean recall at this cut-off over annotated pairs of validation images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: CrepeTrialParams
    study: StudyParams
    k: int = Field(20, ge=1)
