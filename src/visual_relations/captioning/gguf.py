"""Quantised GGUF files as ordinary transformers folders."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from visual_relations.artefacts.atomic import atomic_path


def unpack_gguf(file: Path, folder: Path) -> None:
    """Write a GGUF file's language model and tokenizer as float32 with `save_pretrained`.

    Args:
        file: The GGUF file; needs the package `gguf`.
        folder: Where the model goes, whole or not at all.
    """
    place, name = str(file.parent), file.name
    tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=name)
    packed = AutoModelForCausalLM.from_pretrained(place, gguf_file=name, dtype=torch.float32)
    settings = packed.config.to_dict()
    settings.pop("quantization_config", None)  # transformers refuses to save a model that says it is quantised
    plain = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(settings.pop("model_type"), **settings), dtype=torch.float32
    )
    plain.load_state_dict(packed.state_dict())
    with atomic_path(folder) as temporary:
        plain.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
