"""Parameters of `clip_features`; see conf/base/clip_features/parameters.yml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from visual_relations.clip.params import ClipParams, CropMode


class ClipFeaturesParams(BaseModel):
    """All parameters of the pipeline."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clip: ClipParams = ClipParams()
    crop_mode: CropMode | None = Field(None, description="how a crop becomes square; null: the model's own way")
    candidate_pairs: bool = Field(False, description="union crops of all ordered pairs too, not only of annotated ones")
    object_images: bool = Field(False, description="a crop of every object; without it that bank stays empty")
    batch_size: int = Field(64, ge=1, description="images or texts per call of the model")
    decode_threads: int = Field(2, ge=1, description="threads that decode and resize while the model computes")
    rows_per_shard: int = Field(16_384, ge=1, description="rows that are at risk when the process dies")
