"""Those models of a list that have been trained, as one catalog entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from visual_relations.training.models import load_model


class ModelsAtHandDataset(AbstractDataset[NoReturn, dict[str, Any]]):
    """Loads the newest version of every listed model that is there; the others are left out.

    So the evaluation takes what other pipelines have trained, and does without what they have not. A node that needs
    their training to come first also takes one of their tables.

    Args:
        filepath: Folder with the models' own folders.
        models: Name in the tables by catalog name, e.g. {albef_models: ALBEF}.
        metadata: For Kedro-Viz.
    """

    def __init__(self, filepath: str, models: dict[str, str], metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self._models = models
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        """Modules, or dicts of modules, by their name in the tables."""
        newest = {name: max(self._versions(stored), default=None) for stored, name in self._models.items()}
        return {name: load_model(folder) for name, folder in newest.items() if folder is not None}

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: models are saved by the pipelines that train them."""
        raise DatasetError(f"{type(self).__name__} is read-only: {self._filepath}")

    def _versions(self, stored: str) -> list[Path]:
        return [folder / stored for folder in (self._filepath / stored).glob("*") if (folder / stored).is_dir()]

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "models": self._models}

    def _exists(self) -> bool:
        return any(self._versions(stored) for stored in self._models)
