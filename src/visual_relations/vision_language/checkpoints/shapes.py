"""The shape of a model, read off the tensors of its checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from visual_relations.vision_language.checkpoints.key_tables import Layout
from visual_relations.vision_language.params import ModelParams, SwinParams, TextParams, ViTParams

HEAD = 64  # width of an attention head in every released ViT and BERT


def infer_params(tensors: Mapping[str, Tensor], layout: Layout, heads: int | None = None) -> ModelParams:
    """Parameters of a model that a checkpoint of ALBEF or X-VLM fits.

    Args:
        tensors: The checkpoint.
        layout: Whose it is.
        heads: Attention heads of ViT and BERT, which no tensor shows; None: as wide as in the released models.

    Raises:
        ValueError: If the checkpoint is not of a whole model.
    """
    if not layout.startswith(("albef", "xvlm")):
        raise ValueError(f"a checkpoint of layout {layout!r} holds no whole model: name it under `start` instead")
    prefix = "visual_encoder." if layout.startswith("albef") else "vision_encoder."
    bert = "text_encoder." if layout.endswith("retrieval") else "text_encoder.bert."
    vision = _vit(tensors, prefix, heads) if f"{prefix}cls_token" in tensors else _swin(tensors, prefix)
    return ModelParams(
        vision=vision,
        text=_text(tensors, bert, heads),
        embedding=tensors["vision_proj.weight"].shape[0],
        match_head="linear" if "itm_head.weight" in tensors else "mlp",
        box_head="bbox_head.0.weight" in tensors,
    )


def _vit(tensors: Mapping[str, Tensor], prefix: str, heads: int | None) -> ViTParams:
    width, _, patch, _ = tensors[f"{prefix}patch_embed.proj.weight"].shape
    grid = round((tensors[f"{prefix}pos_embed"].shape[1] - 1) ** 0.5)
    depth = _count(tensors, rf"{re.escape(prefix)}blocks\.(\d+)\.")
    return ViTParams(
        image_size=grid * patch,
        patch_size=patch,
        width=width,
        depth=depth,
        heads=heads or width // HEAD,
        mlp_ratio=tensors[f"{prefix}blocks.0.mlp.fc1.weight"].shape[0] / width,
        masked_depth=min(4, depth),
    )


def _swin(tensors: Mapping[str, Tensor], prefix: str) -> SwinParams:
    width, _, patch, _ = tensors[f"{prefix}patch_embed.proj.weight"].shape
    stages = _count(tensors, rf"{re.escape(prefix)}layers\.(\d+)\.")
    depths = [_count(tensors, rf"{re.escape(prefix)}layers\.{stage}\.blocks\.(\d+)\.") for stage in range(stages)]
    tables = [tensors[f"{prefix}layers.{s}.blocks.0.attn.relative_position_bias_table"] for s in range(stages)]
    window = (round(tables[0].shape[0] ** 0.5) + 1) // 2
    return SwinParams(
        # The last stage is one window; no tensor shows the image size itself.
        image_size=window * patch * 2 ** (stages - 1),
        patch_size=patch,
        window=window,
        width=width,
        depths=tuple(depths),
        heads=tuple(table.shape[1] for table in tables),
        mlp_ratio=tensors[f"{prefix}layers.0.blocks.0.mlp.fc1.weight"].shape[0] / width,
    )


def _text(tensors: Mapping[str, Tensor], bert: str, heads: int | None) -> TextParams:
    vocabulary, width = tensors[f"{bert}embeddings.word_embeddings.weight"].shape
    layers = _count(tensors, rf"{re.escape(bert)}encoder\.layer\.(\d+)\.")
    crossing = {int(n) for n in _numbers(tensors, rf"{re.escape(bert)}encoder\.layer\.(\d+)\.crossattention\.")}
    return TextParams(
        vocabulary=vocabulary,
        width=width,
        layers=layers,
        fusion_from=min(crossing),
        heads=heads or width // HEAD,
        mlp_width=tensors[f"{bert}encoder.layer.0.intermediate.dense.weight"].shape[0],
        max_positions=tensors[f"{bert}embeddings.position_embeddings.weight"].shape[0],
    )


def _numbers(tensors: Mapping[str, Tensor], pattern: str) -> set[str]:
    return {match[1] for name in tensors if (match := re.match(pattern, name))}


def _count(tensors: Mapping[str, Tensor], pattern: str) -> int:
    return len(_numbers(tensors, pattern))
