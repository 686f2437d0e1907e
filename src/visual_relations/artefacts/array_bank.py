"""A feature bank in memory, for features that come from elsewhere; read like a `FeatureBank`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl


@dataclass(frozen=True)
class ArrayBank:
    """Features (N, D) with an id each."""

    ids: pl.Series
    features_ND: npt.NDArray[np.float16]
    metadata: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def dim(self) -> int:
        """D."""
        return int(self.features_ND.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and feature width."""
        return len(self), self.dim

    def rows(self, index: npt.ArrayLike | slice) -> npt.NDArray[np.float16]:
        """Rows by position."""
        return self.features_ND[index if isinstance(index, slice) else np.asarray(index, np.int64)]

    def select(self, ids: pl.Series | list[str]) -> npt.NDArray[np.float16]:
        """Rows by id.

        Raises:
            KeyError: Naming ids that the bank does not have.
        """
        wanted = pl.DataFrame({"id": pl.Series(ids, dtype=pl.String)})
        table = pl.DataFrame({"id": self.ids}).with_row_index("row")
        found = wanted.join(table, on="id", how="left", maintain_order="left")
        if missing := found["row"].null_count():
            names = found.filter(pl.col("row").is_null())["id"].unique(maintain_order=True).head(10).to_list()
            raise KeyError(f"{missing} ids are not in the bank: {names}")
        return self.features_ND[found["row"].to_numpy()]
