"""Splits for collections that come without one."""

from __future__ import annotations

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator


class SplitParams(BaseModel):
    """Shares of validation and test images among those the source gives no split; the rest is for training.

    Attributes:
        val: Share of validation images.
        test: Share of test images.
        seed: Another seed, another cut.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    val: float = Field(0.05, ge=0, le=1)
    test: float = Field(0.25, ge=0, le=1)
    seed: int = 0

    @model_validator(mode="after")
    def _leave_room(self) -> SplitParams:
        if self.val + self.test > 1:
            raise ValueError(f"val {self.val} and test {self.test} are more than all images")
        return self


def assign_splits(images: pl.DataFrame, params: SplitParams) -> pl.DataFrame:
    """Give a split to images that have none, from a hash of seed and id.

    An image keeps its split whatever other images are there, so a cut-down copy agrees with the full collection.

    Args:
        images: With `image_id` and `split` ("" where the source gives none).
        params: Shares and seed.

    Returns:
        The images, each with a split.
    """
    unknown = images["split"] == ""
    if not unknown.any():
        return images
    position = pl.Series(
        "position",
        [
            int.from_bytes(_digest(f"{params.seed}:{image_id}")) / 2**64
            for image_id in images["image_id"].filter(unknown)
        ],
        dtype=pl.Float64,
    )
    drawn = pl.select(
        pl.when(position < params.test)
        .then(pl.lit("test"))
        .when(position < params.test + params.val)
        .then(pl.lit("val"))
        .otherwise(pl.lit("train"))
        .alias("split")
    ).to_series()
    return images.with_columns(split=images["split"].scatter(unknown.arg_true(), drawn))


def _digest(text: str) -> bytes:
    # hashlib, not polars' hash: it must not change with a library's release.
    from hashlib import blake2b

    return blake2b(text.encode(), digest_size=8).digest()
