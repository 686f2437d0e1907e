"""A folder of files as one catalog entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from visual_relations.artefacts.atomic import atomic_path


class FileFolderDataset(AbstractDataset[dict[str, bytes], dict[str, bytes]]):
    """Contents of files by their path below a folder; the folder is replaced as a whole.

    For formats that are a folder by agreement: a benchmark's files, an open_clip or a Hugging Face model.

    Args:
        filepath: The folder.
        metadata: For Kedro-Viz.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, bytes]:
        """All files.

        Raises:
            DatasetError: If the folder is not there.
        """
        if not self._filepath.is_dir():
            raise DatasetError(f"no folder {self._filepath}: run the pipeline that makes it")
        files = sorted(path for path in self._filepath.rglob("*") if path.is_file())
        return {path.relative_to(self._filepath).as_posix(): path.read_bytes() for path in files}

    def save(self, data: dict[str, bytes]) -> None:
        """Replace the folder by these files.

        Raises:
            DatasetError: If a path would lie outside the folder, or there is no file.
        """
        if not data or any(Path(name).is_absolute() or ".." in Path(name).parts for name in data):
            raise DatasetError(f"cannot save to {self._filepath}: no files, or a path outside the folder")
        with atomic_path(self._filepath) as temporary:
            for name, content in data.items():
                (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                (temporary / name).write_bytes(content)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _exists(self) -> bool:
        return self._filepath.is_dir()
