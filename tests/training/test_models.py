"""Models on disk come back as they were, and no file chooses what code runs."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from visual_relations.relation_heads.params import UVTransEParams
from visual_relations.relation_heads.uvtranse import UVTransE
from visual_relations.training.models import ModelError, load_model, save_model

CONFIG = UVTransEParams(dim=8, hidden=6, embedding=4, n_predicates=3)


def test_a_module_and_a_dict_of_modules_come_back(tmp_path):
    first, second = UVTransE(CONFIG), UVTransE(CONFIG.model_copy(update={"union": False}))
    save_model(tmp_path / "one", first)
    save_model(tmp_path / "two", {"a": first, "b": second})
    x = torch.randn(5, 8)
    loaded = load_model(tmp_path / "one")
    assert not loaded.training
    assert loaded.config == CONFIG
    torch.testing.assert_close(loaded(x, x, x), first(x, x, x), rtol=0, atol=0)
    both = load_model(tmp_path / "two")
    torch.testing.assert_close(both["b"](None, x, x), second(None, x, x), rtol=0, atol=0)
    save_model(tmp_path / "two", {"c": first})  # replaces all of it
    assert list(load_model(tmp_path / "two")) == ["c"]


@pytest.mark.parametrize("name", ["os.system", "torch.nn.Linear", "visual_relations.training.models.json", "builtins"])
def test_only_classes_of_this_project_are_loaded(tmp_path, name):
    save_model(tmp_path / "m", UVTransE(CONFIG))
    path = tmp_path / "m" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"class": name}))
    with pytest.raises(ModelError, match="no model or configuration of visual_relations"):
        load_model(tmp_path / "m")


def test_what_cannot_be_loaded_again_is_not_saved(tmp_path):
    with pytest.raises(ModelError, match="needs a pydantic"):
        save_model(tmp_path / "m", nn.Linear(2, 2))
    assert not (tmp_path / "m").exists()


def test_damaged_or_missing_models_name_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model in"):
        load_model(tmp_path / "m")
    save_model(tmp_path / "m", UVTransE(CONFIG))
    path = tmp_path / "m" / "config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"config": content["config"] | {"hidden": 7}}))
    with pytest.raises(ModelError, match=r"(?s)m: .*; train it again"):
        load_model(tmp_path / "m")
    path.write_text(json.dumps(content | {"config": {"dims": 7}}))
    with pytest.raises(ModelError, match="dims"):
        load_model(tmp_path / "m")
