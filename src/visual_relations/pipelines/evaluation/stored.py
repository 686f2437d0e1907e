"""Work that is done batch by batch and kept on disk: what a killed run has finished is not done again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visual_relations.artefacts.atomic import atomic_path
from visual_relations.artefacts.progress import Progress

PROGRESS = "progress.json"
Arrays = dict[str, NDArray[Any]]


def stored(
    folder: Path, count: int, batch: int, compute: Callable[[slice], Mapping[str, NDArray[Any]]], what: str, unit: str
) -> Arrays:
    """Compute `count` rows, a batch at a time, continuing where an earlier call stopped.

    Args:
        folder: Where the arrays are kept; one folder per task and fingerprint.
        count: Rows in all.
        batch: Rows per call of `compute`, and at risk when the process dies.
        compute: From a slice of rows to named arrays of as many rows, of the same widths and types in every call.
        what: What is computed, for the progress bar and errors.
        unit: What the rows are, in the plural.

    Returns:
        The arrays, mapped from disk; empty when `count` is 0.

    Raises:
        ValueError: If `compute` returns another number of rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / PROGRESS
    done = json.loads(state.read_text())["rows"] if state.exists() else 0
    arrays: Arrays = {path.stem: np.load(path, mmap_mode="r+") for path in sorted(folder.glob("*.npy"))} if done else {}
    with Progress(count, what, unit, initial=done) as progress:
        for start in range(done, count, batch):
            rows = slice(start, min(start + batch, count))
            result = compute(rows)
            if not arrays:
                arrays = {name: _create(folder, name, count, values) for name, values in result.items()}
            for name, values in result.items():
                if len(values) != rows.stop - rows.start:
                    raise ValueError(f"{what}: {len(values)} rows of {name} for {rows.stop - rows.start} inputs")
                arrays[name][rows] = values
            _note(arrays, state, rows.stop)
            progress.advance(rows.stop - rows.start)
    return arrays


def _create(folder: Path, name: str, count: int, values: NDArray[Any]) -> NDArray[Any]:
    shape = (count, *values.shape[1:])
    return np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=values.dtype, shape=shape)


def _note(arrays: Arrays, state: Path, rows: int) -> None:
    """Rows first, then the note that they are there."""
    for array in arrays.values():
        if isinstance(array, np.memmap):
            array.flush()
    with atomic_path(state) as temporary:
        temporary.write_text(json.dumps({"rows": rows}))
