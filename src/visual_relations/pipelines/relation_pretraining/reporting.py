"""Tables about a run: models side by side, and what relations and localisation change."""

from __future__ import annotations

from itertools import product

import polars as pl

from visual_relations.pipelines.relation_pretraining.params import ArmParams

# Column of the summary: metric and slice.
COLUMNS = {
    "foils": ("foil_accuracy", "all"),
    "object": ("foil_accuracy", "object"),
    "attribute": ("foil_accuracy", "attribute"),
    "relation": ("foil_accuracy", "relation"),
    "TR@1": ("TR@1", "all"),
    "IR@1": ("IR@1", "all"),
    "MRC": ("mrc_accuracy", "all"),
    "boxes shuffled": ("mrc_accuracy", "boxes shuffled"),
    "labels only": ("mrc_accuracy", "labels only"),
    "majority": ("mrc_accuracy", "majority class"),
}
EFFECTS = ("foils", "object", "attribute", "relation", "TR@1", "IR@1")


def summarise(metrics: pl.DataFrame) -> pl.DataFrame:
    """One row per model and checkpoint, means over seeds in per cent, ± half the distance of the extreme seeds."""
    rows = []
    for (model, variant), part in metrics.group_by("model", "variant", maintain_order=True):
        row: dict[str, object] = {"model": model, "checkpoint": variant, "seeds": part["seed"].n_unique()}
        rows.append(row | {column: _mean_and_spread(_values(part, column)) for column in COLUMNS})
    return pl.DataFrame(
        rows,
        schema={"model": pl.String, "checkpoint": pl.String, "seeds": pl.Int64} | dict.fromkeys(COLUMNS, pl.String),
    )


def effects(metrics: pl.DataFrame, arms: list[ArmParams], variant: str) -> pl.DataFrame:
    """The 2 x 2 of localisation and relations, in points of per cent.

    Args:
        metrics: All measurements.
        arms: The four models.
        variant: Which checkpoint.

    Returns:
        What relations (VSG and MRC) change without and with localisation, what localisation changes without and with
        relations, and the interaction; means over seeds, and the standard error over them where there are several.
    """
    name_of = {(arm.localisation, arm.relations): arm.name for arm in arms}
    if set(name_of) != set(product((False, True), repeat=2)):
        return pl.DataFrame(schema={"effect": pl.String})
    seeds = metrics["seed"].unique().sort().to_list()
    rows = []
    for title, weights in _CONTRASTS.items():
        row: dict[str, object] = {"effect": title}
        for column in EFFECTS:
            by_seed = pl.Series(
                [_contrast(metrics, name_of, weights, variant, column, seed) for seed in seeds], dtype=pl.Float64
            )
            row[column] = _mean_and_error(by_seed.drop_nulls())
        rows.append(row)
    return pl.DataFrame(rows)


# Weight of (localisation, relations) in each effect.
_CONTRASTS = {
    "relations, no localisation": {(False, True): 1, (False, False): -1},
    "relations, with localisation": {(True, True): 1, (True, False): -1},
    "localisation, no relations": {(True, False): 1, (False, False): -1},
    "localisation, with relations": {(True, True): 1, (False, True): -1},
    "interaction": {(True, True): 1, (True, False): -1, (False, True): -1, (False, False): 1},
}


def _contrast(
    metrics: pl.DataFrame,
    name_of: dict[tuple[bool, bool], str],
    weights: dict[tuple[bool, bool], int],
    variant: str,
    column: str,
    seed: int,
) -> float | None:
    total = 0.0
    for cell, weight in weights.items():
        chosen = metrics.filter(pl.col("model") == name_of[cell], pl.col("variant") == variant, pl.col("seed") == seed)
        values = _values(chosen, column)
        if values.is_empty():
            return None
        total += weight * float(values.item())
    return total


def _values(part: pl.DataFrame, column: str) -> pl.Series:
    metric, name = COLUMNS[column]
    return 100 * part.filter(pl.col("metric") == metric, pl.col("slice") == name)["value"]


def _mean_and_spread(values: pl.Series) -> str | None:
    if values.is_empty():
        return None
    numbers = values.to_list()
    spread = f"±{(max(numbers) - min(numbers)) / 2:.1f}" if len(numbers) > 1 else ""
    return f"{sum(numbers) / len(numbers):.1f}{spread}"


def _mean_and_error(values: pl.Series) -> str | None:
    if values.is_empty():
        return None
    numbers = values.to_list()
    mean = sum(numbers) / len(numbers)
    if len(numbers) == 1:
        return f"{mean:+.1f}"
    variance = sum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1)
    return f"{mean:+.1f}±{(variance / len(numbers)) ** 0.5:.1f}"
