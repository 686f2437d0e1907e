"""Metric tables as catalog entries: empty before anything is measured, refused when they are something else."""

from __future__ import annotations

import polars as pl
import pytest
from kedro.io import DatasetError, Version

from visual_relations.datasets.metric_table import MetricTableDataset, PublishedResultsDataset
from visual_relations.metrics.matching.items import SCORE_SCHEMA
from visual_relations.metrics.table import METRIC_SCHEMA, metric_table

ROW = {"benchmark": "valse", "model": "m", "metric": "pairwise_accuracy", "value": 0.5}


@pytest.mark.parametrize("versioned", [True, False])
def test_nothing_measured_yet_is_an_empty_table(tmp_path, versioned):
    dataset = MetricTableDataset(str(tmp_path / "m.parquet"), version=Version(None, None) if versioned else None)
    assert not dataset.exists()
    assert dict(dataset.load().schema) == METRIC_SCHEMA
    assert dataset.load().height == 0
    scores = MetricTableDataset(str(tmp_path / "s.parquet"), content="match_scores")
    assert dict(scores.load().schema) == SCORE_SCHEMA


def test_the_newest_version_is_loaded_and_previewed(tmp_path):
    for version, value in (("2026-01-01T00.00.00.000Z", 0.1), ("2026-01-02T00.00.00.000Z", 0.2)):
        dataset = MetricTableDataset(str(tmp_path / "m.parquet"), version=Version(None, version))
        dataset.save(metric_table([{**ROW, "value": value}]))
    newest = MetricTableDataset(str(tmp_path / "m.parquet"), version=Version(None, None))
    assert newest.load()["value"].to_list() == [0.2]
    preview = newest.preview()
    assert preview["columns"] == list(METRIC_SCHEMA)
    assert len(preview["data"]) == 1


def test_other_tables_are_refused(tmp_path):
    dataset = MetricTableDataset(str(tmp_path / "m.parquet"))
    with pytest.raises(DatasetError, match="must have the columns"):
        dataset.save(pl.DataFrame({"value": [1.0]}))
    pl.DataFrame({"value": [1.0]}).write_parquet(tmp_path / "m.parquet")
    with pytest.raises(DatasetError, match="holds no metrics"):
        dataset.load()


def test_every_published_number_has_its_source_and_stands_once():
    table = PublishedResultsDataset("visual_relations.pipelines.evaluation.published").load()
    assert table.height > 400
    assert table["source"].is_not_null().all()
    assert not table.select([*list(METRIC_SCHEMA)[:8], "source"]).is_duplicated().any()
    assert table["value"].is_between(0, 10).all()


def test_a_published_number_without_source_is_refused(monkeypatch, tmp_path):
    (tmp_path / "new.csv").write_text("benchmark,model,metric,value,source\nvalse,m,accuracy,0.5,\n")
    dataset = PublishedResultsDataset("visual_relations.pipelines.evaluation.published")
    dataset._filepath = tmp_path
    with pytest.raises(DatasetError, match=r"new.csv, line 2.*source"):
        dataset.load()
