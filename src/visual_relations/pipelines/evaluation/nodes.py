"""Steps around the models: collect the benchmarks, measure, set beside published numbers, write. No torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from visual_relations.metrics.matching.evaluate import evaluate_matching
from visual_relations.metrics.matching.items import KEY, SCORE_SCHEMA, ProbeItem, cell_table
from visual_relations.metrics.scoreboard import scoreboard
from visual_relations.pipelines.evaluation.params import EvaluationParams, SwappedParams
from visual_relations.plots.scoreboard import boards_latex, boards_markdown, boards_page, make_boards

CHANCE = "chance"


def make_swapped_probes(
    relation_pairs: pl.DataFrame, images: pl.DataFrame, vocabulary: dict[str, Any], params: SwappedParams
) -> pl.DataFrame:
    """Make items whose false text is the true one with subject and object exchanged.

    Only pairs of different classes count, and only where no pair of the picture has the relation the other way round
    too.

    Args:
        relation_pairs: Annotated pairs.
        images: For the file names.
        vocabulary: Class names.
        params: Split, number and seed.

    Returns:
        `CELL_SCHEMA`.
    """
    triplet = ["image_id", "subject_class", "predicate_class", "object_class"]
    pairs = relation_pairs.filter(pl.col("split") == params.split).unique(triplet, maintain_order=True)
    turned = pairs.select("image_id", "predicate_class", subject_class="object_class", object_class="subject_class")
    chosen = (
        pairs.join(turned, on=triplet, how="anti", maintain_order="left")
        .filter(pl.col("subject_class") != pl.col("object_class"))
        .sample(fraction=1, shuffle=True, seed=params.seed)
        .group_by("predicate_class", maintain_order=True)
        .head(params.per_predicate)
        .join(images.select("image_id", "file_name"), on="image_id")
        .sort("pair_id", "predicate_class")
    )
    items = []
    for row in chosen.iter_rows(named=True):
        subject, target = (vocabulary["objects"][row[f"{part}_class"]] for part in ("subject", "object"))
        predicate = vocabulary["predicates"][row["predicate_class"]]
        texts = (f"{subject} {predicate} {target}", f"{target} {predicate} {subject}")
        name = f"{row['pair_id']}:{predicate}"
        items.append(ProbeItem(name, (row["file_name"],), texts, ((True, False),), (f"predicate:{predicate}",)))
    return cell_table(params.benchmark, params.split, items)


def collect_probes(raw_probes: pl.DataFrame, swapped_probes: pl.DataFrame) -> pl.DataFrame:
    """Put published benchmarks and those of our own into one table (`CELL_SCHEMA`)."""
    return pl.concat([raw_probes, swapped_probes])


def score_by_chance(probe_cells: pl.DataFrame, params: EvaluationParams) -> pl.DataFrame:
    """Score every cell by a random number: what a benchmark gives to a model that knows nothing."""
    rng = np.random.default_rng(params.swapped.seed)
    constants = {"model": CHANCE, "variant": "", "threshold": None}
    named = [pl.lit(value, dtype=SCORE_SCHEMA[name]).alias(name) for name, value in constants.items()]
    return probe_cells.select(*named, *KEY, score=pl.Series(rng.random(probe_cells.height)))


def measure_matching(probe_cells: pl.DataFrame, *tables: pl.DataFrame) -> pl.DataFrame:
    """Measure everything that was scored.

    Args:
        probe_cells: The benchmarks.
        *tables: Scores of any models, then retrieval measurements of any models.

    Returns:
        A metric table.
    """
    scores = [table for table in tables if dict(table.schema) == SCORE_SCHEMA]
    retrieval = [table for table in tables if dict(table.schema) != SCORE_SCHEMA]
    return pl.concat([evaluate_matching(probe_cells, pl.concat(scores)), *retrieval])


def compare_with_published(
    params: EvaluationParams, published_results: pl.DataFrame, *measured: pl.DataFrame
) -> pl.DataFrame:
    """Set all metric tables of ours beside published numbers (`SCOREBOARD_SCHEMA`)."""
    return scoreboard(pl.concat(measured), published_results, params.controls)


def write_scoreboard(table: pl.DataFrame, params: EvaluationParams) -> tuple[str, str, str, str]:
    """Write the scoreboard as a page, CSV, Markdown and LaTeX."""
    boards = make_boards(table)
    page = boards_page(boards, params.title, params.lead)
    return page, table.write_csv(), boards_markdown(boards), boards_latex(boards)
