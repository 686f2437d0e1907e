from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from torch import Tensor

from visual_relations.training.models import load_model, save_model
from visual_relations.vision_language.checkpoints.command import convert_command
from visual_relations.vision_language.checkpoints.convert import convert
from visual_relations.vision_language.checkpoints.key_tables import Layout, key_table, momentum_table
from visual_relations.vision_language.checkpoints.shapes import infer_params
from visual_relations.vision_language.checkpoints.start import load_weights
from visual_relations.vision_language.checkpoints.translate import find_layout, read_checkpoint, to_theirs
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.momentum import Teacher, TeacherParams
from visual_relations.vision_language.params import ModelParams, SwinParams, TextParams, ViTParams

TEXT = TextParams(vocabulary=60, width=32, layers=4, fusion_from=2, heads=2, mlp_width=48, max_positions=16, dropout=0)
VIT = ViTParams(image_size=32, patch_size=8, width=32, depth=3, heads=2, masked_depth=3)
SWIN = SwinParams(image_size=64, patch_size=4, window=4, width=8, depths=(1, 2, 1), heads=(1, 2, 2), drop_path=0.0)
LAYOUTS: list[tuple[Layout, dict[str, Any]]] = [
    ("albef", {"vision": VIT, "match_head": "linear"}),
    ("albef_retrieval", {"vision": VIT, "match_head": "linear"}),
    ("xvlm", {"vision": SWIN, "match_head": "mlp", "box_head": True}),
    ("xvlm", {"vision": VIT, "match_head": "mlp", "box_head": True}),
    ("xvlm_retrieval", {"vision": SWIN, "match_head": "mlp"}),
]


def _model(**changes: Any) -> VisionLanguageModel:
    torch.manual_seed(0)
    model = VisionLanguageModel(ModelParams(text=TEXT, embedding=16, **changes)).eval()
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model


def _checkpoint(layout: Layout, model: VisionLanguageModel, folder: Path) -> tuple[Path, dict[str, Tensor]]:
    """A file as the original program writes it."""
    tensors = to_theirs(model.state_dict(), key_table(model.config, layout))
    if layout.startswith("albef"):
        torch.manual_seed(1)
        shape = TeacherParams(model=model.config, queue=8, identities=layout != "albef")
        tensors |= to_theirs(Teacher(shape).state_dict(), momentum_table(model.config, layout))
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    path = folder / f"{layout}.pth"
    torch.save({"model": tensors, "epoch": 3, "config": {"image_res": 32}}, path)
    return path, tensors


@pytest.mark.parametrize(("layout", "changes"), LAYOUTS)
def test_a_released_checkpoint_becomes_a_folder_with_the_same_outputs(
    layout: Layout, changes: dict[str, Any], tmp_path: Path
) -> None:
    model = _model(**changes)
    path, tensors = _checkpoint(layout, model, tmp_path)
    assert find_layout(tensors) == layout
    done = convert(path, tmp_path / "converted", heads=2)
    assert done.report.unused == ()
    assert max(done.differences.values()) < 1e-5
    loaded = load_model(tmp_path / "converted")
    assert set(loaded) == ({"model", "teacher"} if layout.startswith("albef") else {"model"})
    expected = model.state_dict()
    for name, tensor in loaded["model"].state_dict().items():
        assert "token_head" in name or torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize(("layout", "changes"), LAYOUTS)
def test_the_shape_is_read_off_the_tensors(layout: Layout, changes: dict[str, Any], tmp_path: Path) -> None:
    model = _model(**changes)
    found = infer_params(_checkpoint(layout, model, tmp_path)[1], layout, heads=2)
    ignored = {"dropout", "drop_path", "masked_depth"}  # no tensor shows them
    for part in ("vision", "text"):
        own, wanted = getattr(found, part).model_dump(exclude=ignored), getattr(model.config, part)
        assert own == wanted.model_dump(exclude=ignored)
    assert (found.match_head, found.box_head) == (model.config.match_head, model.config.box_head)


def test_another_image_size_keeps_everything_but_the_position_tables(tmp_path: Path) -> None:
    for layout, changes, size in (("albef", LAYOUTS[0][1], 48), ("xvlm", LAYOUTS[2][1], 96)):
        path, _ = _checkpoint(layout, _model(**changes), tmp_path)
        window = {"window": 6} if layout == "xvlm" else {}
        done = convert(path, tmp_path / layout, image_size=size, heads=2, **window)
        assert done.report.resized
        assert all("position_embeddings" in n or "bias_table" in n for n in done.report.resized)
        assert load_model(tmp_path / layout)["model"].config.vision.image_size == size


def test_a_changed_output_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = _checkpoint("albef", _model(**LAYOUTS[0][1]), tmp_path)
    wrong = VIT.model_copy(update={"layer_norm_eps": 1e-2})
    with pytest.raises(ValueError, match="outputs changed"):
        convert(path, tmp_path / "converted", ModelParams(text=TEXT, embedding=16, vision=wrong))


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    result = CliRunner().invoke(convert_command, [str(tmp_path / "other.safetensors"), str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "not a checkpoint" in result.output
    torch.save({"model": [1, 2]}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="no state dict"):
        read_checkpoint(tmp_path / "other.pth")


def test_a_file_with_code_in_it_is_not_read(tmp_path: Path) -> None:

    torch.save({"model": {"weight": torch.zeros(2)}, "config": Path("x").joinpath}, tmp_path / "unsafe.pth")
    with pytest.raises(ValueError, match="for safety"):
        read_checkpoint(tmp_path / "unsafe.pth")


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    path, _ = _checkpoint("albef", _model(**LAYOUTS[0][1]), tmp_path)
    result = CliRunner().invoke(convert_command, [str(path), str(tmp_path / "out"), "--heads=2"])
    assert result.exit_code == 0, result.output
    assert "model, teacher" in result.output
    assert "timm: differ by" in result.output


def test_training_starts_from_a_file_or_from_a_converted_folder(tmp_path: Path) -> None:
    model = _model(**LAYOUTS[0][1])
    path, _ = _checkpoint("albef", model, tmp_path)
    convert(path, tmp_path / "converted", heads=2)
    for start in (path, tmp_path / "converted"):
        fresh = VisionLanguageModel(model.config.model_copy(update={"relation_classes": 3}))
        report = load_weights(fresh, start)
        assert all("relation_head" in name or "decoder" in name for name in report.missing)
        assert torch.equal(fresh.text.layers[3].output.dense.weight, model.text.layers[3].output.dense.weight)
    larger = VisionLanguageModel(ModelParams(text=TEXT, embedding=16, vision=VIT.model_copy(update={"image_size": 48})))
    assert load_weights(larger, tmp_path / "converted").resized


def test_image_encoders_start_from_timm_and_from_clip(tmp_path: Path) -> None:
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
    from timm.models.vision_transformer import VisionTransformer

    torch.manual_seed(0)
    images = torch.randn(2, 3, 32, 32)
    shape = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 3, "num_heads": 2, "num_classes": 0}
    augreg = VisionTransformer(**shape, global_pool="").eval()
    torch.save(augreg.state_dict(), tmp_path / "vit.pth")
    model = _model(vision=VIT)
    load_weights(model, tmp_path / "vit.pth")
    assert torch.allclose(model.encode_images(images), augreg.forward_features(images), atol=1e-5)

    tower = CLIPVisionCfg(image_size=32, patch_size=8, width=32, layers=3, head_width=16)
    words = CLIPTextCfg(context_length=8, vocab_size=60, width=16, heads=2, layers=1)
    clip = CLIP(16, tower, words, quick_gelu=True).eval()
    save_file(dict(clip.state_dict()), tmp_path / "clip.safetensors")
    like_clip = VIT.model_copy(update={"pre_norm": True, "activation": "quick_gelu", "layer_norm_eps": 1e-5})
    model = _model(vision=like_clip)
    load_weights(model, tmp_path / "clip.safetensors")
    expected = clip.visual(images)
    assert torch.allclose(model.encode_images(images)[:, 0] @ clip.visual.proj, expected, atol=1e-5)
    with pytest.raises(ValueError, match="depth"):
        load_weights(_model(vision=like_clip.model_copy(update={"depth": 4})), tmp_path / "clip.safetensors")


def test_the_text_encoder_starts_from_bert(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=16,
    )
    bert = BertForMaskedLM(config).eval()
    old_names = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor.clone()
        for name, tensor in bert.state_dict().items()
    }
    save_file(old_names, tmp_path / "bert.safetensors")
    model = _model(vision=VIT)
    load_weights(model, tmp_path / "bert.safetensors")
    ids, mask = torch.randint(1, 60, (2, 5)), torch.ones(2, 5, dtype=torch.long)
    hidden = bert.bert(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    assert torch.allclose(model.encode_texts(ids, mask), hidden[2], atol=1e-5)
    assert torch.equal(
        model.text.layers[3].attention.self.query.weight, bert.bert.encoder.layer[3].attention.self.query.weight
    )


def test_gradients_are_the_same_when_layers_are_computed_again() -> None:
    images, ids = torch.randn(2, 3, 32, 32), torch.randint(1, 60, (2, 5))
    gradients = []
    for again in (False, True):
        model = _model(vision=VIT).train()
        if again:
            model.checkpoint_gradients()
        mask = torch.ones_like(ids)
        model.match_logits(
            model.fuse(model.encode_texts(ids, mask), mask, model.encode_images(images))
        ).sum().backward()
        gradients.append({name: each.grad for name, each in model.named_parameters() if each.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert all(torch.allclose(gradients[0][name], gradients[1][name], atol=1e-6) for name in gradients[0])


def test_saved_models_come_back(tmp_path: Path) -> None:
    model = _model(vision=SWIN, match_head="mlp", box_head=True, relation_classes=5)
    save_model(tmp_path / "model", model)
    loaded = load_model(tmp_path / "model")
    assert loaded.config == model.config
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in loaded.state_dict().items())
