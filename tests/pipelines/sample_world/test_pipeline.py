"""The pipeline as a command."""

from __future__ import annotations

import json

import pytest


@pytest.mark.slow
def test_a_plain_run_makes_a_small_world_beside_the_committed_one(fresh_project):
    committed = fresh_project.path / "data" / "01_raw" / "sample_world"
    before = {path: path.stat().st_mtime_ns for path in committed.resolve().rglob("*")}
    fresh_project.run("--pipelines=sample_world")
    world = fresh_project.path / "data" / "05_model_input" / "new_world"
    assert {path.name for path in committed.iterdir()} - {"README.md"} == {path.name for path in world.iterdir()}
    assert len(list((world / "images").iterdir())) == len(json.loads((world / "image_data.json").read_text()))
    assert {path: path.stat().st_mtime_ns for path in committed.resolve().rglob("*")} == before
