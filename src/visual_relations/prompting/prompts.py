"""CREPE's prompt: `[SOS] subject v1 ... vM object . [EOS]` with learnable tokens v, moved by the picture.

    v_m = context_m + bias(image)

Every part is tokenised by itself and the learnable tokens are placed by index, so labels of several tokens
("surfboard") come out right, which they do not in the published code.

Legend: B pairs, M learnable tokens, L prompt length, W text width, D image width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from visual_relations.clip.frozen import FrozenClip
from visual_relations.prompting.params import CONTEXT, PromptParams

BOTTLENECK = 16  # CoCoOp's: the hidden width of the bias network is a sixteenth of the image width
INIT_STD = 0.02


class PromptBudgetError(ValueError):
    """The learnable tokens do not fit the budget of tokens."""


class PromptLearnerConfig(BaseModel):
    """Shape of a prompt learner."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: PromptParams
    image_dim: int = Field(ge=1)
    text_width: int = Field(ge=1)


class PromptLearner(nn.Module):
    """The learnable tokens and the network that moves them; everything else of the prompt is frozen CLIP."""

    def __init__(self, config: PromptLearnerConfig) -> None:
        super().__init__()
        self.config = config
        hidden = max(1, config.image_dim // BOTTLENECK)
        self.context_MW = nn.Parameter(torch.empty(config.prompt.n_context, config.text_width))
        nn.init.normal_(self.context_MW, std=INIT_STD)
        self.bias = (
            nn.Sequential(nn.Linear(config.image_dim, hidden), nn.ReLU(), nn.Linear(hidden, config.text_width))
            if config.prompt.image_bias
            else None
        )

    @classmethod
    def from_config(cls, config: PromptLearnerConfig) -> Self:
        """Build a learner with random context."""
        return cls(config)

    @classmethod
    def for_clip(cls, prompt: PromptParams, clip: FrozenClip) -> Self:
        """Build an untrained learner for a CLIP, its context started as `prompt.context_init` says."""
        learner = cls(PromptLearnerConfig(prompt=prompt, image_dim=clip.dim, text_width=clip.text_width))
        if prompt.context_init == "X":
            (token,) = clip.word_ids("X")
            with torch.no_grad():
                learner.context_MW.copy_(clip.token_embedding(torch.tensor([token]).to(clip.device)))
        return learner

    def forward(self, image_BD: Tensor) -> Tensor:
        """The learnable tokens of each pair, (B, M, W), given union features as CLIP made them (not normalised)."""
        if self.bias is None:
            return self.context_MW.expand(len(image_BD), -1, -1)
        return self.context_MW + self.bias(image_BD)[:, None]


@dataclass(frozen=True)
class Prompt:
    """Token ids of one prompt from start to end; the learnable tokens are `at`, `at` + 1, ..."""

    tokens: tuple[int, ...]
    at: int


class PromptWriter:
    """Writes the token ids of prompts, each as long as it needs to be."""

    def __init__(self, clip: FrozenClip, params: PromptParams) -> None:
        self._clip = clip
        ids_1L, _ = clip.tokenize([""])
        self._start, self._end = int(ids_1L[0, 0]), int(ids_1L[0, -1])
        self._template = params.template.split()
        self._n_context = params.n_context
        self._max_tokens = min(params.max_tokens, clip.context_length)
        self._cache: dict[tuple[str, str], Prompt] = {}

    def write(self, subject: str, object_: str) -> Prompt:
        """The prompt of a pair of labels.

        Raises:
            PromptBudgetError: If the budget of tokens cuts into the learnable tokens.
        """
        key = (subject, object_)
        if key not in self._cache:
            self._cache[key] = self._write(subject, object_)
        return self._cache[key]

    def _write(self, subject: str, object_: str) -> Prompt:
        tokens, at = [self._start], 0
        for word in self._template:
            if word == CONTEXT:
                at = len(tokens)
                tokens += [0] * self._n_context  # replaced by the learnable tokens
            else:
                tokens += self._clip.word_ids({"{subject}": subject, "{object}": object_}.get(word, word))
        room = self._max_tokens - 1
        if at + self._n_context > room:
            raise PromptBudgetError(
                f"{self._max_tokens} tokens have no room for {self._n_context} learnable ones in the template "
                f"{' '.join(self._template)!r} with subject {subject!r}; raise max_tokens or lower n_context"
            )
        return Prompt((*tokens[:room], self._end), at)


def pad_prompts(prompts: Sequence[Prompt]) -> tuple[Tensor, Tensor, Tensor]:
    """Stack prompts, padded to the longest of them.

    Padding costs time but changes nothing: attention is causal and the feature is read at the end token.

    Returns:
        Token ids (B, L), places of the end token (B,), places of the first learnable token (B,).
    """
    longest = max(len(prompt.tokens) for prompt in prompts)
    ids_BL = torch.zeros(len(prompts), longest, dtype=torch.int64)
    for row, prompt in enumerate(prompts):
        ids_BL[row, : len(prompt.tokens)] = torch.tensor(prompt.tokens)
    end_B = torch.tensor([len(prompt.tokens) - 1 for prompt in prompts])
    return ids_BL, end_B, torch.tensor([prompt.at for prompt in prompts])


def encode_pairs(
    clip: FrozenClip, prompts: Sequence[Prompt], learner: nn.Module | None, image_BD: Tensor | None
) -> Tensor:
    """Text features of prompts, (B, D), not normalised; gradients flow into the learner.

    Args:
        clip: Frozen CLIP.
        prompts: One per pair.
        learner: Learner of the tokens; None for prompts without any.
        image_BD: Union features of the pairs; unused without a learner.
    """
    ids_BL, end_B, at_B = (tensor.to(clip.device) for tensor in pad_prompts(prompts))
    embedding_BLW = clip.token_embedding(ids_BL)
    if learner is not None and image_BD is not None:
        context_BMW = learner(image_BD).to(embedding_BLW.dtype)
        place_BM = at_B[:, None] + torch.arange(context_BMW.shape[1], device=at_B.device)
        row_B1 = torch.arange(len(ids_BL), device=at_B.device)[:, None]
        embedding_BLW = embedding_BLW.index_put((row_B1, place_BM), context_BMW)
    return clip.encode_prompts(embedding_BLW, end_B)
