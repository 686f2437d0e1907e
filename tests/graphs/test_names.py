"""Spelling of names, aliases, and left and right."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from visual_relations.graphs.names import (
    clean_lists,
    clean_names,
    clean_sentences,
    mirror_left_right,
    parse_aliases,
)

ANY_NAMES = st.lists(st.none() | st.text(max_size=12), max_size=20)


def series(values: list[str | None]) -> pl.Series:
    return pl.Series("name", values, dtype=pl.String)


def test_case_and_blanks_do_not_matter():
    assert clean_names(series(["  ON ", "on\t top  of", "", None, "   "])).to_list() == [
        "on",
        "on top of",
        None,
        None,
        None,
    ]


def test_the_last_line_wins_and_chains_are_not_followed():
    aliases = parse_aliases(["near,next to , around", "beside, next to", "around,by"])
    assert aliases == {"next to": "beside", "around": "near", "by": "around"}
    assert clean_names(series(["NEXT TO", "by", "around"]), aliases).to_list() == ["beside", "around", "near"]


def test_articles_go_only_when_asked_and_never_leave_nothing():
    names = series(["is on the", "on the", "has a", "are", "the", "is", "near"])
    assert clean_names(names, drop_articles=True).to_list() == ["on", "on", "has", "are", "the", "is", "near"]
    assert clean_names(names).to_list() == names.to_list()


@settings(deadline=None)
@given(ANY_NAMES)
def test_cleaning_twice_is_cleaning_once(names: list[str | None]):
    once = clean_names(series(names))
    assert clean_names(once).to_list() == once.to_list()
    assert all(name is None or (name == " ".join(name.split()) and name) for name in once)


def tidy(name: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in name).lower().split())


@settings(deadline=None)
@given(st.lists(st.text(alphabet=st.characters(codec="ascii"), max_size=12), max_size=20))
def test_a_column_is_cleaned_like_each_name(names: list[str]):
    assert [tidy(name) or None for name in names] == clean_names(series(names)).to_list()


def test_sentences_are_cleaned_as_albef_cleans_captions():
    texts = series(['A man\'s "hat", red/blue-green!', "<person>  walks: fast;", "(#~*)"])
    assert clean_sentences(texts).to_list() == ["a mans hat red blue green", "person walks fast", ""]


def test_left_and_right_change_places_as_whole_words():
    texts = series(["to the left of", "right of left", "bright leftovers"])
    assert mirror_left_right(texts).to_list() == ["to the right of", "left of right", "bright leftovers"]


@settings(deadline=None)
@given(st.lists(st.text(alphabet="leftrigh \0", max_size=20), max_size=5))
def test_mirroring_twice_changes_nothing(texts: list[str]):
    clean = series([text.replace("\0", "") for text in texts])
    assert mirror_left_right(mirror_left_right(clean)).to_list() == clean.to_list()


@settings(deadline=None)
@given(st.lists(st.lists(st.text(alphabet="aB ", max_size=3), max_size=4), max_size=8))
def test_lists_are_cleaned_inside_and_keep_their_places(lists: list[list[str]]):
    column = pl.Series("names", lists, dtype=pl.List(pl.String))
    cleaned = [[name for name in map(tidy, names) if name] for names in lists]
    assert clean_lists(column, clean_names).to_list() == cleaned
