"""Tables of measurements as catalog entries: one shape for relations, captions and matching, measured or published."""

from __future__ import annotations

import glob
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal, NoReturn

import polars as pl
from kedro.io import AbstractDataset, AbstractVersionedDataset, DatasetError
from kedro.io.core import Version, VersionNotFoundError
from kedro_datasets._typing import TablePreview

from visual_relations.artefacts.atomic import atomic_path
from visual_relations.metrics.matching.items import CELL_SCHEMA, SCORE_SCHEMA
from visual_relations.metrics.table import METRIC_SCHEMA, metric_table

PREVIEW_ROWS = 100


class MetricTableDataset(AbstractVersionedDataset[pl.DataFrame, pl.DataFrame]):
    """A table in parquet with one fixed schema. Where nothing has been measured yet it loads an empty table.

    So the scoreboard shows what there is: it runs before, after and together with the pipelines that measure.

    Args:
        filepath: The parquet file.
        content: "metrics" (`METRIC_SCHEMA`), "probe_cells" (`CELL_SCHEMA`) or "match_scores" (`SCORE_SCHEMA`).
        version: Given by Kedro for `versioned: true`.
        metadata: For Kedro-Viz.
    """

    schemas: ClassVar[dict[str, dict[str, pl.DataType]]] = {
        "metrics": METRIC_SCHEMA,
        "probe_cells": CELL_SCHEMA,
        "match_scores": SCORE_SCHEMA,
    }

    def __init__(
        self,
        filepath: str,
        content: Literal["metrics", "probe_cells", "match_scores"] = "metrics",
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(PurePosixPath(filepath), version, lambda path: Path(path).exists(), glob.glob)
        self._schema = self.schemas[content]
        self._content = content
        self.metadata = metadata

    def load(self) -> pl.DataFrame:
        """The newest table.

        Raises:
            DatasetError: If the file has other columns.
        """
        if not self._exists():
            return pl.DataFrame(schema=self._schema)
        path = Path(self._get_load_path())
        table = pl.read_parquet(path)
        if dict(table.schema) != self._schema:
            raise DatasetError(
                f"{path} holds no {self._content}: its columns are {table.columns}. Delete it, run again"
            )
        return table

    def save(self, data: pl.DataFrame) -> None:
        """Write the table, whole or not at all.

        Raises:
            DatasetError: If it has another schema.
        """
        if dict(data.schema) != self._schema:
            raise DatasetError(f"{self._content} must have the columns {self._schema}, not {dict(data.schema)}")
        with atomic_path(Path(self._get_save_path())) as temporary:
            data.write_parquet(temporary)

    def preview(self) -> TablePreview:
        """Its first rows, for Kedro-Viz."""
        table = self.load().head(PREVIEW_ROWS)
        rows = [["" if value is None else value for value in row] for row in table.rows()]
        return TablePreview({"index": list(range(len(rows))), "columns": table.columns, "data": rows})

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}

    def _exists(self) -> bool:
        try:
            return Path(self._get_load_path()).is_file()
        except VersionNotFoundError:
            return False


class PublishedResultsDataset(AbstractDataset[NoReturn, pl.DataFrame]):
    """Published numbers, each with its source: the CSV files of a package.

    Args:
        package: Where they are, e.g. visual_relations.pipelines.evaluation.published.
        metadata: For Kedro-Viz.
    """

    def __init__(self, package: str, metadata: dict[str, Any] | None = None) -> None:
        self._package = package
        self._filepath = Path(str(files(package)))
        self.metadata = metadata

    def load(self) -> pl.DataFrame:
        """All files as one metric table.

        Raises:
            DatasetError: If a row lacks its source or has an unknown column.
        """
        rows = []
        for path in sorted(self._filepath.glob("*.csv")):
            for number, row in enumerate(
                pl.read_csv(path, schema_overrides=METRIC_SCHEMA).iter_rows(named=True), start=2
            ):
                if not row.get("source"):
                    raise DatasetError(f"{path.name}, line {number}: a published number needs its source")
                rows.append({name: value for name, value in row.items() if value is not None})
        return metric_table(rows)

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: it is edited by hand."""
        raise DatasetError("published results are read-only; edit the CSV files")

    def _describe(self) -> dict[str, Any]:
        return {"package": self._package}
