"""Reading a very large file in several processes at once; a small one is not worth it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from visual_relations.datasets.annotations.files import AnnotationError

T = TypeVar("T")
WORTH_IT = 100_000_000  # bytes: below, starting a process takes longer than it saves
HEAD_START = 0.3  # of a part
MOST = 4  # each holds a part of the tables until all are done


def in_parts(read: Callable[[Path, float, float], T], path: Path) -> list[T]:
    """Read a file in parts, the first one here, the others in processes of their own.

    Args:
        read: A function at the top of a module: (path, start, stop) to the content between these shares of the records.
        path: The file.

    Returns:
        What `read` returned, in the order of the parts.

    Raises:
        AnnotationError: What `read` raises, or that a process died.
    """
    n_parts = min(MOST, _n_cpus()) if path.is_file() and path.stat().st_size >= WORTH_IT else 1
    if n_parts == 1:
        return [read(path, 0.0, 1.0)]
    # The part read here may be larger: it waits for no process to start and for no transfer.
    bounds = [0.0, *((HEAD_START + part) / (HEAD_START + n_parts) for part in range(1, n_parts + 1))]
    try:
        # Spawned, not forked: polars' threads do not survive a fork.
        with ProcessPoolExecutor(n_parts - 1, mp_context=get_context("spawn")) as pool:
            with _script_left_alone():
                others = [pool.submit(read, path, *bounds[part : part + 2]) for part in range(1, n_parts)]
            return [read(path, *bounds[:2]), *(other.result() for other in others)]
    except BrokenProcessPool as error:
        raise AnnotationError(f"{path}: a process that read a part of it died, perhaps for lack of memory.") from error


@contextmanager
def _script_left_alone() -> Iterator[None]:
    """Keep new processes from importing the running script: they do not need it, and it may have no main guard."""
    main = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {name: main.pop(name) for name in ("__file__", "__spec__") if name in main}
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update(hidden)


def _n_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
