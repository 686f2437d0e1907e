"""Cleaning drops what cannot be used, says why, and loses nothing."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visual_relations.graphs.cleaning import CleanGraphs, CleaningParams, clean_graphs
from visual_relations.graphs.leakage import PhotoIds
from visual_relations.graphs.tables import RAW_IMAGES, RAW_OBJECTS, RAW_RELATIONS, REJECTED, RawGraphs, empty

KEEP_ALL = CleaningParams(boxes="keep", smallest_side=0, self_relations="keep", train_duplicates="keep")


def raw_graphs(
    objects: list[tuple[str, str, str | None, tuple[float, float, float, float]]],
    relations: list[tuple[str, str, str, str]],
    images: dict[str, str] | None = None,
) -> RawGraphs:
    """Images of 100 x 50 pixels; objects are (image, id, name, box), relations (image, subject, predicate, object)."""
    splits = {"1": "train"} if images is None else images
    facts = [
        {"image_id": name, "file_name": f"{name}.jpg", "width": 100, "height": 50, "split": split}
        for name, split in splits.items()
    ]
    rows = [
        {"image_id": image, "object_id": key, "name": name, "other_names": [], "attributes": [" Red "], **box_of(box)}
        for image, key, name, box in objects
    ]
    links = [(image, str(n), s, o, p) for n, (image, s, p, o) in enumerate(relations)]
    return RawGraphs(
        pl.DataFrame(facts, schema=RAW_IMAGES),
        pl.DataFrame(rows, schema=RAW_OBJECTS),
        pl.DataFrame(links, schema=RAW_RELATIONS, orient="row"),
        empty(REJECTED),
        {"image": len(facts), "object": len(rows), "relation": len(links)},
    )


def box_of(corners: tuple[float, float, float, float]) -> dict[str, float]:
    return dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True))


def reasons(clean: CleanGraphs) -> list[str]:
    return clean.rejected["reason"].to_list()


BOX = (10.0, 10.0, 20.0, 20.0)
MAN_AND_HAT = [("1", "m", " MAN", BOX), ("1", "h", "hat", BOX)]


def test_names_and_predicates_are_cleaned_and_ends_become_indices():
    clean = clean_graphs(raw_graphs(MAN_AND_HAT, [("1", "m", "WEARING ", "h")]), KEEP_ALL, {"hat": "cap"})
    assert clean.objects["name"].to_list() == ["man", "cap"]
    assert clean.objects["attributes"].to_list() == [["red"], ["red"]]
    assert clean.relations.rows() == [("1", "0", 0, 1, "wearing")]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("clip", (0, 0, 100, 50)), ("clip_to_last_pixel", (0, 0, 99, 49)), ("keep", (-5, -1, 120, 60))],
)
def test_boxes_beyond_the_edge_are_clipped_and_flagged(policy: Any, expected: tuple[float, ...]):
    objects = [("1", "a", "sky", (-5.0, -1.0, 120.0, 60.0)), ("1", "b", "man", BOX)]
    clean = clean_graphs(raw_graphs(objects, []), CleaningParams(boxes=policy))
    assert clean.objects.select("x1", "y1", "x2", "y2").row(0) == expected
    assert clean.objects["outside"].to_list() == [True, False]


def test_boxes_without_area_or_numbers_are_rejected_with_their_relations():
    nan, inf = float("nan"), float("inf")
    boxes = [BOX, (5.0, 5.0, 5.0, 9.0), (200.0, 5.0, 300.0, 9.0), (nan, 0.0, 9.0, 9.0), (0.0, 0.0, inf, 9.0)]
    objects = [("1", str(number), "thing", box) for number, box in enumerate(boxes)]
    clean = clean_graphs(raw_graphs(objects, [("1", "0", "on", str(n)) for n in range(5)]), CleaningParams())
    assert clean.objects["object_id"].to_list() == ["0"]
    assert reasons(clean).count("its box has no area inside the image") == 2
    assert reasons(clean).count("its box is not made of finite numbers") == 2
    assert reasons(clean).count("its object is not among the image's objects") == 4
    assert "subject and object are the same" in reasons(clean)


def test_indices_count_the_objects_that_are_kept():
    objects = [("1", "a", None, BOX), ("1", "b", "man", BOX), ("1", "b", "twin", BOX), ("1", "c", "hat", BOX)]
    clean = clean_graphs(raw_graphs(objects, [("1", "b", "wearing", "c")]), KEEP_ALL)
    assert clean.objects.select("object_index", "object_id").rows() == [(0, "b"), (1, "c")]
    assert reasons(clean) == ["it has no name", "its object_id occurs twice"]
    assert clean.relations.select("subject_index", "object_index").rows() == [(0, 1)]


def test_duplicates_go_in_training_only_and_self_relations_by_choice():
    splits = {"1": "train", "2": "test"}
    objects = [(image, key, "thing", BOX) for image in splits for key in "ab"]
    relations = [
        (image, "a", predicate, end) for image in splits for predicate, end in [("on", "b"), ("ON", "b"), ("on", "a")]
    ]
    clean = clean_graphs(raw_graphs(objects, relations, splits), CleaningParams())
    assert dict(clean.relations["image_id"].value_counts().iter_rows()) == {"1": 1, "2": 2}
    assert clean_graphs(raw_graphs(objects, relations, splits), KEEP_ALL).relations.height == len(relations)


def test_records_of_unknown_images_are_rejected():
    clean = clean_graphs(raw_graphs([("9", "a", "man", BOX)], [("9", "a", "on", "a")]), KEEP_ALL)
    assert reasons(clean) == ["its image is not among the images", "its subject is not among the image's objects"]


def test_photos_of_evaluation_sets_leave_training_but_not_testing():
    splits = {"1": "train", "2": "test", "3": "train"}
    raw = raw_graphs([(image, "a", "man", BOX) for image in splits], [], splits)
    clean = clean_graphs(raw, KEEP_ALL, evaluation=PhotoIds(visual_genome=frozenset({"1", "2"})))
    assert clean.images["image_id"].to_list() == ["2", "3"]
    assert reasons(clean) == ["Visual Genome image 1 is used for evaluation", "its image is not among the images"]


def test_broken_photos_can_be_named():
    clean = clean_graphs(raw_graphs(MAN_AND_HAT, []), CleaningParams(unreadable_images=("1",)))
    assert clean.images.height == clean.objects.height == 0
    assert clean.rejected["kind"].to_list() == ["image", "object", "object"]


def test_objects_come_out_grouped_by_image_in_the_order_of_the_source():
    objects = [("2", "a", "man", BOX), ("1", "x", "hat", BOX), ("2", "b", "dog", BOX)]
    clean = clean_graphs(raw_graphs(objects, [], {"1": "train", "2": "train"}), KEEP_ALL)
    assert clean.objects.select("image_id", "object_id", "object_index").rows() == [
        ("2", "a", 0),
        ("2", "b", 1),
        ("1", "x", 0),
    ]


def test_a_fault_that_loses_records_does_not_go_unnoticed():
    good = raw_graphs(MAN_AND_HAT, [])
    with pytest.raises(RuntimeError, match="3 object records went in, but 2 rows"):
        RawGraphs(good.images, good.objects, good.relations, good.rejected, {**good.n_records, "object": 3})


NUMBERS = st.one_of(st.floats(width=32), st.integers(-20, 130).map(float))
NAMES = st.sampled_from(["man", "MAN ", "hat", "", None, "\t"])
KEYS = st.sampled_from("abc")


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from("123"), KEYS, NAMES, st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS)), max_size=12
    ),
    st.lists(st.tuples(st.sampled_from("123"), KEYS, NAMES.map(lambda name: name or ""), KEYS), max_size=12),
    st.sampled_from(["clip", "clip_to_last_pixel", "keep"]),
    st.sampled_from([0.0, 1.0]),
)
def test_whatever_goes_in_comes_out_or_is_rejected(
    objects: list[Any], relations: list[Any], policy: Any, smallest: float
):
    raw = raw_graphs(objects, relations, {"1": "train", "2": "test"})
    clean = clean_graphs(raw, CleaningParams(boxes=policy, smallest_side=smallest))
    tables = {"image": clean.images, "object": clean.objects, "relation": clean.relations}
    for kind, table in tables.items():
        assert table.height + (clean.rejected["kind"] == kind).sum() == raw.n_records[kind]
    assert clean.rejected["reason"].null_count() == 0
    index = clean.objects.select("image_id", "object_index")
    for end in ("subject_index", "object_index"):
        ends = clean.relations.select("image_id", pl.col(end).alias("object_index"))
        assert ends.join(index, on=["image_id", "object_index"], how="anti").is_empty()
    if policy != "keep":
        assert clean.objects.filter(
            pl.any_horizontal(pl.col("x1", "y1") < 0, pl.col("x2") > 100, pl.col("y2") > 50)
        ).is_empty()
