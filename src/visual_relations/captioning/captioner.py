"""The captioner: a mapper in front of a causal language model.

Shapes: N images or captions, D image vector width, k prefix length, E language model width, T tokens, V vocabulary.
Source: ClipCap (arXiv 2111.09734) and its code, rmokady/CLIP_prefix_caption.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from visual_relations.captioning.language_models import fingerprint_of, language_model_of, load_language_model, width_of
from visual_relations.captioning.mappers import build_mapper
from visual_relations.captioning.params import CaptionerConfig, MapperParams, ViewParams

LANGUAGE_MODEL = "language_model."


class Captioner(nn.Module):
    """Writes captions from image vectors.

    A language model that is not part of the captioner (`config.architecture` absent) is left out of its state dict.

    Args:
        config: What to build.
        language_model: The one the configuration names, when it is loaded already.
    """

    def __init__(self, config: CaptionerConfig, language_model: PreTrainedModel | None = None) -> None:
        super().__init__()
        self.config = config
        self.language_model = language_model or language_model_of(config)
        self.mapper = build_mapper(config.mapper, config.feature_dim, width_of(self.language_model))
        self.language_model.requires_grad_(config.tune_language_model)
        if config.architecture is None:
            self.register_state_dict_post_hook(_leave_out_language_model)
            self.register_load_state_dict_post_hook(_do_not_miss_language_model)
        self.train(self.training)

    @classmethod
    def from_config(cls, config: CaptionerConfig) -> Self:
        """Build with a random mapper; saved weights are loaded into it afterwards."""
        return cls(config)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001 - torch's signature
        """Switch to training mode; a frozen language model stays as it is used, without dropout."""
        super().train(mode)
        if not self.config.tune_language_model:
            self.language_model.eval()
        return self

    def prefix(self, features_ND: Tensor) -> Tensor:
        """Map image vectors to what the language model reads before the caption.

        Args:
            features_ND: Image vectors (N, D) as CLIP gives them, any floating-point type.

        Returns:
            (N, k, E).

        Raises:
            ValueError: If the vectors have another width than those of training.
        """
        if features_ND.shape[-1] != self.config.feature_dim:
            raise ValueError(
                f"this captioner reads image vectors of width {self.config.feature_dim}, got {features_ND.shape[-1]}: "
                "extract features with the CLIP model and the views it was trained on, or train it on these"
            )
        features_ND = features_ND.to(next(self.mapper.parameters()).dtype)
        return self.mapper(functional.normalize(features_ND, dim=-1) if self.config.normalize else features_ND)

    def embed(self, features_ND: Tensor, tokens_NT: Tensor) -> Tensor:
        """Prefix and embedded tokens, the language model's whole input (N, k + T, E)."""
        tokens_NTE = self.language_model.get_input_embeddings()(tokens_NT)
        return torch.cat([self.prefix(features_ND).to(tokens_NTE.dtype), tokens_NTE], 1)

    def forward(self, features_ND: Tensor, tokens_NT: Tensor) -> Tensor:
        """Predict a caption token by token.

        Args:
            features_ND: Image vectors (N, D).
            tokens_NT: First T tokens of the captions, padded on the right with any token.

        Returns:
            Logits (N, T + 1, V): position t predicts token t. The prefix itself predicts nothing but the first token.
        """
        # Padding needs no mask: it is behind every token that is read, and attention only looks back.
        embedded = self.embed(features_ND, tokens_NT)
        n_read = embedded.shape[1]
        # Positions as a tensor, not as a count: a slice would make torch multiply image by image, at half the speed.
        kept = torch.arange(n_read - tokens_NT.shape[1] - 1, n_read, device=embedded.device)
        return self.language_model(inputs_embeds=embedded, use_cache=False, logits_to_keep=kept).logits


def new_captioner(
    mapper: MapperParams,
    feature_dim: int,
    language_model: str,
    *,
    views: ViewParams | None = None,
    normalize: bool = True,
    tune_language_model: bool = False,
    seed: int = 0,
) -> Captioner:
    """Start a captioner on a language model, with a random mapper.

    Args:
        mapper: Kind and sizes of the mapper.
        feature_dim: D, width of the image vectors.
        language_model: Folder or hub name.
        views: Views that are in the image vectors.
        normalize: Whether image vectors are brought to length 1 first.
        tune_language_model: Whether training changes the language model too.
        seed: Of the mapper's weights.

    Raises:
        LanguageModelError: If there is no such language model.
    """
    loaded = load_language_model(language_model)
    config = CaptionerConfig(
        mapper=mapper,
        feature_dim=feature_dim,
        views=views,
        normalize=normalize,
        tune_language_model=tune_language_model,
        language_model=language_model,
        architecture=loaded.config.to_dict() if tune_language_model else None,
        language_model_fingerprint=None if tune_language_model else fingerprint_of(loaded),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Captioner(config, loaded)


def _leave_out_language_model(
    module: nn.Module,  # noqa: ARG001
    state: dict[str, Any],
    prefix: str,
    local_metadata: dict[str, Any],  # noqa: ARG001
) -> None:
    for key in [key for key in state if key.startswith(prefix + LANGUAGE_MODEL)]:
        del state[key]


def _do_not_miss_language_model(module: nn.Module, incompatible: Any) -> None:  # noqa: ARG001
    missing = incompatible.missing_keys
    missing[:] = [key for key in missing if LANGUAGE_MODEL not in key]
