"""Which CLIP; importable without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

CropMode = Literal["center_crop", "squash", "pad"]


class ClipParams(BaseModel):
    """Parameters of `clip.load.load_clip`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        "ViT-B-32-quickgelu", min_length=1, description="open_clip name, local-dir:FOLDER, or hf-hub:OWNER/NAME"
    )
    pretrained: str | None = Field(
        None, description="tag or weights file of a named model; 'random' for untrained weights; null for a folder"
    )
    force_quick_gelu: bool | None = Field(None, description="null: as the pretrained tag says")
    cache: Path | None = Field(None, description="folder for downloads; null: the hub's own")
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = Field("fp32", description="of the computation; weights stay fp32")
    threads: int | None = Field(None, ge=1, description="CPU threads of torch; null: torch's own choice")
