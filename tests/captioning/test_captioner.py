from __future__ import annotations

import shutil

import pytest
import torch
from pydantic import ValidationError

from visual_relations.captioning.captioner import Captioner, new_captioner
from visual_relations.captioning.language_models import LanguageModelError
from visual_relations.captioning.loss import CaptionBatch, caption_loss
from visual_relations.captioning.params import CaptionerConfig, MapperParams
from visual_relations.training.models import ModelError, load_model, save_model

MAPPER = MapperParams(kind="mlp", prefix_length=3)


def _batch() -> CaptionBatch:
    tokens = torch.tensor([[1, 4, 5, 19], [0, 2, 19, 0]])
    targets = tokens.clone()
    targets[1, 3] = -100
    return CaptionBatch(torch.randn(2, 6), targets, tokens)


@pytest.mark.parametrize("tuned", [False, True])
def test_a_saved_captioner_gives_the_same_logits(language_model_folder, tmp_path, tuned):
    captioner = new_captioner(MAPPER, 6, language_model_folder, tune_language_model=tuned).eval()
    if tuned:
        with torch.no_grad():
            captioner.language_model.get_input_embeddings().weight += 0.1
    save_model(tmp_path / "captioner", captioner)
    loaded = load_model(tmp_path / "captioner")
    features, tokens = torch.randn(2, 6), torch.tensor([[1, 2], [3, 4]])
    with torch.no_grad():
        assert torch.equal(loaded(features, tokens), captioner(features, tokens))


def test_a_frozen_language_model_is_not_saved_and_a_tuned_one_is(language_model_folder, tmp_path):
    sizes = {}
    for tuned in (False, True):
        captioner = new_captioner(MAPPER, 6, language_model_folder, tune_language_model=tuned)
        assert any(key.startswith("language_model") for key in captioner.state_dict()) == tuned
        save_model(tmp_path / str(tuned), captioner)
        sizes[tuned] = (tmp_path / str(tuned) / "model.safetensors").stat().st_size
    assert sizes[True] > 5 * sizes[False]


def test_a_tuned_captioner_needs_no_other_folder(language_model_folder, tmp_path):
    shutil.copytree(language_model_folder, tmp_path / "lm")
    save_model(tmp_path / "c", new_captioner(MAPPER, 6, str(tmp_path / "lm"), tune_language_model=True))
    shutil.rmtree(tmp_path / "lm")
    assert load_model(tmp_path / "c").config.tune_language_model


def test_another_language_model_in_the_same_place_is_noticed(language_model_folder, tmp_path):
    shutil.copytree(language_model_folder, tmp_path / "lm")
    captioner = new_captioner(MAPPER, 6, str(tmp_path / "lm"))
    save_model(tmp_path / "c", captioner)
    with torch.no_grad():
        captioner.language_model.get_input_embeddings().weight += 0.1
    captioner.language_model.save_pretrained(tmp_path / "lm")
    with pytest.raises(ModelError, match="other weights than the one this captioner was trained on"):
        load_model(tmp_path / "c")


def test_a_missing_language_model_is_named(tmp_path):
    with pytest.raises(LanguageModelError, match=r"no usable language model .*nowhere"):
        new_captioner(MAPPER, 6, str(tmp_path / "nowhere"))


def test_image_vectors_of_another_width_are_refused(language_model_folder):
    captioner = new_captioner(MAPPER, 6, language_model_folder)
    with pytest.raises(ValueError, match="reads image vectors of width 6, got 7: extract features with the CLIP"):
        captioner.prefix(torch.randn(2, 7))


def test_a_frozen_language_model_gets_no_gradient_and_no_dropout(language_model_folder):
    captioner = new_captioner(MAPPER, 6, language_model_folder).train()
    assert not any(module.training for module in captioner.language_model.modules())
    caption_loss(captioner, _batch())["loss"].backward()
    assert all(parameter.grad is None for parameter in captioner.language_model.parameters())
    assert all(parameter.grad is not None for parameter in captioner.mapper.parameters())


def test_padding_changes_nothing(language_model_folder):
    captioner, batch = new_captioner(MAPPER, 6, language_model_folder).eval(), _batch()
    longer = CaptionBatch(
        batch.features_ND,
        torch.nn.functional.pad(batch.targets_NL, (0, 5), value=-100),
        torch.nn.functional.pad(batch.tokens_NL, (0, 5), value=7),
    )
    with torch.no_grad():
        expected, found = (float(caption_loss(captioner, each)["loss"]) for each in (batch, longer))
    assert found == pytest.approx(expected)


def test_normalisation_is_part_of_the_captioner(language_model_folder):
    features = torch.randn(2, 6)
    for normalize in (True, False):
        captioner = new_captioner(MAPPER, 6, language_model_folder, normalize=normalize)
        same = torch.allclose(captioner.prefix(features), captioner.prefix(10 * features), atol=1e-6)
        assert same == normalize


def test_the_seed_fixes_the_mapper_and_nothing_else(language_model_folder):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second = (new_captioner(MAPPER, 6, language_model_folder, seed=seed) for seed in (1, 1))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first.mapper.inner.weight, second.mapper.inner.weight)
    other = new_captioner(MAPPER, 6, language_model_folder, seed=2)
    assert not torch.equal(first.mapper.inner.weight, other.mapper.inner.weight)


def test_other_architectures_than_gpt2(tmp_path):
    architecture = {
        "model_type": "llama",
        "vocab_size": 20,
        "hidden_size": 24,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "eos_token_id": 19,
        "bos_token_id": 19,
    }
    config = CaptionerConfig(mapper=MAPPER, feature_dim=6, tune_language_model=True, architecture=architecture)
    captioner = Captioner.from_config(config).eval()
    batch = _batch()
    assert captioner(batch.features_ND, batch.tokens_NL).shape == (2, 5, 20)
    save_model(tmp_path / "c", captioner)
    loaded = load_model(tmp_path / "c")
    with torch.no_grad():
        assert torch.equal(loaded(batch.features_ND, batch.tokens_NL), captioner(batch.features_ND, batch.tokens_NL))


def test_a_configuration_without_a_language_model_is_refused():
    with pytest.raises(ValidationError, match="needs a language model"):
        CaptionerConfig(feature_dim=6)
    with pytest.raises(ValidationError, match="give its `architecture`"):
        CaptionerConfig(feature_dim=6, language_model="somewhere", tune_language_model=True)
