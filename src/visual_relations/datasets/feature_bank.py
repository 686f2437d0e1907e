"""Feature banks as catalog entries."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset
from kedro_datasets._typing import JSONPreview

from visual_relations.artefacts.atomic import atomic_path, publish, remove
from visual_relations.artefacts.feature_bank import FeatureBank

PREVIEW_ROWS = 1000


class FeatureBankDataset(AbstractDataset[FeatureBank, FeatureBank]):
    """Publishes finished banks.

    Args:
        filepath: Folder of the bank.
        metadata: For Kedro-Viz.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> FeatureBank:
        """Open the bank; features are read when they are asked for."""
        return FeatureBank.open(self._filepath)

    def save(self, data: FeatureBank) -> None:
        """Move a finished bank here, whole or not at all; the handle that was given is of no use afterwards."""
        if data.folder.resolve() == self._filepath.resolve():
            return
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        if data.folder.stat().st_dev == self._filepath.parent.stat().st_dev:
            publish(data.folder, self._filepath)
        else:
            with atomic_path(self._filepath) as temporary:
                shutil.copytree(data.folder, temporary)
            remove(data.folder)

    def preview(self) -> JSONPreview:
        """What the bank holds, for Kedro-Viz."""
        bank = self.load()
        norm_N = np.linalg.norm(bank.rows(slice(0, PREVIEW_ROWS)).astype(np.float32), axis=1)
        norms = {"mean": round(float(norm_N.mean()), 3), "std": round(float(norm_N.std()), 3)} if len(bank) else {}
        content = {
            "rows": len(bank),
            "dim": bank.dim,
            "ids": bank.ids.head(5).to_list(),
            f"norm of the first {len(norm_N)}": norms,
            "metadata": bank.metadata,
        }
        return JSONPreview(json.dumps(content))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _exists(self) -> bool:
        return (self._filepath / "bank.json").exists()
