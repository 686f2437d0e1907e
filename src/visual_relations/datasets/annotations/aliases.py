"""Visual Genome's alias lists as a dataset: canonical name by alias."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from visual_relations.datasets.annotations.files import AnnotationError
from visual_relations.graphs.names import parse_aliases


class AliasDataset(AbstractDataset[NoReturn, dict[str, str]]):
    """Reads `object_alias.txt` or `relationship_alias.txt`; without a file there are no aliases."""

    def __init__(self, filepath: str | None = None, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = None if filepath is None else Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        """Canonical name by alias.

        Raises:
            AnnotationError: If the file is absent or not UTF-8.
        """
        if self._filepath is None:
            return {}
        try:
            return parse_aliases(self._filepath.read_text(encoding="utf-8").splitlines())
        except FileNotFoundError as error:
            raise AnnotationError(
                f"{self._filepath} is not there. Put it there, or set its filepath in the catalog to null."
            ) from error
        except UnicodeDecodeError as error:
            raise AnnotationError(f"{self._filepath}: {error}. It should be UTF-8 text: fetch it again.") from error

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: published lists are never edited."""
        raise DatasetError(f"AliasDataset is read-only: {self._filepath}")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _exists(self) -> bool:
        return self._filepath is None or self._filepath.exists()
