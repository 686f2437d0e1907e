"""VALSE as published: its files, and the numbers that published per-item scores give."""

from __future__ import annotations

import json

import polars as pl
import pytest

from visual_relations.datasets.probes import ProbesDataset
from visual_relations.metrics.matching.evaluate import evaluate_matching
from visual_relations.metrics.matching.items import SCORE_SCHEMA

METRICS = {"pairwise_acc": "pairwise_accuracy", "p_c": "p_c", "p_f": "p_f"}


@pytest.fixture(scope="module")
def cells(real_data):
    source = {"benchmark": "valse", "reader": "valse", "path": "."}
    return ProbesDataset(str(real_data / "valse"), [source]).load()


@pytest.fixture(scope="module")
def expected(real_data):
    return json.loads((real_data / "valse" / "model_outputs_expected.json").read_text())


def test_only_items_that_annotators_agree_on_are_read(real_data, cells):
    valid = 0
    for path in (real_data / "valse").glob("*.json"):
        if path.name != "model_outputs_expected.json":
            valid += sum(item["mturk"]["caption"] >= 2 for item in json.loads(path.read_text()).values())
    assert cells["item"].n_unique() == valid


def test_published_scores_give_the_published_numbers_piece_by_piece(real_data, cells, expected):
    records = [json.loads(line) for line in (real_data / "valse" / "model_outputs.jsonl").open()]
    rows = [
        (model, "", 0.5, "valse", "test", f"{record['piece']}/{record['key']}", 0, place, record[f"{kind}_{model}"])
        for record in records
        for model in expected
        for place, kind in enumerate(("caption", "foil"))
    ]
    table = evaluate_matching(cells, pl.DataFrame(rows, schema=SCORE_SCHEMA, orient="row"))
    for model, pieces in expected.items():
        for piece, numbers in pieces.items():
            for name, metric in METRICS.items():
                row = table.filter(model=model, metric=metric, slice=f"piece:{piece}").row(0, named=True)
                assert round(100 * row["value"], 2) == numbers[name], (model, piece, name)
                assert row["count"] == numbers["n"]
        macro = table.filter(model=model, metric="pairwise_accuracy", slice="macro:piece")["value"][0]
        mean = sum(numbers["pairwise_acc"] for numbers in pieces.values()) / len(pieces)
        assert 100 * macro == pytest.approx(mean, abs=0.01)
        assert table.filter(model=model, metric="coverage")["value"][0] == 1
