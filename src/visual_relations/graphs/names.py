"""Names of things and relations: one spelling each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import polars as pl

from visual_relations.graphs.tables import lists_of

# "is on the" -> "on": release 1.0 of Visual Genome wraps most predicates in a copula and an article.
_COPULA = r"^(?:is|are|be|was)\s+"
_ARTICLE = r"\s+(?:a|an|the)$"
_BLANKS = r"[\s\p{Cc}]+"  # blanks of any kind, and control characters


def parse_aliases(lines: Iterable[str]) -> dict[str, str]:
    """Read Visual Genome's alias lists: comma-separated names per line, the first one is canonical.

    A name that stands in several lines takes the canonical name of the last one. Aliases are looked up once, never
    followed further: "near" is canonical in one line and an alias in another.

    Args:
        lines: Lines of `object_alias.txt` or `relationship_alias.txt`.

    Returns:
        Canonical name by alias.
    """
    aliases: dict[str, str] = {}
    for line in lines:
        canonical, *others = (" ".join(name.lower().split()) for name in line.split(","))
        if canonical:
            aliases.update((name, canonical) for name in others if name)
    return aliases


def clean_names(
    names: pl.Series, aliases: Mapping[str, str] | None = None, *, drop_articles: bool = False
) -> pl.Series:
    """Bring a column of names to one spelling: lower case, single blanks, aliases resolved.

    Every distinct name is cleaned once; there are two orders of magnitude fewer of them than rows.

    Args:
        names: Any strings; null stays null.
        aliases: Canonical name by alias.
        drop_articles: Also take a copula before and an article after a predicate away.

    Returns:
        The clean names; null where nothing is left.
    """
    distinct = names.unique().drop_nulls()
    clean = distinct.str.to_lowercase().str.replace_all(_BLANKS, " ").str.strip_chars()
    if drop_articles:
        shorter = clean.str.replace(_COPULA, "").str.replace(_ARTICLE, "")
        clean = pl.select(pl.when(shorter.str.len_chars() > 0).then(shorter).otherwise(clean)).to_series()
    if aliases:
        clean = clean.replace(dict(aliases))
    clean = pl.select(pl.when(clean != "").then(clean)).to_series()
    return names.replace_strict(distinct, clean, default=None, return_dtype=pl.String)


def clean_sentences(texts: pl.Series) -> pl.Series:
    """Clean texts as ALBEF and X-VLM clean captions: lower case, no punctuation, "-" and "/" become blanks.

    Args:
        texts: Any strings without null.

    Returns:
        The clean texts; "" where nothing is left.
    """
    if texts.is_empty():
        return texts
    distinct = texts.unique()
    clean = (
        distinct.str.to_lowercase()
        .str.replace_all(r"[,.\'!?\"()*#:;~]", "")
        .str.replace_all(r"[-/]", " ")
        .str.replace_all("<person>", "person", literal=True)
        .str.replace_all(_BLANKS, " ")
        .str.strip_chars()
    )
    return texts.replace_strict(distinct, clean, return_dtype=pl.String)


def mirror_left_right(texts: pl.Series) -> pl.Series:
    """Let the words left and right change places: what is said of an image, said of its mirror image."""
    if texts.is_empty():
        return texts
    distinct = texts.unique()
    mirrored = (
        distinct.str.replace_all(r"\bleft\b", "\0").str.replace_all(r"\bright\b", "left").str.replace_all("\0", "right")
    )
    return texts.replace_strict(distinct, mirrored, return_dtype=pl.String)


def clean_lists(lists: pl.Series, clean: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Clean the names inside lists; names of which nothing is left vanish, empty lists stay.

    Args:
        lists: Lists of strings.
        clean: What to do with the flat column of all names.
    """
    lengths = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
    if not lengths.sum():
        return lists
    flat = lists.filter(lengths > 0).explode()
    cleaned = clean(flat)
    stays = (cleaned.fill_null("") != "").to_numpy()
    owner = np.repeat(np.arange(len(lengths)), lengths)
    lengths = np.bincount(owner[stays], minlength=len(lengths))
    return lists_of(cleaned.filter(stays), lengths).alias(lists.name)
