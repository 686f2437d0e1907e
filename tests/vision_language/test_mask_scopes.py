"""What each mask scope hides, proven by changing what is hidden."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.params import MaskScope, ModelParams, SwinParams, TextParams, ViTParams
from visual_relations.vision_language.regions import patch_mask

TEXT = TextParams(vocabulary=50, width=32, layers=3, fusion_from=1, heads=2, mlp_width=32, max_positions=16, dropout=0)
SIZE, CELL = 32, 8
BOX = (5.0, 9.0, 10.0, 6.0)


def _model(masked_depth: int = 1) -> VisionLanguageModel:
    torch.manual_seed(0)
    vision = ViTParams(image_size=SIZE, patch_size=CELL, width=32, depth=3, heads=2, masked_depth=masked_depth)
    model = VisionLanguageModel(ModelParams(vision=vision, text=TEXT, embedding=8, relation_classes=3)).eval()
    for parameter in model.parameters():  # the small start weights would hide a leak
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture
def mask() -> Tensor:
    return torch.from_numpy(patch_mask(BOX, SIZE // CELL, CELL))[None]


@pytest.fixture
def images() -> tuple[Tensor, Tensor]:
    """Two images that differ everywhere but in the patches that the box touches."""
    torch.manual_seed(1)
    image, other = torch.randn(2, 1, 3, SIZE, SIZE)
    inside = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    inside[8:16, 0:16] = True
    return image, torch.where(inside, image, other)


def _encoding(model: VisionLanguageModel, image: Tensor, mask: Tensor, scope: MaskScope) -> Tensor:
    """An entity as the relation head sees it."""
    ids, text_mask = torch.tensor([[3, 7, 9, 0]]), torch.tensor([[1, 1, 1, 0]])
    regions = model.encode_regions(image, torch.tensor([0]), mask, scope)
    return model.fuse(model.encode_texts(ids, text_mask), text_mask, regions.tokens, regions.mask)[:, 0]


def test_the_mask_is_the_patches_that_the_box_touches(mask: Tensor) -> None:
    assert mask[0, 1:].view(4, 4).tolist() == [[0] * 4, [1, 1, 0, 0], [0] * 4, [0] * 4]
    assert mask[0, 0] == 1


def test_pixels_outside_do_not_reach_the_encoding_when_pixels_are_blanked(
    mask: Tensor, images: tuple[Tensor, Tensor]
) -> None:
    model = _model()
    first, second = (_encoding(model, image, mask, "pixels") for image in images)
    assert torch.equal(first, second)


def test_pixels_outside_do_not_reach_the_encoding_when_every_block_is_masked(
    mask: Tensor, images: tuple[Tensor, Tensor]
) -> None:
    model = _model(masked_depth=3)
    first, second = (_encoding(model, image, mask, "vit_last+cross") for image in images)
    assert torch.allclose(first, second, atol=1e-6)


@pytest.mark.parametrize("scope", ["cross", "vit_last+cross"])
def test_pixels_outside_do_reach_it_through_blocks_that_are_not_masked(
    mask: Tensor, images: tuple[Tensor, Tensor], scope: MaskScope
) -> None:
    """Documented: the patches that stay have seen the others in the unmasked blocks."""
    model = _model()
    first, second = (_encoding(model, image, mask, scope) for image in images)
    assert (first - second).abs().max() > 1e-3


@pytest.mark.parametrize("scope", ["cross", "vit_last+cross", "pixels"])
def test_hidden_patches_do_not_reach_the_text_in_any_scope(
    mask: Tensor, images: tuple[Tensor, Tensor], scope: MaskScope
) -> None:
    model = _model()
    regions = model.encode_regions(images[0], torch.tensor([0]), mask, scope)
    changed = torch.where(mask[..., None].bool(), regions.tokens, torch.randn_like(regions.tokens))
    ids, text_mask = torch.tensor([[3, 7]]), torch.ones(1, 2, dtype=torch.long)
    states = model.encode_texts(ids, text_mask)
    fused = [model.fuse(states, text_mask, tokens, regions.mask) for tokens in (regions.tokens, changed)]
    assert torch.allclose(*fused, atol=1e-6)


def test_hidden_patches_do_not_reach_visible_ones_in_masked_blocks(mask: Tensor) -> None:
    model = _model(masked_depth=1)
    block, tokens = model.vision.vit.layers[-1], torch.randn(1, 17, 32)
    changed = torch.where(mask[..., None].bool(), tokens, torch.randn_like(tokens))
    from visual_relations.vision_language.attention import additive_mask

    additive = additive_mask(mask, tokens.dtype)
    visible = mask[0].bool()
    assert torch.allclose(block(tokens, additive)[:, visible], block(changed, additive)[:, visible], atol=1e-6)


def test_blanking_keeps_the_pixels_of_visible_patches(mask: Tensor, images: tuple[Tensor, Tensor]) -> None:
    blanked = _model().blank(images[0], mask)
    assert torch.equal(blanked[..., 8:16, 0:16], images[0][..., 8:16, 0:16])
    assert blanked.count_nonzero() == 3 * 8 * 16


def test_whole_images_come_along_unmasked(mask: Tensor, images: tuple[Tensor, Tensor]) -> None:
    model = _model()
    for scope in ("cross", "vit_last+cross", "pixels"):
        regions = model.encode_regions(images[0], torch.tensor([0]), mask, scope, with_images=True)
        assert torch.allclose(regions.images, model.encode_images(images[0]), atol=1e-5)


def test_swin_takes_the_mean_of_the_regions_patches_and_refuses_masked_blocks(
    mask: Tensor, images: tuple[Tensor, Tensor]
) -> None:
    vision = SwinParams(image_size=SIZE, patch_size=4, window=4, width=16, depths=(1, 1), heads=(1, 2))
    model = VisionLanguageModel(ModelParams(vision=vision, text=TEXT, embedding=8)).eval()
    tokens = model.encode_regions(images[0], torch.tensor([0]), mask, "cross").tokens
    assert torch.allclose(tokens[0, 0], tokens[0, 1:][mask[0, 1:].bool()].mean(0), atol=1e-6)
    with pytest.raises(ValueError, match="cross"):
        model.encode_regions(images[0], torch.tensor([0]), mask, "vit_last+cross")
