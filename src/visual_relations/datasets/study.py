"""The place of studies as a catalog entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from visual_relations.tuning.storage import StudyStore


class StudyStoreDataset(AbstractDataset[NoReturn, StudyStore]):
    """Gives nodes the storage that their studies live in; the dashboard reads the same: `optuna-dashboard <filepath>`.

    Args:
        filepath: A journal file.
        credentials: `{url: postgresql+psycopg://…}` to keep the studies in a database instead, for workers on several
            machines.
        metadata: For Kedro-Viz.
    """

    is_resource = True  # where trials are kept; what a study depends on is in its name

    def __init__(
        self, filepath: str, credentials: dict[str, str] | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath = Path(filepath)
        self._url = (credentials or {}).get("url")
        self.metadata = metadata

    def load(self) -> StudyStore:
        """The store; a journal file is made when a study is opened."""
        return StudyStore(self._url or str(self._filepath))

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: studies save their trials themselves, one by one."""
        raise DatasetError(f"studies are not saved as a whole: {self._filepath}")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "database": self._url is not None}

    def _exists(self) -> bool:
        return self._url is not None or self._filepath.exists()
