"""Convert a released checkpoint to a folder of safetensors; the outputs before and after are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import init_empty_weights
from torch import Tensor, nn

from visual_relations.training.models import load_model, save_model
from visual_relations.vision_language.checkpoints.key_tables import Layout, key_table, momentum_table
from visual_relations.vision_language.checkpoints.proof import output_differences
from visual_relations.vision_language.checkpoints.shapes import infer_params
from visual_relations.vision_language.checkpoints.translate import Report, find_layout, read_checkpoint, to_ours
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.momentum import Teacher, TeacherParams
from visual_relations.vision_language.params import ModelParams
from visual_relations.vision_language.text import TextEncoder

TOLERANCE = 1e-4  # of the largest output: another order of the same sums
WORD_HEAD = "text.token_head."  # retrieval checkpoints have none


@dataclass(frozen=True)
class Conversion:
    """What was written.

    Attributes:
        layout: Whose checkpoint it was.
        report: What became of its tensors.
        differences: Of outputs, by part, as shares of the largest output.
        modules: What the folder holds.
    """

    layout: Layout
    report: Report
    differences: dict[str, float]
    modules: tuple[str, ...]


def convert(
    source: Path,
    folder: Path,
    params: ModelParams | None = None,
    image_size: int | None = None,
    window: int | None = None,
    heads: int | None = None,
) -> Conversion:
    """Write a checkpoint of ALBEF or X-VLM as a folder that `training.models.load_model` reads.

    Args:
        source: The released file.
        folder: Where to write; holds `model`, and `teacher` if the file has momentum copies.
        params: Shape of the model; None: read off the tensors.
        image_size: Another one than the checkpoint's: position tables are fitted. None: its own.
        window: Of a Swin, likewise.
        heads: Attention heads of ViT and BERT, if not as wide as in the released models.

    Raises:
        ValueError: If it is no whole model, or an output differs after conversion.
    """
    theirs = read_checkpoint(source)
    layout = find_layout(theirs)
    config = params or infer_params(theirs, layout, heads)
    changes = {"image_size": image_size, "window": window}
    vision = config.vision.model_dump() | {name: value for name, value in changes.items() if value is not None}
    config = ModelParams.model_validate(config.model_dump() | {"vision": vision})
    model, report = assemble(theirs, config, layout)
    modules: dict[str, nn.Module] = {"model": model}
    if "image_queue" in theirs:
        modules["teacher"], copied = _assemble_teacher(theirs, config, layout)
        report = Report(report.missing, tuple(set(report.unused) & set(copied.unused)), report.resized)
    save_model(folder, modules)
    differences = output_differences(model, load_model(folder)["model"], theirs, layout, resized=bool(report.resized))
    if worst := {name: value for name, value in differences.items() if not value <= TOLERANCE}:
        raise ValueError(f"{source}: outputs changed by more than {TOLERANCE} of their size: {worst}")
    return Conversion(layout, report, differences, tuple(modules))


def assemble(theirs: Mapping[str, Tensor], config: ModelParams, layout: Layout) -> tuple[VisionLanguageModel, Report]:
    """A model out of a checkpoint's own tensors: none is allocated or initialised for nothing.

    Raises:
        ValueError: If the checkpoint lacks more than the word prediction head.
    """
    tensors, report = to_ours(theirs, key_table(config, layout), config)
    with init_empty_weights(include_buffers=False):
        model = VisionLanguageModel(config)
    _take_over(model, model.text, tensors)
    return model.eval(), report


def _assemble_teacher(theirs: Mapping[str, Tensor], config: ModelParams, layout: Layout) -> tuple[Teacher, Report]:
    tensors, report = to_ours(theirs, momentum_table(config, layout), config)
    params = TeacherParams(model=config, queue=theirs["image_queue"].shape[1], identities="idx_queue" in theirs)
    with init_empty_weights(include_buffers=False):
        teacher = Teacher(params)
    tensors["model.temperature"] = theirs["temp"]
    _take_over(teacher, teacher.model.text, tensors)
    return teacher.requires_grad_(requires_grad=False).eval(), report


def _take_over(module: nn.Module, text: TextEncoder, tensors: dict[str, Tensor]) -> None:
    """Make tensors the module's parameters; a word prediction head that the checkpoint lacks becomes zero."""
    absent = [name for name, _ in module.named_parameters() if name not in tensors and "decoder" not in name]
    if missing := [name for name in absent if WORD_HEAD not in name]:
        raise ValueError(f"the checkpoint lacks {len(missing)} tensors of a model of this shape, first {missing[0]}")
    for name in absent:
        shape = module.get_parameter(name).shape
        tensors[name] = torch.ones(shape) if name.endswith("LayerNorm.weight") else torch.zeros(shape)
    try:
        module.load_state_dict(tensors, strict=False, assign=True)
    except RuntimeError as error:
        raise ValueError(f"the checkpoint is of a model of another shape: {error}") from error
    text.tie()
    module.requires_grad_(requires_grad=True)
