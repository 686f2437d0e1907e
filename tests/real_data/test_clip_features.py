"""Real photos with real graphs: GQA's, those that are here; the others are written down as missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from tests.conftest import ROOT

from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.workspace import Workspace
from visual_relations.clip.params import ClipParams
from visual_relations.datasets.annotations.gqa import GQADataset
from visual_relations.graphs.cleaning import CleaningParams, clean_graphs
from visual_relations.pipelines.clip_features import nodes
from visual_relations.pipelines.clip_features.params import ClipFeaturesParams


def test_objects_and_photos_of_gqa_have_features_and_missing_photos_a_record(real_data: Path, tmp_path: Path):
    graphs = {path.name.split("_")[0]: str(path) for path in (real_data / "gqa").glob("*_sceneGraphs.json")}
    raw = GQADataset(graphs).load()
    here = {path.stem for path in (real_data / "gqa" / "images").glob("*.jpg")} & set(raw.images["image_id"])
    clean = clean_graphs(raw, CleaningParams())
    images, objects = clean.images, clean.objects
    # All photos that are here, and as many that are not.
    present = images.filter(pl.col("image_id").is_in(list(here)))
    absent = images.filter(~pl.col("image_id").is_in(list(here))).head(present.height)
    images = pl.concat([present, absent])
    objects = objects.join(images.select("image_id"), on="image_id", how="semi", maintain_order="left")
    folder = ImageFolder(real_data / "gqa" / "images")
    params = ClipFeaturesParams(
        clip=ClipParams(model=f"local-dir:{ROOT / 'data/01_raw/sample_world/clip'}", device="cpu"), object_images=True
    )
    workspace = Workspace(tmp_path / ".work")
    photos, rejected = nodes.encode_images(images, folder, workspace, params)
    assert set(photos.ids) == set(present["image_id"])
    assert set(rejected["image_id"]) == set(absent["image_id"])
    assert rejected["reason"].str.contains("no such photo").all()
    crops, _ = nodes.encode_object_images(images, objects, folder, workspace, params)
    seen = objects.join(present.select("image_id"), on="image_id", how="semi")
    assert set(crops.ids) == set(seen.select(pl.format("{}:{}", "image_id", "object_index")).to_series())
    norms_N = np.linalg.norm(crops.rows(slice(None)).astype(np.float32), axis=1)
    assert (norms_N > 0).all()
