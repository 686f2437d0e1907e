"""HTML pages as catalog entries."""

from __future__ import annotations

import glob
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractVersionedDataset
from kedro.io.core import Version
from kedro_datasets._typing import HTMLPreview

from visual_relations.artefacts.atomic import atomic_path


class HTMLDataset(AbstractVersionedDataset[str, str]):
    """A self-contained page; Kedro-Viz shows it.

    Args:
        filepath: The .html file.
        version: Given by Kedro for `versioned: true`.
        metadata: For Kedro-Viz.
    """

    def __init__(self, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(PurePosixPath(filepath), version, lambda path: Path(path).exists(), glob.glob)
        self.metadata = metadata

    def load(self) -> str:
        """The page."""
        return Path(self._get_load_path()).read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        """Write the page, whole or not at all."""
        with atomic_path(Path(self._get_save_path())) as temporary:
            temporary.write_text(data, encoding="utf-8")

    def preview(self) -> HTMLPreview:
        """The page, for Kedro-Viz."""
        return HTMLPreview(self.load())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}

    def _exists(self) -> bool:
        return Path(self._get_load_path()).is_file()
