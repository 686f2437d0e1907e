"""What all annotation readers share: they are read-only Kedro datasets over one or several files."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from visual_relations.datasets.annotations.files import AnnotationError
from visual_relations.graphs.tables import RawGraphs


class AnnotationDataset(AbstractDataset[NoReturn, RawGraphs]):
    """Annotations in one published format.

    Args:
        metadata: For Kedro-Viz.
        paths: Files by role, the main one first; a role without a path is left out.
    """

    def __init__(self, metadata: dict[str, Any] | None = None, **paths: str | None) -> None:
        self.paths = {role: Path(path) for role, path in paths.items() if path}
        if not self.paths:
            raise DatasetError(f"{type(self).__name__} needs the path of at least one file")
        self._filepath = next(iter(self.paths.values()))
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        """All files that are read; when one changes, what was made from it is stale."""
        return list(self.paths.values())

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
        return {role: str(path) for role, path in self.paths.items()}

    def _exists(self) -> bool:
        return all(path.exists() for path in self.files)
