"""Frozen CLIP equals open_clip itself, prompts at their true length equal prompts at full length."""

from __future__ import annotations

import json

import numpy as np
import open_clip
import pytest
import torch
from open_clip.transform import image_transform_v2
from PIL import Image
from safetensors.torch import save_file

from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.load import ClipError, _quick_gelu, load_clip
from visual_relations.clip.params import ClipParams

TEXTS = ["a dog", "a small brown dog sits beside the red sofa in the room", "tree"]


def folder(path, quick_gelu=False, **text):
    """A tiny model in open_clip's own folder format."""
    vision = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16}
    texts = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2} | text
    custom = {"custom_text": True} if text else {}
    config = {"embed_dim": 16, "quick_gelu": quick_gelu, "vision_cfg": vision, "text_cfg": texts, **custom}
    path.mkdir()
    (path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    torch.manual_seed(0)
    build = open_clip.model.CustomTextCLIP if custom else open_clip.model.CLIP
    model = build(embed_dim=16, quick_gelu=quick_gelu, vision_cfg=vision, text_cfg=texts)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, path / "open_clip_model.safetensors")
    return f"local-dir:{path}"


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> FrozenClip:
    return load_clip(ClipParams(model=folder(tmp_path_factory.mktemp("clip") / "tiny"), device="cpu"))


@pytest.mark.parametrize(
    "text",
    [{}, {"proj_bias": True}, {"proj_type": "none", "width": 16}, {"pool_type": "eos", "eos_id": 49407},
     {"no_causal_mask": True, "pool_type": "last"}],
)  # fmt: skip
def test_texts_equal_open_clips_own(tmp_path, text):
    loaded = load_clip(ClipParams(model=folder(tmp_path / "m", **text), device="cpu"))
    with torch.no_grad():
        expected_ND = loaded.model.encode_text(loaded.tokenizer(TEXTS))
    torch.testing.assert_close(loaded.encode_texts(TEXTS), expected_ND, rtol=1e-5, atol=1e-5)
    if text.get("no_causal_mask"):
        with pytest.raises(TypeError, match="cannot encode prompts"):
            _ = loaded.token_embedding


def test_prompts_at_true_length_have_the_features_and_gradients_of_77_positions(clip):
    ids_BL = clip.tokenizer(TEXTS)
    eot_B = ids_BL.argmax(-1)
    weights_D = torch.randn(clip.dim)
    grads = []
    for length in (int(eot_B.max()) + 1, 77):
        embeddings = clip.token_embedding(ids_BL[:, :length]).clone().requires_grad_()
        if length == 77:  # open_clip's own chain
            x = clip.model.transformer(embeddings + clip.model.positional_embedding, attn_mask=clip.model.attn_mask)
            features = clip.model.ln_final(x)[torch.arange(3), eot_B] @ clip.model.text_projection
        else:
            features = clip.encode_prompts(embeddings, eot_B)
        (features @ weights_D).sum().backward()
        grads.append((features.detach(), embeddings.grad[:, : int(eot_B.max()) + 1]))
    for short, full in zip(*grads, strict=True):
        assert float((short - full).abs().max()) < 1e-5 * float(full.abs().max())
    with pytest.raises(ValueError, match="does not fit"):
        clip.encode_prompts(embeddings[:, :5], eot_B)


@pytest.mark.parametrize("size", [(40, 30), (300, 45), (20, 400), (32, 32)])
def test_photos_equal_open_clips_own_preprocessing(clip, size):
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), np.uint8))
    own = image_transform_v2(clip.preprocess.config, is_train=False)
    found = clip.preprocess(photo)
    assert found.shape == (3, 32, 32)
    if max(size) / min(size) <= 8:
        torch.testing.assert_close(found, own(photo), rtol=0, atol=1e-6)
    else:  # only the middle is resized: up to rounding of the resized length
        assert (found - own(photo)).abs().mean() < 0.15
    one = clip.encode_images([photo])
    torch.testing.assert_close(clip.encode_images(found[None]), one, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(clip.encode_images(clip.preprocess.pixels(photo)[None]), one, rtol=1e-5, atol=1e-6)


def test_crop_modes_keep_all_of_a_photo_or_its_middle(clip):
    photo = Image.new("RGB", (96, 32), "black")
    photo.paste("white", (0, 0, 24, 32))
    assert not clip.preprocess.with_crop_mode("center_crop").pixels(photo).any()
    assert clip.preprocess.with_crop_mode("squash").pixels(photo)[:, 0].min() > 200
    padded = clip.preprocess.with_crop_mode("pad").pixels(photo)
    assert padded[16, 0].min() > 200
    assert not padded[0].any()
    for mode in ("center_crop", "squash", "pad"):
        for size in [(1, 500), (500, 1), (1, 1)]:
            assert clip.preprocess.with_crop_mode(mode).pixels(Image.new("RGB", size)).shape == (32, 32, 3)


def test_bf16_comes_near_fp32_and_fingerprints_tell_models_apart(tmp_path, clip):
    name = folder(tmp_path / "m")
    half = load_clip(ClipParams(model=name, device="cpu", precision="bf16"))
    torch.testing.assert_close(half.encode_texts(TEXTS), clip.encode_texts(TEXTS), rtol=0.1, atol=0.1)
    assert load_clip(ClipParams(model=name, device="cpu")).fingerprint == clip.fingerprint
    assert half.fingerprint != clip.fingerprint
    quick = load_clip(ClipParams(model=folder(tmp_path / "q", quick_gelu=True), device="cpu"))
    assert quick.fingerprint != clip.fingerprint


def test_words_and_widths(clip):
    assert (clip.dim, clip.text_width, clip.context_length) == (16, 32, 77)
    assert clip.word_ids("fire hydrant") == clip.tokenizer.encode("fire hydrant")
    assert clip.encode_texts([]).shape == (0, 16)
    assert not any(parameter.requires_grad for parameter in clip.model.parameters())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model": "ViT-B32", "pretrained": "openai"}, "no CLIP named 'ViT-B32'; close names: ViT-B-32"),
        ({"model": "ViT-B-32", "pretrained": "opnai"}, r"did you mean 'openai'\?"),
        ({"model": "ViT-B-32"}, "`pretrained` is needed"),
        ({"model": "local-dir:nowhere"}, "there is no open_clip_config.json"),
        ({"model": "ViT-B-32-quickgelu", "pretrained": "laion2b_e16"}, "no weights 'laion2b_e16'"),
    ],
)
def test_a_clip_that_does_not_exist_is_answered_with_what_does(params, message):
    with pytest.raises(ClipError, match=message):
        load_clip(ClipParams(**params))


def test_broken_weights_name_the_model(tmp_path):
    name = folder(tmp_path / "m")
    (tmp_path / "m" / "open_clip_model.safetensors").write_bytes(b"broken")
    with pytest.raises(ClipError, match="cannot load CLIP local-dir"):
        load_clip(ClipParams(model=name))


def test_weights_trained_with_quick_gelu_compute_with_it_whatever_the_model_is_called():
    assert _quick_gelu(ClipParams(model="ViT-B-32", pretrained="openai"))
    assert _quick_gelu(ClipParams(model="ViT-B/32", pretrained="openai"))
    assert _quick_gelu(ClipParams(model="ViT-B-32-quickgelu", pretrained="openai"))
    assert not _quick_gelu(ClipParams(model="ViT-B-32", pretrained="laion2b_s34b_b79k"))
    assert not _quick_gelu(ClipParams(model="ViT-B-32", pretrained="openai", force_quick_gelu=False))
