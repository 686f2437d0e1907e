"""Tensors of another program's checkpoint, renamed, cut and resized for the model here; and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from visual_relations.vision_language.checkpoints.interpolation import resize_positions, resize_window_bias
from visual_relations.vision_language.checkpoints.key_tables import Key, Layout
from visual_relations.vision_language.params import ModelParams, SwinParams

# Tensors that carry nothing: counters and masks computed at construction, and second names of tied tensors.
_IDLE = re.compile(r"(position_ids|relative_position_index|attn_mask|cls\.predictions\.decoder\.(weight|bias))$")


@dataclass(frozen=True)
class Report:
    """What became of a checkpoint's tensors.

    Attributes:
        missing: Names here for which the file has nothing.
        unused: Names in the file that the table does not know.
        resized: Names here whose tensor was fitted to another image size or window.
    """

    missing: tuple[str, ...]
    unused: tuple[str, ...]
    resized: tuple[str, ...]


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read a state dict, memory-mapped; of a `.pth` with more in it, the part `model` (or `state_dict`).

    Raises:
        ValueError: If the file holds no tensors by name, or things that only an unsafe load would read.
    """
    if path.suffix == ".safetensors":
        return _modern(load_file(path))
    try:
        content: Any = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
    except RuntimeError:  # written before torch 1.6: cannot be mapped
        content = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:
        raise ValueError(
            f"{path} holds objects besides tensors and is not read for safety; "
            "ask its authors for the tensors alone, as safetensors"
        ) from error
    for part in ("model", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(part), dict):
            content = content[part]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"{path} is no state dict: expected tensors by name, or a dict with them under 'model'")
    return _modern(content)


def _modern(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Google's BERT still calls the parameters of layer norms gamma and beta."""
    renamed = {".gamma": ".weight", ".beta": ".bias"}
    return {
        next((name.removesuffix(old) + new for old, new in renamed.items() if name.endswith(old)), name): tensor
        for name, tensor in tensors.items()
    }


def find_layout(names: Iterable[str]) -> Layout:
    """Recognise whose checkpoint this is.

    Raises:
        ValueError: If it is nobody's.
    """
    names = set(names)
    xvlm = "vision_encoder.patch_embed.proj.weight" in names
    marks: list[tuple[str, Layout]] = [
        ("text_encoder.bert.embeddings.word_embeddings.weight", "xvlm" if xvlm else "albef"),
        ("text_encoder.embeddings.word_embeddings.weight", "xvlm_retrieval" if xvlm else "albef_retrieval"),
        ("visual.class_embedding", "open_clip"),
        ("blocks.0.attn.qkv.weight", "timm_vit"),
        ("bert.embeddings.word_embeddings.weight", "bert"),
    ]
    for name, layout in marks:
        if name in names:
            return layout
    raise ValueError(f"not a checkpoint of ALBEF, X-VLM, a ViT, CLIP or BERT: it starts with {sorted(names)[:5]}")


def to_ours(
    theirs: Mapping[str, Tensor], table: Iterable[Key], config: ModelParams
) -> tuple[dict[str, Tensor], Report]:
    """Rename a checkpoint's tensors, cut joint projections, fit position tables to the model's image size.

    Args:
        theirs: The checkpoint.
        table: `key_table` or `momentum_table`.
        config: Of the model here.
    """
    ours: dict[str, Tensor] = {}
    missing, resized, used = [], [], set()
    for key in table:
        if key.theirs not in theirs:
            missing.append(key.ours)
            continue
        used.add(key.theirs)
        tensor = theirs[key.theirs]
        if key.third is not None:
            # A copy: three views of one tensor could not be saved or resized apart.
            tensor = tensor.chunk(3)[key.third].clone()
        fitted = fit_positions(key.ours, tensor, config)
        if fitted.shape != tensor.shape and fitted.numel() != tensor.numel():
            resized.append(key.ours)
        ours[key.ours] = fitted
    unused = [name for name in theirs if name not in used and not _IDLE.search(name)]
    return ours, Report(tuple(missing), tuple(unused), tuple(resized))


def to_theirs(ours: Mapping[str, Tensor], table: Iterable[Key]) -> dict[str, Tensor]:
    """The reverse: any tensors by our names (weights, gradients) under the other program's names."""
    theirs: dict[str, Tensor] = {}
    for key in table:
        if key.ours not in ours:
            continue
        tensor = ours[key.ours]
        joint = key.third is not None and key.theirs in theirs  # thirds come in order
        theirs[key.theirs] = torch.cat([theirs[key.theirs], tensor]) if joint else tensor
    return theirs


def fit_positions(name: str, tensor: Tensor, config: ModelParams) -> Tensor:
    """Fit a position table to the image size of a model; other tensors stay as they are."""
    if name.endswith("vit.embeddings.cls_token"):
        return tensor.reshape(1, 1, -1)  # CLIP keeps a vector
    if name.endswith("vit.embeddings.position_embeddings"):
        return resize_positions(tensor.reshape(1, *tensor.shape[-2:]), config.grid)
    if name.endswith("relative_position_bias_table") and isinstance(config.vision, SwinParams):
        return resize_window_bias(tensor, config.vision.window)
    return tensor
