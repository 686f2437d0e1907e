"""Figures show the numbers of their tables."""

import polars as pl
from PIL import Image

from visual_relations.metrics.table import metric_table
from visual_relations.plots.gallery import contact_sheet, relation_cards
from visual_relations.plots.relations import confusion_matrix, model_overview, predicate_recall, pseudo_label_quality
from visual_relations.plots.report import gallery_html
from visual_relations.plots.terminal import text_table
from visual_relations.plots.training import training_curves


def test_confusions_are_shares_of_the_annotated_predicate():
    table = pl.DataFrame({"truth": ["on", "on"], "predicted": ["on", "near"], "count": [3, 1]})
    (heat,) = confusion_matrix(table, ["on", "near"]).data
    assert [list(row) for row in heat.z] == [[0.75, 0.25], [0.0, 0.0]]


def test_predicates_stand_in_the_order_of_their_training_counts():
    recalls = metric_table(
        {"benchmark": "t", "model": "crepe", "metric": "mR@20", "slice": name, "value": 0.5} for name in ("on", "near")
    )
    figure = predicate_recall(recalls, {"near": 2, "on": 9}, ["crepe"])
    assert list(figure.layout.yaxis.categoryarray) == ["near", "on"]


def test_models_show_the_range_of_their_seeds():
    rows = [{"benchmark": "t", "model": "crepe", "metric": "mR@20", "value": 0.5, "low": 0.4, "high": 0.7}]
    (dots,) = model_overview(metric_table(rows), ["mR@20"]).data
    assert [round(v, 6) for v in (*dots.error_x.array, *dots.error_x.arrayminus)] == [0.2, 0.1]


def test_chance_stands_beside_every_part_of_a_pseudo_label():
    rows = [
        {"benchmark": "t", "model": "p", "metric": "subject", "variant": variant, "value": value}
        for variant, value in (("retrieved", 0.4), ("chance", 0.1))
    ]
    bars, chance = pseudo_label_quality(metric_table(rows)).data
    assert (list(bars.y), list(chance.y)) == ([0.4], [0.1])


def test_curves_are_means_over_seeds_with_a_panel_per_value():
    rows = [(1, "train", "loss", float(seed), "crepe", seed) for seed in (0, 1)] + [(1, "train", "lr", 3.0, "crepe", 0)]
    history = pl.DataFrame(rows, schema=["step", "split", "name", "value", "model", "seed"], orient="row")
    figure = training_curves(history)
    assert [list(trace.y) for trace in figure.data] == [[0.5], [3.0]]


def test_the_gallery_marks_what_is_right():
    table = pl.DataFrame(
        {
            "title": ["image 1"],
            "subject": ["man"],
            "object": ["dog"],
            **{f"{end}{side}": [5.0] for end in "so" for side in ("x1", "y1", "x2", "y2")},
            "truths": [["holding"]],
            "names": [["near", "holding"]],
            "shares": [[0.7, 0.2]],
        }
    )
    pictures = [Image.new("RGB", (60, 40))]
    html = gallery_html(relation_cards(table, pictures))
    assert "✗ near" in html
    assert "✓ holding" in html
    texts = [text.get_text() for axis in contact_sheet(table, pictures).axes for text in axis.texts]
    assert any("holding" in text for text in texts)


def test_a_text_table_is_aligned():
    lines = text_table(pl.DataFrame({"model": ["a", "long"], "mR": [0.5, None]}), digits=2).splitlines()
    assert lines[1].endswith("0.50")
    assert lines[2].endswith("-")
    assert len({len(line) for line in lines}) == 1
