"""Parameters of `clipcap_tuning`; see conf/base/clipcap_tuning/parameters.yml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from visual_relations.captioning.params import CaptionTrainingParams, MapperParams
from visual_relations.tuning.params import StudyParams


class ClipcapTrialParams(BaseModel):
    """What one trial trains; the search space names fields below it, e.g. `mapper.prefix_length`.

    Attributes:
        mapper: Kind and sizes of the mapper.
        normalize: Whether image vectors are brought to length 1 first.
        tune_language_model: Whether training changes the language model.
        max_tokens: Longer training captions are cut.
        training: Of the captioner.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mapper: MapperParams
    normalize: bool = True
    tune_language_model: bool = False
    max_tokens: int = Field(40, ge=2)
    training: CaptionTrainingParams


class ClipcapTuningParams(BaseModel):
    """All parameters of the pipeline.

    Attributes:
        base: What every trial starts from.
        study: What is searched. The value of a trial is the best CIDEr on validation images, captioned greedily.
        variant: Name under which the best captioner is written into the parameters of `clipcap`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: ClipcapTrialParams
    study: StudyParams
    variant: str = "tuned_by_study"
