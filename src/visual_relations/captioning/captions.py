"""Caption texts as tables: as they were published, and as they are used. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

RAW_CAPTIONS = pl.Schema(
    {
        "image_id": pl.String(),
        "caption_id": pl.String(),
        "caption": pl.String(),  # as published
        "domain": pl.String(),  # nocaps: in-domain, near-domain, out-domain; null elsewhere
    }
)
CAPTIONS = pl.Schema(RAW_CAPTIONS | {"split": pl.String()})
REJECTED_CAPTIONS = pl.Schema(
    {"image_id": pl.String(), "caption_id": pl.String(), "caption": pl.String(), "reason": pl.String()}
)


@dataclass(frozen=True)
class RawCaptions:
    """Captions as published.

    Attributes:
        captions: `RAW_CAPTIONS`.
        rejected: `REJECTED_CAPTIONS`; records that could not be read.
    """

    captions: pl.DataFrame
    rejected: pl.DataFrame


class CaptionCleaningParams(BaseModel):
    """What counts as a usable caption, and how its text is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    most_words: int | None = Field(50, ge=1, description="longer training captions are rejected; empty: none is")
    full_stop: bool = Field(False, description="end every training caption with one, as for Conceptual Captions")


def clean_captions(
    raw: RawCaptions, images: pl.DataFrame, with_vector: pl.Series, params: CaptionCleaningParams
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bring captions into shape: one line, single blanks, known image.

    Only training captions are judged by length or given a full stop: references stay as people wrote them.

    Args:
        raw: As published.
        images: The table `images`, for the split.
        with_vector: Ids of images that have an image vector.
        params: Limits.

    Returns:
        `CAPTIONS`, and `REJECTED_CAPTIONS` of what is left out.
    """
    text = pl.col("caption").str.replace_all(r"\s+", " ").str.strip_chars()
    joined = raw.captions.join(
        images.select("image_id", "split"), on="image_id", how="left", maintain_order="left"
    ).with_columns(text=text)
    has_vector = pl.col("image_id").is_in(with_vector.implode())
    judged = joined.with_columns(
        reason=pl.when(pl.col("text").is_null() | (pl.col("text") == ""))
        .then(pl.lit("empty"))
        .when(pl.col("split").is_null())
        .then(pl.lit("its image is not in the table of images"))
        .when(~has_vector)
        .then(pl.lit("its image could not be read, so it has no image vector"))
        .when((pl.col("split") == "train") & _too_long(params))
        .then(pl.lit(f"more than {params.most_words} words"))
    )
    rejected = judged.filter(pl.col("reason").is_not_null()).select(REJECTED_CAPTIONS.keys())
    kept = judged.filter(pl.col("reason").is_null()).with_columns(caption=_text(params))
    return kept.select(CAPTIONS.keys()), pl.concat([raw.rejected, rejected])


def references_of(captions: pl.DataFrame, split: str) -> dict[str, list[str]]:
    """Caption texts by image id, of one split, in the order of the table."""
    grouped = captions.filter(pl.col("split") == split).group_by("image_id", maintain_order=True).agg("caption")
    return dict(grouped.iter_rows())


def _too_long(params: CaptionCleaningParams) -> pl.Expr:
    if params.most_words is None:
        return pl.lit(value=False)
    return pl.col("text").str.split(" ").list.len() > params.most_words


def _text(params: CaptionCleaningParams) -> pl.Expr:
    if not params.full_stop:
        return pl.col("text")
    stopped = pl.col("text").str.strip_chars_end(" .") + "."
    return pl.when(pl.col("split") == "train").then(stopped).otherwise(pl.col("text"))
