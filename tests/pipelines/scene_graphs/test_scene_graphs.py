"""The pipeline by its real command: quick, without torch, on every environment whose format can be written here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from pydantic import ValidationError

from visual_relations.pipelines.scene_graphs.params import SceneGraphsParams

ROOT = Path(__file__).parents[3]
ENVIRONMENTS = ["visual_genome", "vg150", "gqa", "vrd", "open_images", "psg", "interactionwise"]

# Runs `kedro run …` in this process and then tells which of the heavy libraries it has loaded.
WATCHED_RUN = """
import sys
from kedro.framework.cli.cli import main
sys.argv = ["kedro", "run", "--pipelines=scene_graphs"]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print("LOADED", sorted({"torch", "transformers", "open_clip", "matplotlib"} & sys.modules.keys()))
"""


@pytest.fixture(scope="module")
def run(new_project: Any) -> tuple[Path, str]:
    """One run on the sample world: its project folder and what it printed."""
    project = new_project("scene_graphs")
    command = [sys.executable, "-c", WATCHED_RUN]
    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return project.path, done.stdout


def table(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(next(folder.glob(f"data/*/*/{name}.parquet")))


def test_the_run_never_loads_torch(run: tuple[Path, str]):
    assert "LOADED []" in run[1]


def test_the_tables_fit_together(run: tuple[Path, str]):
    folder, _ = run
    images, objects, relations, pairs, candidates = (
        table(folder, name) for name in ("images", "objects", "relations", "relation_pairs", "candidate_pairs")
    )
    assert set(images["split"]) == {"train", "val", "test"}
    assert objects.join(images, on="image_id", how="anti").is_empty()
    assert pairs.height == relations.height, "the sample world's names are all classes"
    different = pairs.filter(pl.col("subject_index") != pl.col("object_index"))
    assert different.join(candidates, on="pair_id", how="anti").is_empty()
    assert candidates["pair_id"].is_unique().all()
    vocabulary = json.loads(next(folder.glob("data/*/*/vocabulary.json")).read_text())
    assert pairs["predicate_class"].max() < len(vocabulary["predicates"])
    trained = table(folder, "triplet_vocabulary")
    assert trained["count"].sum() == pairs.filter(pl.col("split") == "train").height
    assert set(table(folder, "verbalised_scene_graphs")["image_id"]) <= set(relations["image_id"])


def test_the_schemas_are_those_of_the_contract(run: tuple[Path, str]):
    pairs = table(run[0], "relation_pairs").schema
    assert [pairs[name] for name in ("subject_class", "predicate_class", "object_class")] == [pl.Int16] * 3
    assert [pairs[name] for name in ("sx1", "oy2")] == [pl.Float32] * 2
    assert [pairs[name] for name in ("subject_index", "width", "height")] == [pl.Int32] * 3
    assert table(run[0], "verbalised_scene_graphs").schema["epoch"] == pl.Int32
    assert table(run[0], "triplet_vocabulary").schema["count"] == pl.UInt32


def test_every_rejected_record_has_its_reason(run: tuple[Path, str]):
    rejected = table(run[0], "rejected_records")
    assert rejected.height > 0, "the sample world has the faults of real annotations"
    assert rejected["reason"].null_count() == 0


def test_evaluation_photos_are_not_trained_on(run: tuple[Path, str]):
    images = table(run[0], "images")
    probes = [
        json.loads(line)
        for path in (ROOT / "data/01_raw/sample_world/probes/vsr").glob("*.jsonl")
        for line in path.open()
    ]
    used = {Path(item["image"]).stem for item in probes}
    assert used
    assert used.isdisjoint(images.filter(pl.col("split") == "train")["image_id"])


def test_the_page_shows_counts_figures_and_examples(run: tuple[Path, str]):
    page = next(run[0].glob("data/08_reporting/*/scene_graphs.html/*/scene_graphs.html")).read_text()
    assert page.count('class="figure"') == 4
    assert page.count("<img") == SceneGraphsParams().examples.number
    for name in ("predicate_long_tail", "object_pair_heat_map", "graph_sizes", "box_sanity"):
        figure = json.loads(next(run[0].glob(f"data/08_reporting/*/{name}.json/*/*.json")).read_text())
        assert figure["data"]


def test_a_misspelt_parameter_stops_the_run_before_the_first_node():
    parameters = yaml.safe_load((ROOT / "conf/base/scene_graphs/parameters.yml").read_text())["scene_graphs"]
    SceneGraphsParams.model_validate(parameters)
    with pytest.raises(ValidationError, match="boxess"):
        SceneGraphsParams.model_validate({**parameters, "cleaning": {"boxess": "clip"}})


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_differs_only_where_it_must(environment: str):
    folder = ROOT / "conf" / environment
    base = yaml.safe_load((ROOT / "conf/base/scene_graphs/parameters.yml").read_text())["scene_graphs"]
    own = yaml.safe_load((folder / "scene_graphs/parameters.yml").read_text())["scene_graphs"]
    merged = {
        key: {**value, **own.get(key, {})} if isinstance(value, dict) else own.get(key, value)
        for key, value in base.items()
    }
    SceneGraphsParams.model_validate(merged)
    catalog = yaml.safe_load((folder / "scene_graphs/catalog.yml").read_text())
    known = yaml.safe_load((ROOT / "conf/base/scene_graphs/catalog.yml").read_text())
    assert catalog.keys() <= known.keys()
    assert yaml.safe_load((folder / "globals.yml").read_text()) == {
        "world": environment,
        "raw": f"data/01_raw/{environment}",
    }
