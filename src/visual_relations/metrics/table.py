"""The one shape in which every measurement of the project is reported.

Relation, caption and image-text metrics, measured or published, are rows of this table; the scoreboard, the Kedro-Viz
previews and the plots read nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

METRIC_SCHEMA: dict[str, pl.DataType] = {
    "benchmark": pl.String(),  # what was measured on, e.g. "sample_world", "vsr_random", "coco_karpathy"
    "split": pl.String(),
    "protocol": pl.String(),  # rows of different protocols are never compared, e.g. "annotated_pairs", "all_pairs"
    "model": pl.String(),
    "variant": pl.String(),  # calibration, decoder, scorer ... ; "" when there is none
    "seed": pl.Int64(),  # null: not seeded, or aggregated over seeds
    "metric": pl.String(),  # with its cut-off, e.g. "mR@20", "CIDEr", "pairwise_accuracy"
    "slice": pl.String(),  # "all", or a predicate, piece, category ...
    "value": pl.Float64(),
    "count": pl.Int64(),  # items behind the value; null when not known
    "low": pl.Float64(),  # interval or seed minimum; null when there is none
    "high": pl.Float64(),
    "source": pl.String(),  # "measured", or where a published number was read
}


def metric_table(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Build a metric table; absent optional fields take their neutral value.

    Args:
        rows: Mappings with at least `benchmark`, `model`, `metric` and `value`.

    Returns:
        A frame with exactly the columns of `METRIC_SCHEMA`, in its order.

    Raises:
        ValueError: If a row has a field that is not in the schema.
    """
    defaults = {"split": "test", "protocol": "", "variant": "", "slice": "all", "source": "measured"}
    filled = []
    for row in rows:
        if unknown := row.keys() - METRIC_SCHEMA.keys():
            raise ValueError(
                f"unknown field(s) {sorted(unknown)} in a metric row; the schema has {list(METRIC_SCHEMA)}"
            )
        filled.append({name: row.get(name, defaults.get(name)) for name in METRIC_SCHEMA})
    return pl.DataFrame(filled, schema=METRIC_SCHEMA)
