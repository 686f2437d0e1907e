"""Graph sentences: what they say, in which order, within which budget, and that draws repeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visual_relations.graphs.verbalise import LEFT, RIGHT, GraphSentences, VerbalisationParams, count_words

SEP = " [SEP] "
ALL = VerbalisationParams(triplets=100, max_tokens=10_000)


def make_objects(rows: Sequence[tuple[str, int, str, float, float]], others: Sequence[str] = ()) -> pl.DataFrame:
    """Objects as (image, index, name, x of the centre, y of the centre)."""
    frame = pl.DataFrame(
        [(image, index, name, x - 5, y - 5, x + 5, y + 5) for image, index, name, x, y in rows],
        schema={"image_id": pl.String, "object_index": pl.Int32, "name": pl.String}
        | dict.fromkeys(("x1", "y1", "x2", "y2"), pl.Float32),
        orient="row",
    )
    return frame.with_columns(other_names=pl.Series([list(others)] * frame.height, dtype=pl.List(pl.String)))


def make_relations(rows: Sequence[tuple[str, int, str, int]]) -> pl.DataFrame:
    schema = {"image_id": pl.String, "subject_index": pl.Int32, "predicate": pl.String, "object_index": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


OBJECTS = make_objects(
    [("1", 0, "man", 50, 20), ("1", 1, "hat", 10, 80), ("1", 2, "T-shirt!", 50, 5), ("2", 0, "dog", 5, 5)]
)
RELATIONS = make_relations(
    [("1", 0, "wearing", 1), ("1", 1, "on", 0), ("1", 2, "on", 0), ("1", 0, "wearing", 1), ("2", 0, "near", 0)]
)


def texts(params: VerbalisationParams = ALL, relations: pl.DataFrame = RELATIONS, **draw: Any) -> list[str]:
    return GraphSentences(OBJECTS, relations, params).draw(**{"epoch": 0} | draw)["text"].to_list()


def test_triplets_are_sorted_by_the_centre_of_the_subject_and_duplicates_said_once():
    assert texts() == [f"hat on man{SEP}t shirt on man{SEP}man wearing hat", "dog near dog"]
    assert texts(ALL.model_copy(update={"order": "yx"}))[0] == f"t shirt on man{SEP}man wearing hat{SEP}hat on man"


def test_without_order_the_draw_decides():
    drawn = {texts(ALL.model_copy(update={"order": "none"}), epoch=epoch)[0] for epoch in range(30)}
    assert len(drawn) == 6, "three triplets have six orders"


def test_k_triplets_are_drawn_without_replacement_and_every_one_has_its_turn():
    params = VerbalisationParams(triplets=2)
    drawn = [texts(params, epoch=epoch)[0].split(SEP) for epoch in range(60)]
    assert all(len(set(triplets)) == 2 for triplets in drawn)
    counts = [
        sum(name in triplets for triplets in drawn) for name in ("hat on man", "t shirt on man", "man wearing hat")
    ]
    assert min(counts) > 25, "each is drawn two times of three"


def test_a_mirrored_image_is_told_mirrored():
    objects = make_objects([("1", 0, "left hand", 10, 5), ("1", 1, "dog", 90, 5)])
    relations = make_relations([("1", 0, LEFT, 1), ("1", 1, "near", 0)])
    sentences = GraphSentences(objects, relations, ALL)
    shown, mirrored = (sentences.draw(0, ["1"], [flag])["text"][0] for flag in (False, True))
    assert shown == f"left hand {LEFT} dog{SEP}dog near left hand"
    assert mirrored == f"dog near right hand{SEP}right hand {RIGHT} dog"


@pytest.mark.parametrize(("policy", "left", "right"), [("keep", 3, 3), ("drop", 0, 0), ("one_direction", 3, 0)])
def test_left_and_right_can_be_kept_or_dropped(policy: Any, left: int, right: int):
    said = texts(ALL.model_copy(update={"left_right": policy}), sideways())[0].split(SEP)
    assert [sum(word in triplet for triplet in said) for word in (LEFT, RIGHT)] == [left, right]
    assert "man wearing hat" in said


def test_left_and_right_can_be_capped_per_image():
    params = ALL.model_copy(update={"left_right": "cap", "left_right_cap": 2})
    draws = [texts(params, sideways(), epoch=epoch)[0].split(SEP) for epoch in range(20)]
    assert all(sum(LEFT in t or RIGHT in t for t in said) == 2 and "man wearing hat" in said for said in draws)
    assert len({tuple(said) for said in draws}) > 5, "which ones is drawn"


def sideways() -> pl.DataFrame:
    pairs = [(0, 1), (1, 2), (0, 2)]
    mirrored = [("1", s, LEFT, o) for s, o in pairs] + [("1", o, RIGHT, s) for s, o in pairs]
    return make_relations([*mirrored, ("1", 0, "wearing", 1)])


def test_one_of_several_names_is_drawn_when_asked():
    objects = make_objects([("1", 0, "man", 1, 1), ("1", 1, "hat", 1, 1)], others=["person", "guy!"])
    relations = make_relations([("1", 0, "with", 1)])
    random = GraphSentences(objects, relations, VerbalisationParams(names="random"))
    subjects = {random.draw(epoch)["text"][0].split()[0] for epoch in range(40)}
    assert subjects == {"man", "person", "guy"}
    assert GraphSentences(objects, relations, ALL).draw(0)["text"][0] == "man with hat"


def test_reference_truncation_leaves_the_sentence_whole():
    tight = VerbalisationParams(max_tokens=5)
    assert texts(tight)[0] == "hat on man"
    assert texts(tight.model_copy(update={"truncate": "reference"}))[0].count("[SEP]") == 2


def test_images_with_nothing_to_say_are_left_out():
    relations = make_relations([("1", 0, "?!", 1), ("2", 0, "near", 0)])
    found = GraphSentences(OBJECTS, relations, ALL).draw(0, ["2", "1", "unknown"])
    assert found["image_id"].to_list() == ["2"]
    assert GraphSentences(OBJECTS, RELATIONS.clear(), ALL).draw(0).height == 0


def test_the_order_of_the_batch_is_kept():
    assert GraphSentences(OBJECTS, RELATIONS, ALL).draw(0, ["2", "1"])["image_id"].to_list() == ["2", "1"]


WORDS = st.sampled_from(["man", "hat", "big red dog", "on", "in front of", "!", LEFT])


@st.composite
def graphs(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame]:
    objects, relations = [], []
    for image in draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4)):
        n = draw(st.integers(1, 5))
        place = st.floats(0, 100, width=32)
        objects += [(image, index, draw(WORDS), draw(place), draw(place)) for index in range(n)]
        end = st.integers(0, n - 1)
        relations += [(image, draw(end), draw(WORDS), draw(end)) for _ in range(draw(st.integers(0, 12)))]
    return make_objects(objects, others=["thing"]), make_relations(draw(st.permutations(relations)))


PARAMS = st.builds(
    VerbalisationParams,
    triplets=st.integers(1, 9),
    order=st.sampled_from(["xy", "yx", "none"]),
    max_tokens=st.integers(3, 40),
    left_right=st.sampled_from(["keep", "drop", "one_direction", "cap"]),
    names=st.sampled_from(["first", "random"]),
    seed=st.integers(0, 5),
)


@settings(deadline=None, max_examples=40)
@given(graphs(), PARAMS, st.integers(0, 3))
def test_sentences_keep_to_the_budget_in_whole_triplets_and_repeat(
    graph: tuple[pl.DataFrame, pl.DataFrame], params: VerbalisationParams, epoch: int
):
    objects, relations = graph
    sentences = GraphSentences(objects, relations, params)
    drawn = sentences.draw(epoch)
    assert drawn.equals(GraphSentences(objects, relations, params).draw(epoch)), "same seed, same text"
    annotated = set(
        GraphSentences(
            objects, relations, params.model_copy(update={"triplets": 99, "max_tokens": 9_999, "names": "first"})
        )
        .draw(epoch)["text"]
        .str.split(SEP)
        .explode()
    )
    for image_id, _, text, n_triplets in drawn.rows():
        said = text.split(SEP)
        assert 1 <= len(said) == n_triplets <= params.triplets
        assert 1 + sum(count_words([triplet])[0] + 1 for triplet in said) <= params.max_tokens
        if params.names == "first" and params.left_right != "cap":
            assert set(said) <= annotated, "never a part of a triplet"
        alone = sentences.draw(epoch, [image_id])
        assert alone["text"].to_list() == [text], "an image's sentence does not depend on the others"


@settings(deadline=None, max_examples=40)
@given(graphs(), PARAMS)
def test_an_image_says_the_same_in_a_smaller_collection(
    graph: tuple[pl.DataFrame, pl.DataFrame], params: VerbalisationParams
):
    objects, relations = graph
    whole = GraphSentences(objects, relations, params).draw(1)
    for image_id in whole["image_id"]:
        own = pl.col("image_id") == image_id
        part = GraphSentences(objects.filter(own), relations.filter(own), params).draw(1)
        assert part.rows() == whole.filter(own).rows()
