"""Trained models as catalog entries."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractVersionedDataset
from kedro.io.core import Version
from torch import nn

from visual_relations.training.models import load_model, save_model


class ModelDataset(AbstractVersionedDataset[nn.Module | Mapping[str, nn.Module], Any]):
    """Saves a module, or a dict of modules, as configuration and safetensors; loads it in evaluation mode on the CPU.

    Args:
        filepath: Folder of the model.
        version: Given by Kedro for `versioned: true`.
        metadata: For Kedro-Viz.
    """

    def __init__(self, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(PurePosixPath(filepath), version, lambda path: Path(path).exists(), glob.glob)
        self.metadata = metadata

    def load(self) -> Any:
        """The module, or the dict of modules."""
        return load_model(Path(self._get_load_path()))

    def save(self, data: nn.Module | Mapping[str, nn.Module]) -> None:
        """Save, whole or not at all."""
        save_model(Path(self._get_save_path()), data)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}

    def _exists(self) -> bool:
        return Path(self._get_load_path()).is_dir()
