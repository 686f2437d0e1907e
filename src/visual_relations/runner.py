"""The runner behind `kedro run`: a node whose inputs, parameters and code are unchanged is skipped.

Nodes stay pure functions. The runner keeps a ledger of what made each output: the fingerprint of a node covers the
source of its function and of every module of this project that it imports, the values of its parameters with the files
they name, and the fingerprints of the datasets it reads. `kedro run --runner=SequentialRunner` runs everything.
"""

from __future__ import annotations

import ast
import functools
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset, MemoryDataset
from kedro.runner import SequentialRunner
from kedro.runner.task import Task
from pydantic import BaseModel

from visual_relations.artefacts.atomic import atomic_path
from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.artefacts.libraries import library_version

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node
    from pluggy import PluginManager

PACKAGE = __package__
SOURCES = Path(__file__).parents[1]
LEDGER = Path("data") / ".ledger.json"
# A new release of these may change numbers, so it makes outputs stale.
LIBRARIES = ("numpy", "open_clip_torch", "polars", "torch", "transformers")


class IncrementalRunner(SequentialRunner):
    """Run the nodes in order, except those whose outputs are already what they would make."""

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        pipeline = without_given(pipeline, catalog)
        ledger, skipped = Ledger(LEDGER, catalog), 0
        done: set[Node] = set()
        for node in pipeline.nodes:
            mark = ledger.node_fingerprint(node)
            if ledger.is_current(node, mark):
                skipped += 1
                self._logger.info("Unchanged, skipped: %s", node.name)
            else:
                self._logger.info("Running %d of %d: %s", len(done) + 1, len(pipeline.nodes), node.name)
                try:
                    Task(node, catalog, is_async=False, hook_manager=hook_manager, run_id=run_id).execute()
                except Exception:
                    self._suggest_resume_scenario(pipeline, done, catalog)
                    raise
                ledger.record(node, mark)
            done.add(node)
        self._logger.info("%d of %d nodes ran, %d were unchanged.", len(done) - skipped, len(done), skipped)


def without_given(pipeline: Pipeline, catalog: CatalogProtocol) -> Pipeline:
    """Leave out the nodes that an environment makes unnecessary.

    An environment may give a dataset that is otherwise made (its class has the attribute `is_given`): what would make
    it does not run, nor does what is made for that alone.
    """
    given = {name for name in pipeline.all_outputs() if getattr(_dataset(catalog, name), "is_given", False)}
    if not given:
        return pipeline
    dropped = {node for node in pipeline.nodes if given.intersection(node.outputs)}
    for node in reversed(pipeline.nodes):
        readers = {other for other in pipeline.nodes if set(node.outputs).intersection(other.inputs)}
        if readers and readers <= dropped:
            dropped.add(node)
    return pipeline.filter(node_names=[node.name for node in pipeline.nodes if node not in dropped])


def _dataset(catalog: CatalogProtocol, name: str) -> AbstractDataset[Any, Any]:
    return catalog.get(name, fallback_to_runtime_pattern=True)


class Ledger:
    """What made the outputs on disk: by node and place, its fingerprint and what the files looked like then."""

    def __init__(self, path: Path, catalog: CatalogProtocol) -> None:
        self._path = path
        self._catalog = catalog
        self._entries: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
        self._datasets: dict[str, str] = {}  # fingerprints of the datasets that this run has met

    def node_fingerprint(self, node: Node) -> str:
        """Fingerprint of everything a node's outputs depend on; also fixes those of its outputs."""
        function = node.func
        while isinstance(function, functools.partial):
            function = function.func
        inputs = {name: self._dataset_fingerprint(name) for name in sorted(node.inputs)}
        mark = fingerprint(
            function.__qualname__, list(node.inputs), list(node.outputs), inputs, code_fingerprint(function.__module__)
        )
        self._datasets |= {name: fingerprint(mark, name) for name in node.outputs}
        return mark

    def is_current(self, node: Node, mark: str) -> bool:
        """Whether all outputs of the node are on disk, made with this fingerprint and not touched since."""
        entry = self._entries.get(self._key(node))
        if not node.outputs or entry is None or entry["fingerprint"] != mark:
            return False
        return all(
            (state := self._state(name)) is not None and entry["outputs"].get(name) == state for name in node.outputs
        )

    def record(self, node: Node, mark: str) -> None:
        """Note that the node has just made its outputs. Other runs may have written the ledger meanwhile: merge."""
        on_disk = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._entries = on_disk | {
            self._key(node): {"fingerprint": mark, "outputs": {name: self._state(name) for name in node.outputs}}
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(self._path) as temporary:
            temporary.write_text(json.dumps(self._entries, indent=1))

    def _key(self, node: Node) -> str:
        # One node writes to different places in different environments.
        return f"{node.name}@{fingerprint([str(_filepath(self._dataset(name))) for name in node.outputs])[:12]}"

    def _dataset(self, name: str) -> AbstractDataset[Any, Any]:
        return _dataset(self._catalog, name)

    def _dataset_fingerprint(self, name: str) -> str:
        if name not in self._datasets:
            dataset = self._dataset(name)
            if name == "parameters" or name.startswith("params:"):
                value = dataset.load()
                self._datasets[name] = fingerprint(value, [(str(path), _stat(path)) for path in _named_files(value)])
            elif getattr(dataset, "is_resource", False):  # a workspace: where work is done, not what it is done on
                self._datasets[name] = ""
            else:
                state = self._state(name)  # looks at every file of a folder: once is enough
                reader = code_fingerprint(type(dataset).__module__)
                self._datasets[name] = self._recorded(name, state) or fingerprint(
                    _configuration(dataset), state, reader
                )
        return self._datasets[name]

    def _recorded(self, name: str, state: str | None) -> str | None:
        """Fingerprint of a dataset made by a node of an earlier run, if it is still as that node left it."""
        if state is None:
            return None
        return next(
            (fingerprint(e["fingerprint"], name) for e in self._entries.values() if e["outputs"].get(name) == state),
            None,
        )

    def _state(self, name: str) -> str | None:
        """Hash of the names, sizes and times of a dataset's files; None when there are none."""
        dataset = self._dataset(name)
        if isinstance(dataset, MemoryDataset):
            return None
        try:
            path = Path(dataset._get_load_path()) if getattr(dataset, "_version", None) else _filepath(dataset)
        except Exception:  # kedro raises its own error when no version has been saved yet
            return None
        return None if path is None else _stat(path)


def _stat(path: Path) -> str | None:
    if not path.exists():
        return None
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return fingerprint([(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files])


def _named_files(value: Any) -> Iterator[Path]:
    """Files and folders that a parameter names, e.g. a model's; a report is only ever written."""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, str):
        path = Path(value.removeprefix("local-dir:"))
        if len(path.parts) > 1 and "08_reporting" not in path.parts and path.exists():
            yield path
    elif isinstance(value, dict):
        yield from itertools.chain.from_iterable(map(_named_files, value.values()))
    elif isinstance(value, list | tuple):
        yield from itertools.chain.from_iterable(map(_named_files, value))


def _filepath(dataset: AbstractDataset[Any, Any]) -> Path | None:
    path = getattr(dataset, "_filepath", None)
    return None if path is None else Path(path)


def _configuration(dataset: AbstractDataset[Any, Any]) -> dict[str, Any]:
    """How a dataset is read: another reader, other load arguments or another file beside it make another input."""
    ignored = {"metadata", "version", "versioned"}
    config = {key: str(value) for key, value in dataset._init_config().items() if key not in ignored}
    return {key: (value, _stat(Path(value)) if "/" in value else None) for key, value in config.items()}


@functools.cache
def code_fingerprint(module: str) -> str:
    """Fingerprint of a module's source, of the project's modules it imports (anywhere in it), and of `LIBRARIES`."""
    sources: dict[str, str] = {}
    pending = [module]
    while pending:
        name = pending.pop()
        if name in sources or (path := _source(name)) is None:
            continue
        sources[name] = path.read_text(encoding="utf-8")
        pending.extend(_project_imports(sources[name]))
    return fingerprint(sources, {name: library_version(name) for name in LIBRARIES})


def _source(module: str) -> Path | None:
    """File of a module of the project; found without importing anything."""
    path = SOURCES.joinpath(*module.split("."))
    found = next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.exists()), None)
    loaded = getattr(sys.modules.get(module), "__file__", None)  # a node's function may come from elsewhere
    return found or (Path(loaded) if loaded else None)


def _project_imports(source: str) -> Iterator[str]:
    """Modules of the project that a source imports from; not the packages around them, which only lead there."""
    for statement in ast.walk(ast.parse(source)):
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            parts = [f"{statement.module}.{alias.name}" for alias in statement.names]
            names = [part if _source(part) else statement.module for part in parts]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == PACKAGE)
