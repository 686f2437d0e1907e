"""Checkpoints of the original program as captioners.

Such a file is the whole state dict, mapper and GPT-2, without any configuration. Sizes are read off the weights; only
the numbers of attention heads and the treatment of image vectors are not in it.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from visual_relations.captioning.captioner import Captioner
from visual_relations.captioning.params import CaptionerConfig, MapperParams

GPT2_HEAD_WIDTH = 64  # of every released GPT-2

# Buffers of old transformers releases; the dot keeps `c_attn.bias`, which is a weight.
_OLD_BUFFERS = re.compile(r"\.attn\.(bias|masked_bias)$")

_RENAMED = (
    (r"^gpt\.", "language_model."),
    (r"^clip_project\.model\.0\.", "mapper.inner."),
    (r"^clip_project\.model\.2\.", "mapper.outer."),
    (r"^clip_project\.prefix_const$", "mapper.constants"),
    (r"^clip_project\.linear\.", "mapper.expand."),
    (r"^clip_project\.transformer\.layers\.(\d+)\.norm(\d)\.", r"mapper.layers.\1.norm\2."),
    (r"^clip_project\.transformer\.layers\.(\d+)\.attn\.to_queries\.", r"mapper.layers.\1.queries."),
    (r"^clip_project\.transformer\.layers\.(\d+)\.attn\.to_keys_values\.", r"mapper.layers.\1.keys_values."),
    (r"^clip_project\.transformer\.layers\.(\d+)\.attn\.project\.", r"mapper.layers.\1.project."),
    (r"^clip_project\.transformer\.layers\.(\d+)\.mlp\.fc1\.", r"mapper.layers.\1.feedforward.0."),
    (r"^clip_project\.transformer\.layers\.(\d+)\.mlp\.fc2\.", r"mapper.layers.\1.feedforward.2."),
    (r"^clip_project\.(weight|bias)$", r"mapper.project.\1"),
)


class OriginalCheckpointError(ValueError):
    """A file is no checkpoint of the original, or not the one that was expected."""


def import_checkpoint(
    path: Path,
    *,
    normalize: bool | None = None,
    mapper_heads: int = 8,
    language_model_heads: int | None = None,
    language_model: str | None = None,
    tune_language_model: bool = False,
    expected: MapperParams | None = None,
) -> Captioner:
    """Load a checkpoint of the original.

    Args:
        path: `.pt` as `torch.save` wrote it, or the same state dict as `.safetensors`.
        normalize: Whether it was trained on image vectors of length 1; None: as in the released files, where only the
            transformer mapper was.
        mapper_heads: Attention heads of a transformer mapper.
        language_model_heads: Attention heads of GPT-2; None: one per 64 of its width.
        language_model: Folder or hub name of its tokenizer; the weights always come from the file.
        tune_language_model: Whether further training changes the language model.
        expected: Mapper the file should have; None: any.

    Returns:
        A captioner that gives the original's logits, in evaluation mode.

    Raises:
        OriginalCheckpointError: If the file is something else, or has another mapper than expected.
    """
    state = {key: value for key, value in _read(Path(path)).items() if not _OLD_BUFFERS.search(key)}
    try:
        architecture = _gpt2_architecture(state, language_model_heads)
        width = architecture["n_embd"]
        mapper, feature_dim = _mapper(state, width, mapper_heads)
    except KeyError as error:
        raise OriginalCheckpointError(
            f"{path} has no {error}: it is no checkpoint of ClipCap with a GPT-2 and a known mapper"
        ) from error
    _check_expected(Path(path), mapper, expected)
    config = CaptionerConfig(
        mapper=mapper,
        feature_dim=feature_dim,
        normalize=mapper.kind == "transformer" if normalize is None else normalize,
        tune_language_model=tune_language_model,
        language_model=language_model,
        architecture=architecture,
    )
    captioner = Captioner.from_config(config)
    try:
        captioner.load_state_dict({our_name(key): value for key, value in state.items()})
    except RuntimeError as error:
        raise OriginalCheckpointError(f"{path} does not fit a {mapper.kind} mapper with GPT-2: {error}") from error
    return captioner.eval()


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise OriginalCheckpointError(f"{path} is not there")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, SafetensorError, EOFError, RuntimeError) as error:
        raise OriginalCheckpointError(
            f"{path} is not loaded: it is damaged, or holds something else than tensors, which could run code: {error}"
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise OriginalCheckpointError(f"{path} holds no plain state dict: save `model.state_dict()`")
    return state


def _gpt2_architecture(state: Mapping[str, Tensor], heads: int | None) -> dict[str, Any]:
    vocabulary, width = state["gpt.transformer.wte.weight"].shape
    layers = {int(found[1]) for key in state if (found := re.match(r"gpt\.transformer\.h\.(\d+)\.", key))}
    end = vocabulary - 1  # <|endoftext|> is GPT-2's last token
    return {
        "model_type": "gpt2",
        "vocab_size": vocabulary,
        "n_positions": len(state["gpt.transformer.wpe.weight"]),
        "n_embd": width,
        "n_layer": len(layers),
        "n_head": heads or max(width // GPT2_HEAD_WIDTH, 1),
        "bos_token_id": end,
        "eos_token_id": end,
    }


def _mapper(state: Mapping[str, Tensor], width: int, heads: int) -> tuple[MapperParams, int]:
    """Mapper and width of the image vectors."""
    root = "clip_project."
    if root + "prefix_const" in state:
        expand = state[root + "linear.weight"]
        layers = {int(found[1]) for key in state if (found := re.search(r"transformer\.layers\.(\d+)\.", key))}
        ratio = len(state[root + "transformer.layers.0.mlp.fc1.weight"]) / width
        mapper = MapperParams(
            kind="transformer",
            prefix_length=len(state[root + "prefix_const"]),
            clip_length=len(expand) // width,
            layers=len(layers),
            heads=heads,
            feedforward_ratio=ratio,
        )
        return mapper, expand.shape[1]
    if root + "weight" in state:
        weight = state[root + "weight"]
        return MapperParams(kind="linear", prefix_length=len(weight) // width), weight.shape[1]
    outer = state[root + "model.2.weight"]
    return MapperParams(kind="mlp", prefix_length=len(outer) // width), state[root + "model.0.weight"].shape[1]


def _check_expected(path: Path, found: MapperParams, expected: MapperParams | None) -> None:
    relevant = {"kind", "prefix_length"} | (
        {"clip_length", "layers", "heads"} if found.kind == "transformer" else set()
    )
    if expected is not None and found.model_dump(include=relevant) != expected.model_dump(include=relevant):
        raise OriginalCheckpointError(
            f"{path} has the mapper {found.model_dump(include=relevant)}, but "
            f"{expected.model_dump(include=relevant)} was expected: change the mapper's parameters or the file"
        )


def our_name(key: str) -> str:
    """Name in a captioner's state dict of a key of the original's."""
    for pattern, replacement in _RENAMED:
        renamed, n = re.subn(pattern, replacement, key)
        if n:
            return renamed
    return key
