"""VSR as published: its files, and the accuracies that published per-item scores give."""

from __future__ import annotations

import json

import polars as pl
import pytest

from visual_relations.datasets.probes import ProbesDataset
from visual_relations.metrics.matching.evaluate import evaluate_matching
from visual_relations.metrics.matching.items import SCORE_SCHEMA


def read(folder, path):
    source = {
        "benchmark": "vsr_random",
        "split": "dev",
        "reader": "vsr",
        "path": path,
        "options": {"relation_groups": "rel_meta_category_dict.txt"},
    }
    return ProbesDataset(str(folder), [source]).load()


def test_published_scores_give_the_published_accuracies(real_data):
    folder = real_data / "vsr"
    expected = json.loads((folder / "model_outputs_expected.json").read_text())
    records = [json.loads(line) for line in (folder / "model_outputs_random_dev.jsonl").open()]
    cells = read(folder, "model_outputs_random_dev.jsonl")
    assert cells.height == expected["n"]
    for model, accuracy in expected["accuracy_percent_at_score_gt_0.5"].items():
        scores = cells.select("benchmark", "split", "item", "image_index", "text_index").with_columns(
            score=pl.Series([record[f"score_{model}"] for record in records]),
            model=pl.lit(model),
            variant=pl.lit(""),
            threshold=pl.lit(0.5),
        )
        table = evaluate_matching(cells, scores.select(pl.col(name).cast(d) for name, d in SCORE_SCHEMA.items()))
        row = table.filter(metric="accuracy", slice="micro", protocol="threshold 0.5").row(0, named=True)
        assert round(100 * row["value"], 2) == accuracy
        assert row["count"] == expected["n"]
        assert row["low"] < row["value"] < row["high"]


@pytest.mark.parametrize("split", ["random/dev", "random/train", "zeroshot/dev", "zeroshot/test", "zeroshot/train"])
def test_every_split_is_read_whole(real_data, split):
    path = real_data / "vsr" / "splits" / f"{split}.jsonl"
    cells = read(real_data / "vsr", f"splits/{split}.jsonl")
    records = [json.loads(line) for line in path.open()]
    assert cells["text"].to_list() == [record["caption"] for record in records]
    assert cells["gold"].to_list() == [bool(record["label"]) for record in records]
    named = cells.select(pl.col("slices").list.eval(pl.element().str.starts_with("group:")).list.sum())["slices"]
    assert named.mean() > 0.99  # "congruent" and the like are in no group
