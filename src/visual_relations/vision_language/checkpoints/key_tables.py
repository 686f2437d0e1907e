"""What each tensor of the model is called in checkpoints of other programs.

A table is the full list of correspondences, so it reads in both directions and says what is missing or left over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from visual_relations.vision_language.params import ModelParams, SwinParams, ViTParams

Layout = Literal["albef", "albef_retrieval", "xvlm", "xvlm_retrieval", "timm_vit", "open_clip", "bert"]


class Key(NamedTuple):
    """One tensor: its name here, its name there, and which third of it (queries, keys, values are one tensor there)."""

    ours: str
    theirs: str
    third: int | None = None


def key_table(config: ModelParams, layout: Layout) -> list[Key]:
    """All correspondences of a layout for a model of this shape.

    `timm_vit` and `open_clip` hold only an image encoder, `bert` only the text encoder.

    Raises:
        TypeError: If the layout has no image encoder of this kind.
    """
    if layout == "timm_vit":
        return list(_vit(_vit_params(config, layout), ""))
    if layout == "open_clip":
        return list(_clip_vit(_vit_params(config, layout)))
    if layout == "bert":
        return list(_text(config, "bert.", "cls.", with_crossing=False))
    program, _, fine_tuned = layout.partition("_")
    # Fine-tuned retrieval files have no level "bert." and no word prediction head.
    bert, head = ("text_encoder.", None) if fine_tuned else ("text_encoder.bert.", "text_encoder.cls.")
    return [
        *_image(config, "visual_encoder." if program == "albef" else "vision_encoder."),
        *_text(config, bert, head),
        *_weight_and_bias("image_projection", "vision_proj"),
        *_weight_and_bias("text_projection", "text_proj"),
        Key("temperature", "temp"),
        *_heads(config),
    ]


def momentum_table(config: ModelParams, layout: Layout) -> list[Key]:
    """Correspondences of ALBEF's momentum copies and queues (`momentum.Teacher`)."""
    bert, head = (
        ("text_encoder_m.", None) if layout == "albef_retrieval" else ("text_encoder_m.bert.", "text_encoder_m.cls.")
    )
    copies = [
        *_image(config, "visual_encoder_m."),
        *_text(config, bert, head),
        *_weight_and_bias("image_projection", "vision_proj_m"),
        *_weight_and_bias("text_projection", "text_proj_m"),
    ]
    queues = ["image_queue", "text_queue", *(["idx_queue"] if layout == "albef_retrieval" else [])]
    names = {"idx_queue": "identity_queue"}
    return [
        *(key._replace(ours=f"model.{key.ours}") for key in copies),
        *(Key(names.get(name, name), name) for name in queues),
        Key("position", "queue_ptr"),
    ]


def _image(config: ModelParams, prefix: str) -> Iterator[Key]:
    if isinstance(config.vision, SwinParams):
        return _swin(config.vision, prefix)
    return _vit(config.vision, prefix)


def _vit_params(config: ModelParams, layout: str) -> ViTParams:
    if not isinstance(config.vision, ViTParams):
        raise TypeError(f"layout {layout!r} holds a ViT, the model has a {config.vision.kind}")
    return config.vision


def _vit(params: ViTParams, prefix: str) -> Iterator[Key]:
    yield Key("vision.vit.embeddings.cls_token", f"{prefix}cls_token")
    yield Key("vision.vit.embeddings.position_embeddings", f"{prefix}pos_embed")
    yield from _weight_and_bias("vision.vit.embeddings.patch_embeddings.projection", f"{prefix}patch_embed.proj")
    for index in range(params.depth):
        yield from _block(f"vision.vit.layers.{index}.", f"{prefix}blocks.{index}.")
    yield from _weight_and_bias("vision.vit.layernorm", f"{prefix}norm")


def _swin(params: SwinParams, prefix: str) -> Iterator[Key]:
    yield from _weight_and_bias("vision.swin.embeddings.patch_embeddings.projection", f"{prefix}patch_embed.proj")
    yield from _weight_and_bias("vision.swin.embeddings.norm", f"{prefix}patch_embed.norm")
    for stage, depth in enumerate(params.depths):
        ours, theirs = f"vision.swin.encoder.layers.{stage}.", f"{prefix}layers.{stage}."
        for index in range(depth):
            ours_block, theirs_block = f"{ours}blocks.{index}.", f"{theirs}blocks.{index}."
            yield from _block(ours_block, theirs_block)
            bias = "relative_position_bias_table"
            yield Key(f"{ours_block}attention.relative_position_bias.{bias}", f"{theirs_block}attn.{bias}")
        if stage < len(params.depths) - 1:
            yield Key(f"{ours}downsample.reduction.weight", f"{theirs}downsample.reduction.weight")
            yield from _weight_and_bias(f"{ours}downsample.norm", f"{theirs}downsample.norm")
    yield from _weight_and_bias("vision.swin.layernorm", f"{prefix}norm")


def _block(ours: str, theirs: str) -> Iterator[Key]:
    """A block of the original ViT or Swin."""
    for kind in ("weight", "bias"):
        for third, name in enumerate(("q_proj", "k_proj", "v_proj")):
            yield Key(f"{ours}attention.{name}.{kind}", f"{theirs}attn.qkv.{kind}", third)
    yield from _weight_and_bias(f"{ours}attention.o_proj", f"{theirs}attn.proj")
    yield from _weight_and_bias(f"{ours}layernorm_before", f"{theirs}norm1")
    yield from _weight_and_bias(f"{ours}layernorm_after", f"{theirs}norm2")
    yield from _weight_and_bias(f"{ours}mlp.fc1", f"{theirs}mlp.fc1")
    yield from _weight_and_bias(f"{ours}mlp.fc2", f"{theirs}mlp.fc2")


def _clip_vit(params: ViTParams) -> Iterator[Key]:
    """CLIP's image tower as open_clip names it; its patch projection has no bias."""
    yield Key("vision.vit.embeddings.cls_token", "visual.class_embedding")
    yield Key("vision.vit.embeddings.position_embeddings", "visual.positional_embedding")
    yield Key("vision.vit.embeddings.patch_embeddings.projection.weight", "visual.conv1.weight")
    yield from _weight_and_bias("vision.pre_norm", "visual.ln_pre")
    for index in range(params.depth):
        ours, theirs = f"vision.vit.layers.{index}.", f"visual.transformer.resblocks.{index}."
        for kind in ("weight", "bias"):
            for third, name in enumerate(("q_proj", "k_proj", "v_proj")):
                yield Key(f"{ours}attention.{name}.{kind}", f"{theirs}attn.in_proj_{kind}", third)
        yield from _weight_and_bias(f"{ours}attention.o_proj", f"{theirs}attn.out_proj")
        yield from _weight_and_bias(f"{ours}layernorm_before", f"{theirs}ln_1")
        yield from _weight_and_bias(f"{ours}layernorm_after", f"{theirs}ln_2")
        yield from _weight_and_bias(f"{ours}mlp.fc1", f"{theirs}mlp.c_fc")
        yield from _weight_and_bias(f"{ours}mlp.fc2", f"{theirs}mlp.c_proj")
    yield from _weight_and_bias("vision.vit.layernorm", "visual.ln_post")


def _text(config: ModelParams, bert: str, head: str | None, *, with_crossing: bool = True) -> Iterator[Key]:
    for name in ("word_embeddings", "position_embeddings", "token_type_embeddings"):
        yield Key(f"text.embeddings.{name}.weight", f"{bert}embeddings.{name}.weight")
    yield from _weight_and_bias("text.embeddings.LayerNorm", f"{bert}embeddings.LayerNorm")
    for index in range(config.text.layers):
        parts = ["attention"]
        if with_crossing and index >= config.text.fusion_from:
            parts.append("crossattention")
        modules = ["intermediate.dense", "output.dense", "output.LayerNorm"]
        for part in parts:
            modules += [f"{part}.self.{name}" for name in ("query", "key", "value")]
            modules += [f"{part}.output.dense", f"{part}.output.LayerNorm"]
        for module in modules:
            yield from _weight_and_bias(f"text.layers.{index}.{module}", f"{bert}encoder.layer.{index}.{module}")
    if head is not None:
        ours, theirs = "text.token_head.predictions.", f"{head}predictions."
        yield from _weight_and_bias(f"{ours}transform.dense", f"{theirs}transform.dense")
        yield from _weight_and_bias(f"{ours}transform.LayerNorm", f"{theirs}transform.LayerNorm")
        yield Key(f"{ours}bias", f"{theirs}bias")


def _heads(config: ModelParams) -> Iterator[Key]:
    if config.match_head == "linear":
        yield from _weight_and_bias("match_head", "itm_head")
    if config.match_head == "mlp":
        for index in (0, 1, 3):
            yield from _weight_and_bias(f"match_head.{index}", f"itm_head.{index}")
    if config.box_head:
        for index in (0, 1, 3):
            yield from _weight_and_bias(f"box_head.{index}", f"bbox_head.{index}")


def _weight_and_bias(ours: str, theirs: str) -> Iterator[Key]:
    for kind in ("weight", "bias"):
        yield Key(f"{ours}.{kind}", f"{theirs}.{kind}")
