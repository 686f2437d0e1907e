"""Class ids, triplets, annotated and candidate pairs."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visual_relations.graphs.pairs import CandidatePairParams, candidate_pairs, relation_pairs
from visual_relations.graphs.relation_classes import relation_classes
from visual_relations.graphs.tables import ObjectRows
from visual_relations.graphs.vocabulary import (
    Vocabulary,
    VocabularyParams,
    class_ids,
    fill_template,
    make_vocabulary,
    triplet_vocabulary,
    zero_shot_triplets,
)

IMAGES = pl.DataFrame(
    {"image_id": ["a", "b", "c"], "split": ["train", "test", "train"], "width": [9, 9, 9], "height": [8, 8, 8]},
    schema_overrides={"width": pl.Int32, "height": pl.Int32},
)
VOCABULARY = Vocabulary(
    objects=["dog", "man"], predicates=["on", "with"], object_counts=[2, 3], predicate_counts=[2, 1]
)


def make_objects(names: dict[str, list[str]]) -> pl.DataFrame:
    rows = [
        (image, index, name, float(index), 0.0, float(index + 1), 1.0)
        for image, of_image in names.items()
        for index, name in enumerate(of_image)
    ]
    schema = {"image_id": pl.String, "object_index": pl.Int32, "name": pl.String} | dict.fromkeys(
        ("x1", "y1", "x2", "y2"), pl.Float32
    )
    return pl.DataFrame(rows, schema=schema, orient="row")


def make_relations(rows: list[tuple[str, int, str, int]]) -> pl.DataFrame:
    schema = {"image_id": pl.String, "subject_index": pl.Int32, "predicate": pl.String, "object_index": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


OBJECTS = make_objects({"a": ["man", "tree", "dog"], "b": ["dog", "man"], "c": ["man"]})
RELATIONS = make_relations(
    [
        ("a", 0, "on", 2),
        ("a", 0, "on", 1),
        ("a", 2, "near", 0),
        ("b", 0, "with", 1),
        ("b", 0, "with", 1),
        ("c", 0, "on", 0),
    ]
)
PAIRS = relation_pairs(IMAGES, OBJECTS, RELATIONS, VOCABULARY)


def names(*values: str) -> pl.Series:
    return pl.Series("name", values, dtype=pl.String)


def test_the_most_frequent_names_become_classes_with_ties_by_name():
    found = make_vocabulary(
        names("b", "a", "c", "c"), names("on", "in", "in"), {}, VocabularyParams(objects=2, order="frequency")
    )
    assert found == Vocabulary(
        objects=["c", "a"], predicates=["in", "on"], object_counts=[2, 1], predicate_counts=[2, 1]
    )
    alphabetical = make_vocabulary(names("b", "a", "c", "c"), names("on"), {}, VocabularyParams(objects=2))
    assert alphabetical["objects"] == ["a", "c"]
    assert make_vocabulary(names("a", "b", "b"), names(), {}, VocabularyParams(minimum_count=2))["objects"] == ["b"]


def test_lists_that_the_format_fixes_keep_their_order_and_get_counts():
    given_lists = {"objects": ["z", "a"], "predicates": ["on", "never"]}
    found = make_vocabulary(names("a", "q"), names("on"), given_lists, VocabularyParams(objects=1))
    assert found == Vocabulary(
        objects=["z", "a"], predicates=["on", "never"], object_counts=[0, 1], predicate_counts=[1, 0]
    )


def test_names_outside_the_vocabulary_have_no_class():
    assert class_ids(names("man", "tree", "dog"), ["dog", "man"]).to_list() == [1, None, 0]


def test_annotated_pairs_keep_duplicates_and_only_classes():
    assert PAIRS.select("pair_id", "subject_class", "predicate_class", "object_class").rows() == [
        ("a:0:2", 1, 0, 0),
        ("b:0:1", 0, 1, 1),
        ("b:0:1", 0, 1, 1),
        ("c:0:0", 1, 0, 1),
    ]
    first = PAIRS.row(0, named=True)
    assert [first[name] for name in ("sx1", "sx2", "ox1", "ox2", "width", "split")] == [0, 1, 2, 3, 9, "train"]


def test_candidates_are_all_ordered_pairs_row_major_and_one_dummy_for_a_lonely_object():
    found = candidate_pairs(IMAGES, OBJECTS, PAIRS, VOCABULARY, CandidatePairParams())
    assert found["pair_id"].to_list() == ["a:0:2", "a:2:0", "b:0:1", "b:1:0", "c:0:0"]
    assert "predicate_class" not in found.columns
    only_test = candidate_pairs(IMAGES, OBJECTS, PAIRS, VOCABULARY, CandidatePairParams(splits=("test",)))
    assert only_test["split"].unique().to_list() == ["test"]


def test_the_limit_keeps_annotated_pairs_and_every_pair_of_evaluation_images():
    many = make_objects({"a": ["man", "dog"] * 5, "b": ["man"] * 6})
    pairs = relation_pairs(IMAGES, many, make_relations([("a", 8, "on", 9), ("a", 9, "on", 0)]), VOCABULARY)
    params = CandidatePairParams(most_per_image=7, seed=3)
    found = candidate_pairs(IMAGES, many, pairs, VOCABULARY, params)
    of_training = found.filter(pl.col("split") == "train")
    assert of_training.height == 7
    assert set(pairs["pair_id"]) <= set(of_training["pair_id"])
    assert found.filter(pl.col("split") == "test").height == 30
    assert found.equals(candidate_pairs(IMAGES, many, pairs, VOCABULARY, params))


def test_triplets_are_counted_in_training_and_zero_shot_is_the_rest():
    triplets = triplet_vocabulary(PAIRS, VOCABULARY)
    assert triplets.select("text", "count").rows() == [("man on dog", 1), ("man on man", 1)]
    zero_shot = zero_shot_triplets(PAIRS, triplets)
    assert zero_shot.rows() == [("test", 0, 1, 1, 2)]


def test_templates_fill_their_fields_and_name_wrong_ones():
    triplets = triplet_vocabulary(PAIRS, VOCABULARY, "a photo of a {subject}, {predicate} a {object}.")
    assert triplets["text"][0] == "a photo of a man, on a dog."
    with pytest.raises(ValueError, match="'verb'"):
        fill_template("{subject} {verb}", {"subject": pl.lit("a")})


def test_relation_classes_are_ranked_and_cut():
    assert relation_classes(names("on", "in", "on", "at"), 2).rows() == [(0, "on", 2), (1, "at", 1)]
    assert relation_classes(names("on", "in"), None).height == 2


def test_rows_of_objects_are_found_and_missing_ones_named():
    rows = ObjectRows(OBJECTS)
    assert rows.find(names("b", "a", "a"), pl.Series([1, 2, 0])).tolist() == [4, 2, 0]
    with pytest.raises(ValueError, match="image b has no object 2"):
        rows.find(names("b", "b"), pl.Series([1, 2]))
    with pytest.raises(ValueError, match="image q has no object 0"):
        rows.find(names("q"), pl.Series([0]))
    with pytest.raises(ValueError, match="not grouped"):
        ObjectRows(OBJECTS.reverse())


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from(["dog", "man", "tree"]), max_size=6)))
def test_candidates_of_n_classed_objects_are_n_times_n_minus_one(objects: dict[str, list[str]]):
    found = candidate_pairs(IMAGES, make_objects(objects), PAIRS.clear(), VOCABULARY, CandidatePairParams())
    counts = dict(found["image_id"].value_counts().iter_rows())
    for image, of_image in objects.items():
        n = sum(name != "tree" for name in of_image)
        assert counts.get(image, 0) == (1 if n == 1 else n * (n - 1))
