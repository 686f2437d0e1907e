"""The model behind ALBEF, X-VLM, REALBEF and REX-VLM: image encoder, text encoder, fusion encoder and heads.

Shapes: B images, N texts, R regions, P pairs of entities, T image tokens, L text tokens, D widths, E embedding, S
pixels.
Sources: ALBEF (arXiv 2107.07651), X-VLM (arXiv 2111.08276), REALBEF and REX-VLM (arXiv 2305.14281).
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from visual_relations.vision_language.params import MaskScope, ModelParams, ViTParams
from visual_relations.vision_language.text import TextEncoder
from visual_relations.vision_language.vision import make_vision


class Regions(NamedTuple):
    """Encoded regions: tokens (R, T, D), where texts may look (R, T), and the whole images (B, T, D) if asked for."""

    tokens: Tensor
    mask: Tensor
    images: Tensor | None


class VisionLanguageModel(nn.Module):
    """Encodes images, regions and texts by themselves and texts together with what they describe."""

    def __init__(self, config: ModelParams) -> None:
        super().__init__()
        self.config = config
        width, text_width = config.vision.output_width, config.text.width
        self.vision = make_vision(config.vision)
        self.text = TextEncoder(config.text, width)
        self.image_projection = nn.Linear(width, config.embedding)
        self.text_projection = nn.Linear(text_width, config.embedding)
        self.temperature = nn.Parameter(torch.tensor(config.temperature))
        self.match_head = _match_head(config)
        self.box_head = _small_network(text_width, 4) if config.box_head else None
        self.relation_head = (
            nn.Sequential(
                nn.Linear(2 * text_width, config.relation_hidden),
                nn.ReLU(),
                nn.Linear(config.relation_hidden, config.relation_classes),
            )
            if config.relation_classes
            else None
        )

    @classmethod
    def from_config(cls, config: ModelParams | dict[str, Any]) -> Self:
        """Build a model with fresh weights."""
        return cls(ModelParams.model_validate(config))

    def encode_images(self, images_BCSS: Tensor) -> Tensor:
        """Tokens (B, T, D) of normalised images; the first one stands for the image."""
        return self.vision(images_BCSS)

    def encode_regions(
        self,
        images_BCSS: Tensor,
        image_of_R: Tensor,
        mask_RT: Tensor,
        scope: MaskScope = "vit_last+cross",
        *,
        with_images: bool = False,
    ) -> Regions:
        """Encode regions with their surroundings hidden.

        `cross` hides the other patches from the text only: the patches that stay have seen them. `vit_last+cross` hides
        them in the last `masked_depth` blocks as well (X-VLM's ViT). `pixels` blanks them before the image encoder, so
        nothing of them remains.

        Args:
            images_BCSS: Normalised pixels.
            image_of_R: Row of the image of each region.
            mask_RT: 1 for patches that overlap the region, and for the first token.
            scope: Where the mask acts.
            with_images: Whether the whole images are wanted too.

        Raises:
            ValueError: If a Swin is asked to mask its blocks.
        """
        if scope == "pixels":
            alone = self.vision(self.blank(images_BCSS[image_of_R], mask_RT))
            return Regions(alone, mask_RT, self.vision(images_BCSS) if with_images else None)
        is_vit = isinstance(self.config.vision, ViTParams)
        if scope == "vit_last+cross" and not is_vit:
            raise ValueError("a Swin's windows cannot be masked: use mask scope 'cross' or 'pixels'")
        if scope == "cross" and is_vit:
            images = self.vision(images_BCSS)
            return Regions(images[image_of_R], mask_RT, images if with_images else None)
        tokens, images_BTD = self.vision.regions(images_BCSS, image_of_R, mask_RT, with_images=with_images)
        return Regions(tokens, mask_RT, images_BTD)

    def blank(self, images_RCSS: Tensor, mask_RT: Tensor) -> Tensor:
        """Set the pixels of hidden patches to 0, the mean colour."""
        grid, cell = self.config.grid, self.config.vision.cell
        cells = mask_RT[:, 1:].view(-1, 1, grid, grid).to(images_RCSS.dtype)
        return images_RCSS * cells.repeat_interleave(cell, dim=2).repeat_interleave(cell, dim=3)

    def encode_texts(self, ids_NL: Tensor, mask_NL: Tensor) -> Tensor:
        """States (N, L, D) of texts, no image involved."""
        return self.text(ids_NL, mask_NL)

    def fuse(
        self, states_NLD: Tensor, mask_NL: Tensor, image_NTD: Tensor, image_mask_NT: Tensor | None = None
    ) -> Tensor:
        """States (N, L, D) of texts that have looked at an image each."""
        return self.text.fuse(states_NLD, mask_NL, image_NTD, image_mask_NT)

    def image_features(self, tokens_BTD: Tensor) -> Tensor:
        """Unit vectors (B, E) of images or regions."""
        return functional.normalize(self.image_projection(tokens_BTD[:, 0]), dim=-1)

    def text_features(self, states_NLD: Tensor) -> Tensor:
        """Unit vectors (N, E) of texts."""
        return functional.normalize(self.text_projection(states_NLD[:, 0]), dim=-1)

    def match_logits(self, fused_NLD: Tensor) -> Tensor:
        """Scores (N, 2) of "does not match" and "matches"."""
        return self.match_head(fused_NLD[:, 0])

    def boxes(self, fused_NLD: Tensor) -> Tensor:
        """Centre, width and height (N, 4) of what the texts name, as shares of the image."""
        if self.box_head is None:
            raise ValueError("this model has no box head: set box_head in its parameters")
        return self.box_head(fused_NLD[:, 0]).sigmoid()

    def relation_logits(self, subject_PLD: Tensor, object_PLD: Tensor) -> Tensor:
        """Scores (P, classes) of the relation between two entities that were encoded each by itself."""
        if self.relation_head is None:
            raise ValueError("this model has no relation head: set relation_classes in its parameters")
        return self.relation_head(torch.cat([subject_PLD[:, 0], object_PLD[:, 0]], dim=-1))

    @torch.no_grad()
    def clamp_temperature(self, low: float = 0.001, high: float = 0.5) -> None:
        """Keep the temperature in its range, as both originals do before each pretraining step."""
        self.temperature.clamp_(low, high)

    def checkpoint_gradients(self) -> None:
        """Compute the layers again in the backward pass instead of keeping their activations."""
        for module in self.modules():
            if isinstance(module, GradientCheckpointingLayer):
                module.gradient_checkpointing = True
                module._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)


def _match_head(config: ModelParams) -> nn.Module:
    if config.match_head == "none":
        return nn.Identity()
    if config.match_head == "linear":
        return nn.Linear(config.text.width, 2)
    return _small_network(config.text.width, 2)


def _small_network(width: int, outputs: int) -> nn.Sequential:
    """X-VLM's heads."""
    return nn.Sequential(nn.Linear(width, 2 * width), nn.LayerNorm(2 * width), nn.GELU(), nn.Linear(2 * width, outputs))
