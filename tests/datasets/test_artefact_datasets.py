"""Banks, models, pages, photos and the workspace as catalog entries."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import torch
from kedro.io import DataCatalog, DatasetError
from kedro.io.core import Version, generate_timestamp
from PIL import Image

from visual_relations.artefacts.feature_bank import FeatureBankWriter
from visual_relations.datasets.feature_bank import FeatureBankDataset
from visual_relations.datasets.html import HTMLDataset
from visual_relations.datasets.image_folder import ImageFolderDataset
from visual_relations.datasets.model import ModelDataset
from visual_relations.datasets.workspace import WorkspaceDataset
from visual_relations.relation_heads.params import UVTransEParams
from visual_relations.relation_heads.uvtranse import UVTransE


def bank(folder, value=1.0):
    with FeatureBankWriter(folder, 2, {"clip": "tiny"}) as writer:
        writer.append(["a", "b"], np.full((2, 2), value))
        return writer.finish()


def test_a_bank_is_moved_to_its_place_and_replaces_the_old_one(tmp_path):
    dataset = FeatureBankDataset(str(tmp_path / "04_feature" / "bank"))
    assert not dataset.exists()
    for value in (1.0, 2.0):
        dataset.save(bank(tmp_path / "work" / "bank", value))
        assert not (tmp_path / "work" / "bank").exists()
        assert dataset.load().select(["b"]).tolist() == [[value, value]]
    dataset.save(dataset.load())  # already there
    assert dataset.exists()
    assert json.loads(dataset.preview())["rows"] == 2
    assert [path.name for path in (tmp_path / "04_feature").iterdir()] == ["bank"]


def test_models_are_versioned_and_come_back_as_modules(tmp_path):
    module = UVTransE(UVTransEParams(dim=4, hidden=3, embedding=2, n_predicates=2)).train()
    versions = []
    for _ in range(2):
        versions.append(generate_timestamp())
        ModelDataset(str(tmp_path / "head"), Version(None, versions[-1])).save({"seed_0": module})
    loaded = ModelDataset(str(tmp_path / "head"), Version(None, None)).load()["seed_0"]
    assert not loaded.training
    torch.testing.assert_close(loaded.classifier[0].weight, module.classifier[0].weight)
    assert sorted(path.name for path in (tmp_path / "head").iterdir()) == sorted(set(versions))
    with pytest.raises(DatasetError):
        ModelDataset(str(tmp_path / "head"), Version("2020-01-01T00.00.00.000Z", None)).load()


def test_pages_are_previewed_as_html(tmp_path):
    dataset = HTMLDataset(str(tmp_path / "report.html"), Version(None, generate_timestamp()))
    dataset.save("<p>ä</p>")
    assert dataset.load() == dataset.preview() == "<p>ä</p>"


def test_photos_are_previewed_as_a_grid_and_never_written(tmp_path):
    for number in range(3):
        Image.new("RGB", (40, 30), (50 * number,) * 3).save(tmp_path / f"{number}.jpg")
    (tmp_path / "broken.jpg").write_text("x")
    dataset = ImageFolderDataset(str(tmp_path), ["VG_100K"])
    assert dataset.load().open("1.jpg").size == (40, 30)
    assert Image.open(io.BytesIO(base64.b64decode(dataset.preview()))).size[0] > 500
    with pytest.raises(DatasetError, match="read-only"):
        dataset.save("photos")
    with pytest.raises(DatasetError, match="no image folder"):
        ImageFolderDataset(str(tmp_path / "none")).load()


def test_entries_of_a_catalog_file(tmp_path):
    names = {
        "bank": "feature_bank.FeatureBankDataset",
        "work": "workspace.WorkspaceDataset",
        "page": "html.HTMLDataset",
    }
    catalog = DataCatalog.from_config(
        {
            name: {"type": f"visual_relations.datasets.{kind}", "filepath": str(tmp_path / name), "metadata": {"a": 1}}
            for name, kind in names.items()
        }
    )
    catalog["bank"].save(bank(tmp_path / "b"))
    assert len(catalog["bank"].load()) == 2
    assert catalog["work"].load().folder("stage", "f").is_dir()
    assert WorkspaceDataset.is_resource
    with pytest.raises(DatasetError, match="not saved"):
        catalog["work"].save("work")
