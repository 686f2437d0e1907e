"""Load any open_clip model as a frozen CLIP, with errors that say what to do."""

from __future__ import annotations

import difflib
import logging
import warnings
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model
from open_clip.transform import PreprocessCfg
from torch import nn

from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.params import ClipParams
from visual_relations.clip.preprocess import Preprocess
from visual_relations.training.device import resolve_device, set_threads

logger = logging.getLogger(__name__)

LOCAL, HUB = "local-dir:", "hf-hub:"
RANDOM = "random"


class ClipError(ValueError):
    """A CLIP that does not exist or cannot be loaded."""


def load_clip(params: ClipParams) -> FrozenClip:
    """Load a model with its tokenizer and preprocessing.

    Args:
        params: Which model, where and how precisely it computes.

    Raises:
        ClipError: If there is no such model, tag, folder or file, or its weights cannot be loaded or fetched.
    """
    _check_source(params)
    set_threads(params.threads)
    try:
        model = _model(params)
        tokenizer = open_clip.get_tokenizer(params.model, cache_dir=_cache(params))
    except Exception as error:  # open_clip, hubs and torch raise many kinds
        raise ClipError(
            f"cannot load CLIP {describe(params)}: {error}. Weights that are not in the cache need a network; or give "
            f"a weights file as `pretrained`, or a folder as `model: {LOCAL}FOLDER`"
        ) from error
    preprocess = Preprocess(PreprocessCfg(**model.visual.preprocess_cfg))
    clip = FrozenClip(model, tokenizer, preprocess, describe(params), params.precision)
    return clip.to(resolve_device(params.device))


def describe(params: ClipParams) -> str:
    """Model and weights in one name, e.g. `ViT-B-32-quickgelu/openai`."""
    return f"{params.model}/{params.pretrained}" if params.pretrained else params.model


def _model(params: ClipParams) -> Any:
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.filterwarnings("ignore", message="QuickGELU mismatch")  # seen to below
        torch.manual_seed(0)  # untrained weights: the same ones each time
        model: nn.Module = open_clip.create_model(
            params.model,
            pretrained=None if params.pretrained == RANDOM else params.pretrained,
            load_weights=params.pretrained != RANDOM,
            require_pretrained=params.pretrained != RANDOM,
            pretrained_text=False,
            force_quick_gelu=_quick_gelu(params),
            cache_dir=_cache(params),
            weights_only=True,
        )
    return model


def _quick_gelu(params: ClipParams) -> bool:
    """Whether to compute with QuickGELU. OpenAI's weights need it: with plain GELU features are off, without an error.

    open_clip only warns when the named configuration and the tag disagree.
    """
    if params.force_quick_gelu is not None:
        return params.force_quick_gelu
    tag = get_pretrained_cfg(params.model.replace("/", "-"), params.pretrained or "")
    config = open_clip.get_model_config(params.model.replace("/", "-")) if tag else {}
    trained, configured = bool(tag.get("quick_gelu")), bool((config or {}).get("quick_gelu"))
    if configured and tag and not trained:
        raise ClipError(
            f"{describe(params)}: these weights were trained with GELU; choose the model without -quickgelu"
        )
    if trained and not configured:
        logger.info("%s was trained with QuickGELU: computing with it", describe(params))
    return trained


def _check_source(params: ClipParams) -> None:
    name = params.model
    if name.startswith(HUB):
        return
    if name.startswith(LOCAL):
        folder = Path(name.removeprefix(LOCAL))
        if not (folder / "open_clip_config.json").is_file():
            raise ClipError(
                f"no CLIP in {folder}: there is no open_clip_config.json; correct the folder or fetch the model"
            )
        return
    known = open_clip.list_models()
    if name.replace("/", "-") not in known:
        close = difflib.get_close_matches(name, known, n=5, cutoff=0.3)
        raise ClipError(f"there is no CLIP named {name!r}; close names: {', '.join(close)}; or a folder: {LOCAL}FOLDER")
    _check_tag(name.replace("/", "-"), params.pretrained)


def _check_tag(name: str, pretrained: str | None) -> None:
    tags = list_pretrained_tags_by_model(name)
    choices = f"tags of {name}: {', '.join(tags) or 'none'}; or a weights file; or {RANDOM!r} for untrained weights"
    if pretrained is None:
        raise ClipError(f"`pretrained` is needed: without it {name} would have untrained weights. {choices}")
    if pretrained != RANDOM and not get_pretrained_cfg(name, pretrained) and not Path(pretrained).is_file():
        close = difflib.get_close_matches(pretrained, tags, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ClipError(f"there are no weights {pretrained!r} for {name}{hint}. {choices}")


def _cache(params: ClipParams) -> str | None:
    return None if params.cache is None else str(params.cache)
