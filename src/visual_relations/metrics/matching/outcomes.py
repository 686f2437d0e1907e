"""What is right: per item for comparisons, per cell for thresholds."""

from __future__ import annotations

import polars as pl

from visual_relations.metrics.matching.items import KEY

ITEM = ["benchmark", "split", "item"]


def with_scores(cells: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Join one model's scores to the cells; a cell without a score gets null.

    Args:
        cells: `CELL_SCHEMA`.
        scores: `SCORE_SCHEMA` of one model and variant.

    Raises:
        ValueError: If a cell is scored twice or a score is about no cell.
    """
    chosen = scores.select(*KEY, "score")
    if chosen.select(KEY).is_duplicated().any():
        raise ValueError("a cell is scored twice; give the scores of one model and one variant")
    if stray := chosen.join(cells, on=KEY, how="anti").height:
        raise ValueError(f"{stray} scores are about cells that are not in the benchmark; score its current items")
    return cells.join(chosen, on=KEY, how="left")


def item_outcomes(scored: pl.DataFrame, *, ties_win: bool = False) -> pl.DataFrame:
    """Decide every item.

    Args:
        scored: Cells with a `score`.
        ties_win: Whether a true cell that only equals the best other one is right.

    Returns:
        One row per item: `text` (for every image, all its texts score above all others), `image` (for every text, all
        its images do), `group` (both); null where there is nothing to choose between, or where a score is missing.
        Also `slices` and `groups` of the item.
    """
    score, gold = pl.col("score"), pl.col("gold")

    def decided(by: str) -> pl.Expr:
        own = [*ITEM, by]
        lowest, best_other = score.filter(gold).min().over(own), score.filter(~gold).max().over(own)
        return lowest >= best_other if ties_win else lowest > best_other

    cells = scored.with_columns(text=decided("image_index"), image=decided("text_index"))
    complete = score.is_not_null().all()
    decisions = [
        pl.when(complete & pl.col(name).is_not_null().any()).then(pl.col(name).all()).alias(name)
        for name in ("text", "image")
    ]
    items = cells.group_by(ITEM, maintain_order=True).agg(*decisions, pl.col("slices", "groups").first())
    both = pl.col("text").fill_null(value=True) & pl.col("image").fill_null(value=True)
    known = pl.col("text").is_not_null() | pl.col("image").is_not_null()
    return items.with_columns(group=pl.when(known).then(both))


def group_outcomes(items: pl.DataFrame, outcome: str) -> pl.DataFrame:
    """Decide groups of items: right when all of their items are, null when one of them is not known.

    Args:
        items: From `item_outcomes`.
        outcome: Which column decides.

    Returns:
        Columns `kind`, `group` and `right`.
    """
    named = items.select("groups", outcome).explode("groups").drop_nulls("groups")
    right = pl.when(pl.col(outcome).is_not_null().all()).then(pl.col(outcome).all()).alias("right")
    return (
        named.group_by(group="groups", maintain_order=True)
        .agg(right)
        .with_columns(kind=pl.col("group").str.split(":").list.first())
    )


def best_threshold(scored: pl.DataFrame) -> float:
    """The score that separates true cells from others with the highest accuracy; from it on a cell counts as true.

    Args:
        scored: Cells with a `score`; those without are ignored.

    Raises:
        ValueError: If no cell has a score.
    """
    known = scored.drop_nulls("score").sort("score", descending=True)
    if not known.height:
        raise ValueError("no cell is scored, so no threshold can be chosen")
    right = pl.col("gold").cast(pl.Int64).cum_sum() - (~pl.col("gold")).cast(pl.Int64).cum_sum()
    # Of equal scores all or none are above a threshold: only the last of them is a place to cut.
    cuts = known.select("score", gain=right).group_by("score").last()
    best = cuts.sort("gain", "score", descending=True).row(0, named=True)
    nothing_is_true = best["gain"] <= 0
    return float("inf") if nothing_is_true else float(best["score"])


def area_under_roc(scored: pl.DataFrame) -> float | None:
    """Probability that a true cell scores above another one, ties counting half; None without both kinds."""
    known = scored.drop_nulls("score")
    positive = int(known["gold"].sum())
    negative = known.height - positive
    if not positive or not negative:
        return None
    ranks = known["score"].rank("average").filter(known["gold"])
    return (float(ranks.sum()) - positive * (positive + 1) / 2) / (positive * negative)
