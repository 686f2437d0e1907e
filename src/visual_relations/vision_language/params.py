"""Shape of a vision-language model; importable without torch.

One set of parameters describes ALBEF, X-VLM and what is built on them: an image encoder (ViT or Swin), a text encoder
whose upper layers also attend to the image, and heads.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

# Where an entity's surroundings are hidden: only from the text (cross), also inside the last blocks of the ViT, or
# before the image encoder sees anything (pixels).
MaskScope = Literal["cross", "vit_last+cross", "pixels"]

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def _divides(part: int, whole: int, part_name: str, whole_name: str) -> None:
    if whole % part:
        raise ValueError(f"{whole_name} {whole} is not a multiple of {part_name} {part}")


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ViTParams(_Params):
    """A vision transformer; the defaults are ViT-B/16."""

    kind: Literal["vit"] = "vit"
    image_size: int = Field(224, ge=1, description="pixels, square")
    patch_size: int = Field(16, ge=1, description="pixels")
    width: int = Field(768, ge=1)
    depth: int = Field(12, ge=1)
    heads: int = Field(12, ge=1)
    mlp_ratio: float = Field(4.0, gt=0)
    layer_norm_eps: float = Field(1e-6, gt=0)
    activation: Literal["gelu", "quick_gelu"] = "gelu"
    pre_norm: bool = Field(False, description="layer norm before the first block, as CLIP's image tower has")
    masked_depth: int = Field(4, ge=0, description="last blocks that see a region's mask")
    dropout: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _fits(self) -> ViTParams:
        _divides(self.patch_size, self.image_size, "patch_size", "image_size")
        _divides(self.heads, self.width, "heads", "width")
        if self.masked_depth > self.depth:
            raise ValueError(f"masked_depth {self.masked_depth} is more than the {self.depth} blocks there are")
        return self

    @property
    def cell(self) -> int:
        """Pixels covered by one image token, per side."""
        return self.patch_size

    @property
    def output_width(self) -> int:
        """Width of an image token."""
        return self.width


class SwinParams(_Params):
    """A Swin transformer; the defaults are Swin-B, patch 4, window 7."""

    kind: Literal["swin"] = "swin"
    image_size: int = Field(224, ge=1, description="pixels, square")
    patch_size: int = Field(4, ge=1, description="pixels")
    window: int = Field(7, ge=1, description="patches per side within which a block attends")
    width: int = Field(128, ge=1, description="of the first stage; doubles with each")
    depths: tuple[int, ...] = (2, 2, 18, 2)
    heads: tuple[int, ...] = (4, 8, 16, 32)
    mlp_ratio: float = Field(4.0, gt=0)
    layer_norm_eps: float = Field(1e-5, gt=0)
    drop_path: float = Field(0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _fits(self) -> SwinParams:
        _divides(self.cell, self.image_size, "pixels per token", "image_size")
        if len(self.depths) != len(self.heads):
            raise ValueError(f"{len(self.depths)} depths but {len(self.heads)} heads: give one of each per stage")
        if self.image_size // self.cell < self.window:
            # transformers' Swin sizes every bias table by the window and cannot shrink it for a small last stage.
            raise ValueError(
                f"the last stage has {self.image_size // self.cell} tokens per side, fewer than window {self.window}: "
                "use larger images or a smaller window"
            )
        return self

    @property
    def cell(self) -> int:
        """Pixels covered by one image token, per side."""
        return self.patch_size * 2 ** (len(self.depths) - 1)

    @property
    def output_width(self) -> int:
        """Width of an image token."""
        return int(self.width * 2 ** (len(self.depths) - 1))


VisionParams = Annotated[ViTParams | SwinParams, Field(discriminator="kind")]


class TextParams(_Params):
    """A BERT whose layers from `fusion_from` on also attend to the image; the defaults are BERT-base, half and half."""

    vocabulary: int = Field(30522, ge=1)
    width: int = Field(768, ge=1)
    layers: int = Field(12, ge=1)
    fusion_from: int = Field(6, ge=0, description="first layer that looks at the image")
    heads: int = Field(12, ge=1)
    mlp_width: int = Field(3072, ge=1)
    max_positions: int = Field(512, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)
    layer_norm_eps: float = Field(1e-12, gt=0)
    initial_std: float = Field(0.02, gt=0, description="of fresh weights; BERT's 0.02 is meant for a width of 768")

    @model_validator(mode="after")
    def _fits(self) -> TextParams:
        _divides(self.heads, self.width, "heads", "width")
        if self.fusion_from >= self.layers:
            raise ValueError(f"fusion_from {self.fusion_from} leaves none of the {self.layers} layers to see the image")
        return self


class ModelParams(_Params):
    """The whole model.

    `match_head` is one linear layer in ALBEF and a small network in X-VLM; `none` in momentum copies.
    `relation_classes` is the number of classes of masked relation classification, 0 for a model without that head.
    """

    vision: VisionParams = ViTParams()
    text: TextParams = TextParams()
    embedding: int = Field(256, ge=1, description="width of the space in which images and texts are compared")
    temperature: float = Field(0.07, gt=0, description="at the start; learned")
    match_head: Literal["linear", "mlp", "none"] = "linear"
    box_head: bool = False
    relation_classes: int = Field(0, ge=0)
    relation_hidden: int = Field(3072, ge=1)
    mean: tuple[float, float, float] = Field(CLIP_MEAN, description="of the pixels, as shares of 255")
    std: tuple[float, float, float] = CLIP_STD

    @property
    def grid(self) -> int:
        """Image tokens per side, without the first one."""
        return self.vision.image_size // self.vision.cell


class MomentumParams(_Params):
    """ALBEF's momentum teacher."""

    queue: int = Field(65536, ge=0, description="features kept per kind; a multiple of the batch, 0: none")
    momentum: float = Field(0.995, ge=0, lt=1)
    alpha: float = Field(0.4, ge=0, le=1, description="weight of the teacher's opinion")
    ramp_steps: int = Field(0, ge=0, description="steps over which alpha rises to its value")


class PretrainerParams(_Params):
    """A model and how it is pretrained.

    `same_text_matches` lets equal texts of a batch match each other's images, as ALBEF's retrieval fine-tuning does for
    equal images; the originals' pretraining does not, and counts them as negatives.
    """

    model: ModelParams = ModelParams()
    teacher: MomentumParams | None = None
    region_scope: MaskScope = "vit_last+cross"
    relation_scope: MaskScope = "vit_last+cross"
    same_text_matches: bool = False
    graphs_share_queue: bool = Field(False, description="graph sentences use the captions' queue; false: no queue")
