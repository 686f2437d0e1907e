"""What all annotation readers share: they are read-only Kedro datasets over one or several files."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from visual_relations.datasets.annotations.records import AnnotationError, Rejects
from visual_relations.graphs.tables import RawGraphs


class AnnotationDataset(AbstractDataset[NoReturn, RawGraphs]):
    """Annotations in one published format.

    Args of every reader: `filepath`, the main file; further files by their own names; `metadata` for Kedro-Viz.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None, **files: str | None) -> None:
        self._filepath = Path(filepath)
        self._others = {name: Path(path) for name, path in files.items() if path}
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        """All files that are read; when one changes, what was made from it is stale."""
        return [self._filepath, *self._others.values()]

    def load(self) -> RawGraphs:
        """Read the annotations.

        Returns:
            Images, objects, relations and rejected records.

        Raises:
            AnnotationError: If a file cannot be read at all, naming file, record and remedy.
        """
        raw = self._read()
        if not raw.images.height and raw.rejected.height:
            reason = raw.rejected["reason"][0]
            raise AnnotationError(
                f"{self._filepath}: no record could be read. The first one: {raw.rejected['record'][0]!r}: {reason}. "
                "Is the reader in the catalog the one for this file's format and release?"
            )
        return raw

    @abstractmethod
    def _read(self) -> RawGraphs:
        """Read the files."""

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: published annotations are never edited."""
        raise DatasetError(f"{type(self).__name__} is read-only: {self._filepath}")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), **{name: str(path) for name, path in self._others.items()}}

    def _exists(self) -> bool:
        return all(path.exists() for path in self.files)

    def _rejects(self, path: Path) -> Rejects:
        return Rejects(path.name)
