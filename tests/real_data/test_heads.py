"""Relation heads on real annotations whose photos are not there: labels and boxes only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.mark.slow
def test_heads_run_on_labels_and_boxes_of_vrd_beside_the_controls(real_data: Path, fresh_project) -> None:
    (fresh_project.path / "data/01_raw/vrd").symlink_to((real_data / "vrd").resolve())
    recipes = "crepe_head.grid.recipes"
    short = ",".join(f"{recipes}.{name}.training.epochs=2" for name in ("ours", "ours_unbalanced"))
    fresh_project.run("--pipelines=crepe_head", "--env=vrd", "--params", short)
    (report,) = (fresh_project.path / "data/08_reporting/vrd/crepe_head.json").rglob("crepe_head.json")
    protocols = json.loads(report.read_text())["protocols"]
    annotated = {
        name: model["calibrations"]["none"]["mR@20"]["mean"] for name, model in protocols["annotated_pairs"].items()
    }
    assert set(annotated) == {
        "labels_only",
        "labels_boxes",
        "labels_boxes_unbalanced",
        "frequency_prior",
        "chance",
    }
    assert min(annotated["labels_only"], annotated["labels_boxes"]) > 2 * annotated["chance"]
    assert {"labels_boxes", "frequency_prior", "chance"} <= set(protocols["all_pairs"])
