"""Files in the original's layout: what fits is converted, what does not is refused with a reason."""

from __future__ import annotations

import os
import pickle

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from visual_relations.captioning.original import (
    OriginalCheckpointError,
    OriginalFeaturesError,
    import_checkpoint,
    read_features,
)
from visual_relations.captioning.original.command import convert_command
from visual_relations.captioning.params import MapperParams
from visual_relations.cli import LazyGroup
from visual_relations.training.models import load_model

WIDTH, K, D = 32, 3, 6  # of the language model in conftest; prefix length, image vector


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, target) -> None:
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


def _state(language_model_folder) -> dict[str, torch.Tensor]:
    """A wrapper's state dict as the original saves it, with the buffers of old transformers releases."""
    language_model = AutoModelForCausalLM.from_pretrained(language_model_folder)
    state = {f"gpt.{name}": value for name, value in language_model.state_dict().items()}
    hidden = WIDTH * K // 2
    state |= {"clip_project.model.0.weight": torch.randn(hidden, D), "clip_project.model.0.bias": torch.zeros(hidden)}
    state |= {
        "clip_project.model.2.weight": torch.randn(WIDTH * K, hidden),
        "clip_project.model.2.bias": torch.zeros(WIDTH * K),
        "gpt.transformer.h.0.attn.bias": torch.ones(1, 1, 8, 8, dtype=torch.uint8),
        "gpt.transformer.h.0.attn.masked_bias": torch.tensor(-1e4),
    }
    return {name: value.clone() for name, value in state.items()}


@pytest.fixture
def checkpoint(language_model_folder, tmp_path):
    torch.save(_state(language_model_folder), tmp_path / "coco_prefix-009.pt")
    return tmp_path / "coco_prefix-009.pt"


def test_a_checkpoint_that_would_run_code_is_refused_and_runs_none(tmp_path):
    file = tmp_path / "weights.pt"
    torch.save({"clip_project.weight": Bomb(tmp_path / "exploded")}, file)
    with pytest.raises(OriginalCheckpointError, match=r"weights.pt is not loaded.*could run code"):
        import_checkpoint(file)
    file.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded"), protocol=2))
    with pytest.raises(OriginalCheckpointError, match="is not loaded"):
        import_checkpoint(file)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_a_damaged_checkpoint_is_named(checkpoint, language_model_folder, tmp_path, suffix):
    file = tmp_path / f"half.{suffix}"
    save_file(_state(language_model_folder), tmp_path / "whole.safetensors")
    source = checkpoint if suffix == "pt" else tmp_path / "whole.safetensors"
    file.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    with pytest.raises(OriginalCheckpointError, match=f"half.{suffix} is not loaded: it is damaged"):
        import_checkpoint(file)


def test_the_wrong_mapper_is_named_with_the_right_one(checkpoint):
    found = import_checkpoint(checkpoint, expected=MapperParams(kind="mlp", prefix_length=K))
    assert (found.config.mapper.prefix_length, found.config.feature_dim) == (K, D)
    with pytest.raises(OriginalCheckpointError, match=r"has the mapper .*'mlp'.*'transformer'.* was expected"):
        import_checkpoint(checkpoint, expected=MapperParams(kind="transformer", prefix_length=K))


def test_weights_without_a_known_mapper_are_no_checkpoint_of_clipcap(language_model_folder, tmp_path):
    state = {name: value for name, value in _state(language_model_folder).items() if not name.startswith("clip")}
    torch.save(state, tmp_path / "gpt2.pt")
    with pytest.raises(OriginalCheckpointError, match="it is no checkpoint of ClipCap"):
        import_checkpoint(tmp_path / "gpt2.pt")


def test_a_feature_pickle_that_would_run_code_is_refused_and_runs_none(tmp_path):
    file = tmp_path / "features.pkl"
    file.write_bytes(pickle.dumps({"clip_embedding": Bomb(tmp_path / "exploded"), "captions": []}))
    with pytest.raises(OriginalFeaturesError, match=r"wants to call \w+.mkdir, which no feature file needs"):
        read_features(file)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"captions": []}, "no `clip_embedding` and `captions`"),
        ({"clip_embedding": [1, 2], "captions": []}, "is no tensor of one vector per row"),
        (
            {"clip_embedding": torch.zeros(2, 4), "captions": [{"image_id": 1, "caption": "a"}]},
            "caption 0 has no usable",
        ),
        (
            {"clip_embedding": torch.zeros(2, 4), "captions": [{"image_id": 1, "caption": "a", "clip_embedding": 2}]},
            "1 captions point past the 2 vectors",
        ),
    ],
)
def test_feature_pickles_that_do_not_fit_say_why(tmp_path, content, message):
    file = tmp_path / "features.pkl"
    file.write_bytes(pickle.dumps(content))
    with pytest.raises(OriginalFeaturesError, match=message):
        read_features(file)


def test_the_command_makes_a_captioner_that_gives_the_same_logits(checkpoint, language_model_folder, tmp_path):
    folder = tmp_path / "captioner"
    options = ["--language-model", language_model_folder, "--raw"]
    done = CliRunner().invoke(convert_command, [str(checkpoint), str(folder), *options])
    assert done.exit_code == 0, done.output
    assert "mlp mapper, prefix of 3, image vectors of width 6, as they are" in " ".join(done.output.split())
    captioner = load_model(folder)["coco_prefix-009.seed_0"]
    expected = import_checkpoint(checkpoint, normalize=False)
    features, tokens = torch.randn(2, D), torch.tensor([[1, 2], [3, 4]])
    with torch.no_grad():
        assert torch.equal(captioner(features, tokens), expected(features, tokens))


def test_the_command_says_what_is_wrong_in_one_line(language_model_folder, tmp_path):
    (tmp_path / "no.pt").write_bytes(b"nothing")
    options = ["--language-model", language_model_folder]
    done = CliRunner().invoke(convert_command, [str(tmp_path / "no.pt"), str(tmp_path / "c"), *options])
    assert done.exit_code == 1
    assert "no.pt is not loaded" in done.output
    assert not (tmp_path / "c").exists()
    assert "convert-clipcap" in LazyGroup.lazy
