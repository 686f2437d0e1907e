"""The workspace as a catalog entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from visual_relations.artefacts.workspace import Workspace


class WorkspaceDataset(AbstractDataset[NoReturn, Workspace]):
    """Gives nodes a place for half-finished work.

    Args:
        filepath: Root of the workspace.
        metadata: For Kedro-Viz.
    """

    is_resource = True  # where work is done, not what it is done on: no part of fingerprints

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Workspace:
        """The workspace; its root need not exist yet."""
        return Workspace(self._filepath)

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: stages write to their own folders of a workspace."""
        raise DatasetError(f"a workspace is not saved: {self._filepath}")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _exists(self) -> bool:
        return True
