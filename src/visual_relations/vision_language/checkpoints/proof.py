"""Proof that a conversion changed no output.

The untouched image weights run through timm's own ViT or Swin, the untouched text weights through transformers' BERT:
other code, that reads the original names by itself. The fusion layers have no second implementation at hand; their
weights stay under the original names and are compared as they are. Last, the saved folder is loaded and compared.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from timm.models.swin_transformer import SwinTransformer, checkpoint_filter_fn
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from visual_relations.vision_language.checkpoints.key_tables import Layout
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.params import ModelParams, SwinParams, ViTParams


@torch.inference_mode()
def output_differences(
    converted: VisionLanguageModel,
    reloaded: VisionLanguageModel,
    theirs: Mapping[str, Tensor],
    layout: Layout,
    *,
    resized: bool,
) -> dict[str, float]:
    """Compare outputs on random input.

    Args:
        converted: Made of the checkpoint.
        reloaded: Read back from the folder.
        theirs: The checkpoint.
        layout: Whose it is.
        resized: Whether position tables were fitted; timm would fit them otherwise, so images are not compared then.

    Returns:
        Largest difference by part, as a share of the largest output.
    """
    torch.manual_seed(0)
    config = converted.config
    images = torch.randn(2, 3, config.vision.image_size, config.vision.image_size)
    ids = torch.randint(1, config.text.vocabulary, (2, 7))
    mask = torch.tensor([[1] * 7, [1] * 5 + [0] * 2])
    tokens, states = converted.encode_images(images), converted.encode_texts(ids, mask)
    found: dict[str, float] = {}
    if not resized:
        reference = _image_reference(theirs, config, layout, images)
        found["image tokens, timm"] = _difference(tokens[:, -reference.shape[1] :], reference)
    known = _text_reference(theirs, config, layout, ids, mask)
    found["text states, BertModel"] = _difference(states[mask.bool()], known[mask.bool()])
    found["fusion weights, original"] = _fusion_weights(converted, theirs, layout)
    scores = [
        each.match_logits(each.fuse(each.encode_texts(ids, mask), mask, each.encode_images(images)))
        for each in (converted, reloaded)
    ]
    found["match scores, reloaded"] = _difference(*scores)
    return found


def _image_reference(theirs: Mapping[str, Tensor], config: ModelParams, layout: Layout, images: Tensor) -> Tensor:
    prefix = "visual_encoder." if layout.startswith("albef") else "vision_encoder."
    own = {name.removeprefix(prefix): each for name, each in theirs.items() if name.startswith(prefix)}
    model = _timm_vit(config.vision) if isinstance(config.vision, ViTParams) else _timm_swin(config.vision)
    if isinstance(model, SwinTransformer):
        own = checkpoint_filter_fn(own, model)
    model.load_state_dict(own)
    tokens: Tensor = model.eval().forward_features(images)
    return tokens if tokens.ndim == 3 else tokens.flatten(1, 2)


def _timm_vit(params: ViTParams) -> VisionTransformer:
    return VisionTransformer(
        img_size=params.image_size,
        patch_size=params.patch_size,
        embed_dim=params.width,
        depth=params.depth,
        num_heads=params.heads,
        mlp_ratio=params.mlp_ratio,
        num_classes=0,
        global_pool="",
    )


def _timm_swin(params: SwinParams) -> SwinTransformer:
    return SwinTransformer(
        img_size=params.image_size,
        patch_size=params.patch_size,
        embed_dim=params.width,
        depths=params.depths,
        num_heads=params.heads,
        window_size=params.window,
        mlp_ratio=params.mlp_ratio,
        num_classes=0,
        global_pool="",
    )


def _text_reference(
    theirs: Mapping[str, Tensor], config: ModelParams, layout: Layout, ids: Tensor, mask: Tensor
) -> Tensor:
    prefix = _bert(layout)
    text = config.text
    model = BertModel(
        BertConfig(
            vocab_size=text.vocabulary,
            hidden_size=text.width,
            num_hidden_layers=text.fusion_from,
            num_attention_heads=text.heads,
            intermediate_size=text.mlp_width,
            max_position_embeddings=text.max_positions,
            layer_norm_eps=text.layer_norm_eps,
        ),
        add_pooling_layer=False,
    )
    names = model.state_dict().keys()
    model.load_state_dict({name: theirs[prefix + name] for name in names})
    states: Tensor = model.eval()(input_ids=ids, attention_mask=mask).last_hidden_state
    return states


def _fusion_weights(model: VisionLanguageModel, theirs: Mapping[str, Tensor], layout: Layout) -> float:
    prefix = f"{_bert(layout)}encoder.layer."
    first = model.config.text.fusion_from
    own: nn.Module = model.text.layers
    upper = [item for item in own.state_dict().items() if int(item[0].split(".")[0]) >= first]
    return max(_difference(tensor, theirs[prefix + name]) for name, tensor in upper)


def _bert(layout: Layout) -> str:
    return "text_encoder." if layout.endswith("retrieval") else "text_encoder.bert."


def _difference(first: Tensor, second: Tensor) -> float:
    return float((first - second).abs().max() / second.abs().max().clamp(min=1e-12))
