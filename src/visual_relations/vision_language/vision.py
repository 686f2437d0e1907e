"""Image encoders: transformers' ViT and Swin, which also encode regions of an image with their surroundings hidden.

Shapes: B images, R regions, T tokens (the first one stands for the whole image or region), D width, S pixels per side.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import SwinConfig, SwinModel, ViTConfig, ViTModel

from visual_relations.vision_language.attention import additive_mask
from visual_relations.vision_language.params import SwinParams, ViTParams


class VisionTransformer(nn.Module):
    """ViT; a region is encoded by hiding the other patches from the last blocks (X-VLM, section "region branch")."""

    def __init__(self, params: ViTParams) -> None:
        super().__init__()
        self.masked_depth = params.masked_depth
        self.pre_norm = nn.LayerNorm(params.width, eps=params.layer_norm_eps) if params.pre_norm else nn.Identity()
        self.vit = ViTModel(_vit_config(params), add_pooling_layer=False)

    def forward(self, images_BCSS: Tensor) -> Tensor:
        """Encode whole images: (B, T, D), CLS first."""
        tokens = self._embed(images_BCSS)
        for block in self.vit.layers:
            tokens = block(tokens)
        return self.vit.layernorm(tokens)

    def regions(
        self, images_BCSS: Tensor, image_of_R: Tensor, mask_RT: Tensor, *, with_images: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Encode regions: the first blocks run once per image, the last ones per region with its mask.

        Args:
            images_BCSS: Normalised pixels.
            image_of_R: Row of the image of each region.
            mask_RT: 1 where a region's encoding may look; the first token always.
            with_images: Whether the whole images are wanted too.

        Returns:
            Regions (R, T, D) and whole images (B, T, D) or None.
        """
        tokens = self._embed(images_BCSS)
        first, last = _split(self.vit.layers, self.masked_depth)
        for block in first:
            tokens = block(tokens)
        regions, mask = tokens[image_of_R], mask_RT
        if with_images:
            regions = torch.cat([regions, tokens])
            mask = torch.cat([mask_RT, mask_RT.new_ones(tokens.shape[:2])])
        additive = additive_mask(mask, regions.dtype)
        for block in last:
            regions = block(regions, additive)
        regions = self.vit.layernorm(regions)
        n_regions = len(image_of_R)
        return regions[:n_regions], regions[n_regions:] if with_images else None

    def _embed(self, images_BCSS: Tensor) -> Tensor:
        return self.pre_norm(self.vit.embeddings(images_BCSS))


class SwinTransformer(nn.Module):
    """Swin; its first token is the mean of the patches, of a region the mean of the region's patches (X-VLM)."""

    def __init__(self, params: SwinParams) -> None:
        super().__init__()
        self.swin = SwinModel(_swin_config(params), add_pooling_layer=False)

    def forward(self, images_BCSS: Tensor) -> Tensor:
        """Encode whole images: (B, T, D), mean of the patches first."""
        patches = self._patches(images_BCSS)
        return torch.cat([patches.mean(1, keepdim=True), patches], dim=1)

    def regions(
        self, images_BCSS: Tensor, image_of_R: Tensor, mask_RT: Tensor, *, with_images: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Encode regions: windows are never masked, only the mean is taken over the region; see `VisionTransformer`."""
        patches = self._patches(images_BCSS)
        regions, weights = patches[image_of_R], mask_RT[:, 1:, None].to(patches.dtype)
        means = (regions * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True)
        images = torch.cat([patches.mean(1, keepdim=True), patches], dim=1) if with_images else None
        return torch.cat([means, regions], dim=1), images

    def _patches(self, images_BCSS: Tensor) -> Tensor:
        patches: Tensor = self.swin(images_BCSS).last_hidden_state
        return patches


def make_vision(params: ViTParams | SwinParams) -> VisionTransformer | SwinTransformer:
    """The image encoder that the parameters describe."""
    return VisionTransformer(params) if isinstance(params, ViTParams) else SwinTransformer(params)


def _vit_config(params: ViTParams) -> ViTConfig:
    return ViTConfig(
        image_size=params.image_size,
        patch_size=params.patch_size,
        hidden_size=params.width,
        num_hidden_layers=params.depth,
        num_attention_heads=params.heads,
        intermediate_size=int(params.width * params.mlp_ratio),
        hidden_act=params.activation,
        layer_norm_eps=params.layer_norm_eps,
        hidden_dropout_prob=params.dropout,
        attention_probs_dropout_prob=params.dropout,
    )


def _swin_config(params: SwinParams) -> SwinConfig:
    return SwinConfig(
        image_size=params.image_size,
        patch_size=params.patch_size,
        window_size=params.window,
        embed_dim=params.width,
        depths=params.depths,
        num_heads=params.heads,
        mlp_ratio=params.mlp_ratio,
        layer_norm_eps=params.layer_norm_eps,
        drop_path_rate=params.drop_path,
    )


def _split(blocks: nn.ModuleList, n_last: int) -> tuple[list[nn.Module], list[nn.Module]]:
    everything = list(blocks)
    place = len(everything) - n_last
    return everything[:place], everything[place:]
