"""Start weights: a whole model, or encoders that were pretrained by themselves."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from torch import Tensor

from visual_relations.training.models import load_model
from visual_relations.vision_language.checkpoints.key_tables import key_table, momentum_table
from visual_relations.vision_language.checkpoints.translate import (
    Report,
    find_layout,
    fit_positions,
    read_checkpoint,
    to_ours,
)
from visual_relations.vision_language.language import LanguageModel
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.momentum import Teacher

logger = logging.getLogger(__name__)


def load_weights(model: VisionLanguageModel, path: Path, teacher: Teacher | None = None) -> Report:
    """Fill a model with what a checkpoint has for it; parts the checkpoint lacks keep their weights.

    Args:
        model: Of any image size: position tables are fitted.
        path: A file of ALBEF, X-VLM, timm's ViT, open_clip or BERT, or a folder of `save_model`.
        teacher: Filled too, if the checkpoint has momentum copies.

    Raises:
        ValueError: If the checkpoint is of another kind, or a tensor has another shape.
    """
    if path.is_dir():
        return _load_folder(model, path)
    theirs = read_checkpoint(path)
    layout = find_layout(theirs)
    tensors, report = to_ours(theirs, key_table(model.config, layout), model.config)
    if layout in {"open_clip", "timm_vit"} and report.missing:
        raise ValueError(f"{path} has no {report.missing[0]}: its image encoder has another depth than the model's")
    if layout == "open_clip":
        bias = "vision.vit.embeddings.patch_embeddings.projection.bias"
        tensors[bias] = torch.zeros_like(model.state_dict()[bias])  # CLIP's projection has none
    _fill(model, tensors, path)
    if teacher is not None and layout.startswith("albef"):
        copies, found = to_ours(theirs, momentum_table(model.config, layout), model.config)
        if not found.missing:
            _fill(teacher, copies, path)
    logger.info(
        "%s (%s): %d tensors, %d resized, %d missing",
        path,
        layout,
        len(tensors),
        len(report.resized),
        len(report.missing),
    )
    return report


def take_language(model: VisionLanguageModel, language: LanguageModel) -> None:
    """Let the text encoder start from one that has read texts only; what looks at images stays fresh."""
    own = model.state_dict()
    learnt = language.state_dict()
    model.load_state_dict(own | {name: learnt[name] for name in learnt if "crossattention" not in name})


def _load_folder(model: VisionLanguageModel, path: Path) -> Report:
    loaded = load_model(path)
    saved: VisionLanguageModel = loaded["model"] if isinstance(loaded, dict) else loaded
    own = model.state_dict()
    tensors = {name: fit_positions(name, tensor, model.config) for name, tensor in saved.state_dict().items()}
    resized = tuple(name for name, tensor in saved.state_dict().items() if tensors[name].shape != tensor.shape)
    known = {name: tensor for name, tensor in tensors.items() if name in own and own[name].shape == tensor.shape}
    _fill(model, known, path)
    return Report(tuple(own.keys() - known.keys()), tuple(tensors.keys() - known.keys()), resized)


def _fill(module: torch.nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    try:
        module.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise ValueError(f"{path} is of a model of another shape: {error}") from error
