"""Score the cells of benchmarks and whole collections with any scorer; every picture and text is encoded once.

Encodings and scores grow batch by batch in a folder, so a killed run continues. Retrieval ranks come from
`metrics.matching.retrieval`.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from visual_relations.metrics.matching.items import KEY, SCORE_SCHEMA
from visual_relations.metrics.matching.retrieval import image_ranks, recall_rows, rerank, text_ranks
from visual_relations.pipelines.evaluation.params import ScoringParams
from visual_relations.pipelines.evaluation.pictures import BLANK, PICTURE, Pictures
from visual_relations.pipelines.evaluation.scorers import Encoded, Floats, Reranker, RetrievalScorer, Scorer
from visual_relations.pipelines.evaluation.stored import Arrays, stored

logger = logging.getLogger(__name__)

BLANK_PICTURES = "blank pictures"
Ints = NDArray[np.int64]


def score_cells(
    scorer: Scorer, cells: pl.DataFrame, pictures: Pictures, folder: Path, params: ScoringParams
) -> pl.DataFrame:
    """Score all cells whose picture is there, and once more with a blank picture instead of every picture.

    Args:
        scorer: The model.
        cells: `CELL_SCHEMA`.
        pictures: Of these cells.
        folder: Where unfinished work is kept.
        params: Batch sizes.

    Returns:
        `SCORE_SCHEMA`: variant "" and, for a scorer that looks, "blank pictures". Cells whose picture is absent or
        damaged have no score. Items with several pictures have none where no picture is seen: there is nothing to tell
        the pictures apart by.
    """
    shown = cells.join(pictures.keys, on=PICTURE, how="semi", nulls_equal=True) if scorer.looks else cells
    _report_absent(pictures, scorer)
    texts = shown["text"].unique(maintain_order=True)
    text_arrays = _encode_texts(scorer, texts, folder, params)
    text_rows = texts.to_frame().with_row_index("text_row")
    shown = shown.join(text_rows, on="text", how="left", maintain_order="left")
    single = shown.filter(pl.col("image_index").max().over("benchmark", "split", "item") == 0)
    blank = dict(scorer.encode_images([BLANK]))
    unseen = _score(scorer, blank, text_arrays, single.with_columns(image_row=pl.lit(0)), folder / "blank", params)
    if not scorer.looks:
        return _score_table(scorer, "", unseen)
    image_arrays = _encode_images(scorer, pictures, folder, params)
    image_rows = pictures.keys.with_row_index("image_row").filter(_usable(image_arrays))
    seen = shown.join(image_rows, on=PICTURE, how="inner", nulls_equal=True, maintain_order="left")
    scored = _score(scorer, image_arrays, text_arrays, seen, folder / "pairs", params)
    return pl.concat([_score_table(scorer, "", scored), _score_table(scorer, BLANK_PICTURES, unseen)])


def retrieve(
    scorer: RetrievalScorer, captions: pl.DataFrame, pictures: Pictures, folder: Path, params: ScoringParams
) -> list[dict[str, Any]]:
    """Rank all texts for every picture and all pictures for every text.

    Args:
        scorer: The model; if it can re-rank, its first stage keeps `params.rerank` candidates per query.
        captions: `RETRIEVAL_SCHEMA` of one benchmark and split.
        pictures: Of these captions.
        folder: Where unfinished work is kept.
        params: Batch sizes and candidates.

    Returns:
        Rows of the metric table, with the coverage. Pictures that cannot be used are left out with their texts.
    """
    _report_absent(pictures, scorer)
    total = len(pictures.keys) + len(pictures.absent)
    image_arrays = _encode_images(scorer, pictures, folder, params)
    usable = np.flatnonzero(_usable(image_arrays))
    rows = pictures.keys.select("image").with_row_index("image_row")[usable].with_row_index("image_index")
    kept = captions.join(rows, on="image", how="inner", maintain_order="left")
    coverage = {"protocol": "coverage", "metric": "coverage", "value": len(usable) / total, "count": total}
    if not kept.height:
        return [coverage]
    text_arrays = _encode_texts(scorer, kept["text"], folder, params)
    first_NM = scorer.similarity(_vectors(image_arrays, usable), _vectors(text_arrays))
    to_text, to_image = first_NM, first_NM
    if isinstance(scorer, Reranker):

        def second(image_P: Ints, text_P: Ints) -> Floats:
            score = _in_batches(scorer.rerank_pairs, image_arrays, text_arrays, params)
            return score(usable[image_P], text_P)

        to_text, to_image = (rerank(first_NM, params.rerank, second, by=by) for by in ("image", "text"))
    owners_M = kept["image_index"].to_numpy().astype(np.int64)
    return [*recall_rows(text_ranks(to_text, owners_M), image_ranks(to_image, owners_M)), coverage]


def _encode_images(scorer: Scorer, pictures: Pictures, folder: Path, params: ScoringParams) -> Arrays:
    """Encodings of all pictures, and `usable`: False where a blank picture stands in."""

    def encode(rows: slice) -> dict[str, NDArray[Any]]:
        opened, reasons = pictures.open(rows)
        return {**scorer.encode_images(opened), "usable": np.array([not reason for reason in reasons])}

    count = pictures.keys.height
    arrays = stored(folder / "images", count, params.image_batch, encode, f"pictures for {scorer.name}", "pictures")
    damaged = pictures.keys["image"].filter(~_usable(arrays)).to_list()
    if damaged:
        logger.warning(
            "%d of %d pictures are damaged and lower the coverage, first %s", len(damaged), count, damaged[:3]
        )
    return arrays


def _report_absent(pictures: Pictures, scorer: Scorer) -> None:
    if scorer.looks and pictures.absent:
        total = len(pictures.absent) + len(pictures.keys)
        first = pictures.absent[:3]
        logger.warning(
            "%d of %d pictures are not there and lower the coverage, first %s", len(pictures.absent), total, first
        )


def _usable(image_arrays: Arrays) -> pl.Series:
    return pl.Series(image_arrays.get("usable", np.zeros(0, dtype=bool)), dtype=pl.Boolean)


def _encode_texts(scorer: Scorer, texts: pl.Series, folder: Path, params: ScoringParams) -> Arrays:
    def encode(rows: slice) -> Encoded:
        return scorer.encode_texts(texts[rows].to_list())

    return stored(folder / "texts", len(texts), params.text_batch, encode, f"texts for {scorer.name}", "texts")


def _score(
    scorer: Scorer, images: Encoded, texts: Encoded, cells: pl.DataFrame, folder: Path, params: ScoringParams
) -> pl.DataFrame:
    """Add a column `score` to cells that have an `image_row` and a `text_row`; each pair is scored once."""
    pairs = cells.select("image_row", "text_row").unique().sort("image_row", "text_row")
    image_P, text_P = (pairs[name].to_numpy().astype(np.int64) for name in pairs.columns)

    def score(rows: slice) -> dict[str, NDArray[Any]]:
        return {"score": scorer.score_pairs(_rows(images, image_P[rows]), _rows(texts, text_P[rows]))}

    arrays = stored(folder, len(pairs), params.pair_batch, score, f"pairs for {scorer.name}", "pairs")
    scores = pl.Series("score", arrays["score"] if len(pairs) else [], dtype=pl.Float64)
    return cells.join(pairs.with_columns(scores), on=["image_row", "text_row"], how="left", maintain_order="left")


def _in_batches(score_pairs: Any, images: Arrays, texts: Arrays, params: ScoringParams) -> Any:
    def score(image_P: Ints, text_P: Ints) -> Floats:
        batches = range(0, len(image_P), params.pair_batch)
        parts = [slice(start, start + params.pair_batch) for start in batches]
        return np.concatenate([score_pairs(_rows(images, image_P[p]), _rows(texts, text_P[p])) for p in parts])

    return score


def _rows(arrays: Encoded, index: Ints) -> dict[str, NDArray[Any]]:
    return {name: array[index] for name, array in arrays.items() if name != "usable"}


def _vectors(arrays: Arrays, index: Ints | slice = slice(None)) -> dict[str, NDArray[Any]]:
    """One vector per input, for whole collections; sequences stay on disk."""
    return {name: np.asarray(array[index]) for name, array in arrays.items() if array.ndim == 2}


def _score_table(scorer: Scorer, variant: str, scored: pl.DataFrame) -> pl.DataFrame:
    constants = {"model": scorer.name, "variant": variant, "threshold": scorer.threshold}
    named = [pl.lit(value, dtype=SCORE_SCHEMA[name]).alias(name) for name, value in constants.items()]
    return scored.select(*named, *KEY, "score").cast(SCORE_SCHEMA)  # type: ignore[arg-type]
