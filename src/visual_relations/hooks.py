"""Project hooks: a manifest of every run, and quiet libraries."""

from __future__ import annotations

import json
import logging
import platform
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.io.core import VersionNotFoundError

from visual_relations.artefacts.atomic import atomic_path
from visual_relations.artefacts.libraries import library_version

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

LIBRARIES = (
    "accelerate",
    "kedro",
    "kedro-datasets",
    "numpy",
    "open_clip_torch",
    "optuna",
    "polars",
    "torch",
    "transformers",
)


class ManifestHook:
    """Write `data/08_reporting/runs/<run id>.json`: what ran, on which code and parameters, and how long it took."""

    folder = Path("data") / "08_reporting" / "runs"

    def __init__(self) -> None:
        self._started: dict[str, float] = {}
        self._seconds: dict[str, float] = {}

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Start the node's clock."""
        self._started[node.name] = time.perf_counter()

    @hook_impl
    def after_dataset_saved(self, node: Node) -> None:
        """Saving is part of the node's time."""
        self._seconds[node.name] = time.perf_counter() - self._started[node.name]

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Stop the clock of a node without saved outputs."""
        self._seconds[node.name] = time.perf_counter() - self._started[node.name]

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Write the manifest of a run that succeeded."""
        self._write("completed", run_params, pipeline, catalog)

    @hook_impl
    def on_pipeline_error(
        self, error: Exception, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Write the manifest of a run that failed, with its error."""
        self._write(f"failed: {type(error).__name__}: {error}", run_params, pipeline, catalog)

    def _write(self, status: str, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        run_id = str(run_params.get("run_id") or run_params.get("session_id"))
        ran = [node.name for node in pipeline.nodes if node.name in self._seconds]
        manifest = {
            "run_id": run_id,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "status": status,
            "pipelines": run_params.get("pipeline_names") or ["__default__"],
            "environment": run_params.get("env") or "local",
            "git": _git_state(),
            "seconds": {name: round(self._seconds[name], 3) for name in ran},
            "unchanged": [node.name for node in pipeline.nodes if node.name not in self._seconds],
            "parameters": _parameters(pipeline, catalog),
            "versions": _dataset_versions(pipeline, catalog),
            "libraries": {name: library_version(name) for name in LIBRARIES},
            "python": platform.python_version(),
            "machine": {"system": platform.platform(), "device": _device()},
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.folder / f"{run_id.replace(':', '.')}.json") as temporary:
            temporary.write_text(json.dumps(manifest, indent=1, default=str))


def _parameters(pipeline: Pipeline, catalog: CatalogProtocol) -> dict[str, Any]:
    names = sorted(name for name in pipeline.inputs() if name.startswith("params:"))
    return {name.removeprefix("params:"): _plain(catalog.load(name)) for name in names}


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _dataset_versions(pipeline: Pipeline, catalog: CatalogProtocol) -> dict[str, str]:
    """The version that each versioned dataset of the run has now."""
    versions = {}
    for name in sorted(pipeline.datasets()):
        dataset = catalog.get(name)
        if getattr(dataset, "_version", None) is not None:
            try:
                versions[name] = dataset.resolve_load_version()
            except VersionNotFoundError:
                continue
    return versions


def _git_state() -> dict[str, Any]:
    """Commit and cleanliness of the checkout; empty outside one."""
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"commit": commit, "clean": not changed}


def _device() -> str:
    """The accelerator torch would use. Asked only when a node has imported torch: start-up must not."""
    import sys

    torch = sys.modules.get("torch")
    if torch is None:
        return "not used"
    return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else "cpu"


class QuietLibrariesHook:
    """Keep the log to what a user can act on."""

    noisy = (
        "httpx",
        "matplotlib",
        "PIL",
        "kedro.io.data_catalog",
        "kedro.framework.session.session",
        "open_clip",
        "accelerate",
    )

    @hook_impl
    def after_context_created(self) -> None:
        """Raise the level of libraries that narrate."""
        for name in self.noisy:
            logging.getLogger(name).setLevel(logging.WARNING)
