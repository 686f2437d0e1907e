"""Published benchmarks with the real photos that are here, scored by the command with a CLIP given by its folder."""

from __future__ import annotations

import json

import polars as pl
import pytest
from tests.conftest import ROOT

from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.datasets.probes import ProbesDataset
from visual_relations.metrics.scoreboard import SCOREBOARD_SCHEMA
from visual_relations.pipelines.evaluation.pictures import Pictures

CLIP = ROOT / "data" / "01_raw" / "sample_world" / "clip"
SOURCES = [
    {"benchmark": "vsr_random", "split": "dev", "reader": "vsr", "path": "vsr/splits/random/dev.jsonl"},
    {"benchmark": "valse", "reader": "valse", "path": "valse"},
    {"benchmark": "sugarcrepe", "reader": "sugarcrepe", "path": "sugarcrepe"},
]


@pytest.fixture(scope="module")
def cells(real_data):
    return ProbesDataset(str(real_data), SOURCES).load()


def photos(real_data):
    return ImageFolder(real_data, ("coco/images/train2017", "coco/images/val2017"))


def test_the_photos_that_are_here_are_found_under_all_their_names(real_data, cells):
    here = {path.stem for path in (real_data / "coco" / "images").rglob("*.jpg")}
    stem = pl.col("image").str.extract(r"(\d+)\.jpg$")
    expected = cells.filter(stem.is_in(here))["image"].unique().sort().to_list()
    found = Pictures.of(cells, photos(real_data))
    assert found.keys["image"].unique().sort().to_list() == expected
    opened, reasons = found.open(slice(0, 5))
    assert set(reasons) == {""}
    assert all(min(picture.size) > 100 for picture in opened)


@pytest.mark.slow
def test_the_command_scores_what_is_here_and_reports_the_coverage(real_data, cells, fresh_project):
    (fresh_project.path / "data" / "01_raw" / "real_probes").symlink_to(real_data)
    fresh_project.run(
        "--env=real_probes",
        "--pipelines=evaluation",
        "--tags=zero_shot",
        f"--params=clip_features.clip.model=local-dir:{CLIP}",
    )
    folder = fresh_project.path / "data" / "08_reporting" / "real_probes"
    table = pl.read_parquet(next(folder.glob("matching_metrics.parquet/*/*.parquet")))
    present = cells.join(Pictures.of(cells, photos(real_data)).keys.select("image"), on="image", how="semi")
    for benchmark in ("vsr_random", "valse", "sugarcrepe"):
        whole, here = (c.filter(benchmark=benchmark)["item"].n_unique() for c in (cells, present))
        row = table.filter(benchmark=benchmark, metric="coverage", model="CLIP", variant="").row(0, named=True)
        assert row["count"] == whole
        assert row["value"] == pytest.approx(here / whole)
        assert here > 0
    board = pl.read_parquet(next(folder.glob("scoreboard.parquet/*/*.parquet")))
    assert dict(board.schema) == SCOREBOARD_SCHEMA
    ours = board.filter(benchmark="valse", model="CLIP", variant="", slice="micro", metric="pairwise_accuracy")
    assert "covers" in ours["remark"][0]
    page = next(folder.glob("scoreboard.html/*/*.html")).read_text()
    assert "covers" in page
    assert json.dumps(str(real_data)) not in page
