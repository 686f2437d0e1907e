"""What of the pipeline runs where: everything on a world of photos, the heads alone on given features."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline

from visual_relations.datasets.released_features import AbsentDataset, ReleasedFeaturesDataset
from visual_relations.pipelines.crepe_head import create_pipeline
from visual_relations.pipelines.crepe_head.pipeline import FEATURES
from visual_relations.pipelines.scene_graphs import create_pipeline as create_scene_graphs
from visual_relations.runner import without_given

HEADS = {
    "choose_head_pairs",
    "train_heads",
    "predict_heads",
    "predict_crepe_head_controls",
    "evaluate_crepe_head_predictions",
    "tabulate_grid",
    "report_grid",
}


def parameters(pipeline: Pipeline) -> set[str]:
    return {name for name in pipeline.inputs() if name.startswith("params:")}


def test_every_feature_is_made_from_raw_data_and_nothing_else_is_needed() -> None:
    pipeline = create_pipeline()
    assert pipeline.inputs() <= {"image_folder", "workspace", *parameters(pipeline), *create_scene_graphs().inputs()}
    assert set(FEATURES.values()) <= pipeline.all_outputs()
    assert {node.name for node in pipeline.nodes} > HEADS


def test_on_given_features_the_heads_run_alone() -> None:
    pipeline = create_pipeline()
    released = {"relation_pairs", "candidate_pairs", "vocabulary", "triplet_vocabulary"} | set(FEATURES.values())
    catalog = DataCatalog(
        {
            name: AbsentDataset() if name in released else MemoryDataset()
            for name in pipeline.all_outputs() | pipeline.inputs()
        }
    )
    assert {node.name for node in without_given(pipeline, catalog).nodes} == HEADS


def test_published_features_are_given() -> None:
    assert ReleasedFeaturesDataset.is_given


@pytest.mark.slow
def test_the_command_of_the_readme_writes_one_report(fresh_project, released_folder: Path) -> None:
    fresh_project.run(
        "--pipelines=crepe_head", "--env=released_features", "--params", f"released_features.folder={released_folder}"
    )
    (report,) = (fresh_project.path / "data/08_reporting/released_features/crepe_head.json").rglob("crepe_head.json")
    models = json.loads(report.read_text())["protocols"]["annotated_pairs"]
    assert {"labels_only", "image", "pseudo_text", "ours", "frequency_prior", "chance"} <= set(models)
    assert models["ours"]["calibrations"]["none"]["mR@20"]["seeds"] == 3
