"""Causal language models and their tokenizers, of any architecture that transformers knows."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from visual_relations.captioning.params import CaptionerConfig


class LanguageModelError(ValueError):
    """A language model is not where it should be, or is another one than expected."""


def load_language_model(source: str) -> PreTrainedModel:
    """Load a causal language model in float32.

    Args:
        source: Folder with config.json and weights, or a name on the hub.

    Raises:
        LanguageModelError: If there is none, or it is no causal language model.
    """
    return _load(AutoModelForCausalLM, source, "language model", dtype=torch.float32).eval()


def load_tokenizer(source: str) -> PreTrainedTokenizerBase:
    """Load a tokenizer.

    Args:
        source: Folder with tokenizer.json, or a name on the hub.

    Raises:
        LanguageModelError: If there is none.
    """
    return _load(AutoTokenizer, source, "tokenizer")


def build_language_model(architecture: dict[str, Any]) -> PreTrainedModel:
    """Build a language model with random weights from a transformers configuration."""
    settings = dict(architecture)
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def language_model_of(config: CaptionerConfig) -> PreTrainedModel:
    """The language model that a captioner's configuration names.

    Raises:
        LanguageModelError: If it is not there, or has other weights than when the captioner was trained.
    """
    if config.architecture is not None:
        return build_language_model(config.architecture)
    source = str(config.language_model)
    language_model = load_language_model(source)
    if config.language_model_fingerprint not in (None, fingerprint_of(language_model)):
        raise LanguageModelError(
            f"the language model in {source} has other weights than the one this captioner was trained on; "
            "put the original one back, or train the captioner again"
        )
    return language_model


def fingerprint_of(language_model: PreTrainedModel) -> str:
    """Hash of the embedding matrix: quick, and no two language models share it."""
    weights = language_model.get_input_embeddings().weight.detach().cpu().float().contiguous()
    return hashlib.sha256(weights.numpy().tobytes()).hexdigest()[:16]


def width_of(language_model: PreTrainedModel) -> int:
    """E, read off the embedding matrix: configurations name it differently."""
    return int(language_model.get_input_embeddings().weight.shape[1])


def most_positions(language_model: PreTrainedModel) -> int | None:
    """Longest sequence the language model has positions for; None: no limit known."""
    return getattr(language_model.config, "max_position_embeddings", None)


def cache_argument(language_model: PreTrainedModel) -> str:
    """Name of the forward argument that takes the key-value cache; transformers renames it during version 5."""
    parameters = inspect.signature(language_model.forward).parameters
    return "cache" if "cache" in parameters else "past_key_values"


def _load(factory: Any, source: str, what: str, **options: Any) -> Any:
    local = Path(source).is_dir()
    transformers_logging.disable_progress_bar()  # a bar per model, of a fraction of a second each
    try:
        return factory.from_pretrained(source, local_files_only=local, **options)
    except (OSError, ValueError, KeyError) as error:
        place = f"in the folder {source}" if local else f"under the name {source!r} on this machine or the hub"
        raise LanguageModelError(
            f"no usable {what} {place}: {error}. Give a folder that `save_pretrained` wrote, in the catalog entry "
            "`language_model`"
        ) from error
