"""Reading a very large file in several processes at once; a small one is not worth it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from visual_relations.datasets.annotations.files import AnnotationError

T = TypeVar("T")
WORTH_IT = 100_000_000  # bytes: below, starting a process takes longer than it saves
MOST = 4  # each holds a part of the tables until all are done


def in_parts(read: Callable[[Path, int, int], T], path: Path) -> list[T]:
    """Read a file in equal parts, the first one here, the others in processes of their own.

    Args:
        read: A function at the top of a module: (path, number of the part, number of parts) to the part's content.
        path: The file.

    Returns:
        What `read` returned, in the order of the parts.

    Raises:
        AnnotationError: What `read` raises, or that a process died.
    """
    n_parts = min(MOST, _n_cpus()) if path.is_file() and path.stat().st_size >= WORTH_IT else 1
    if n_parts == 1:
        return [read(path, 0, 1)]
    try:
        # Spawned, not forked: polars' threads do not survive a fork.
        with ProcessPoolExecutor(n_parts - 1, mp_context=get_context("spawn")) as pool:
            others = [pool.submit(read, path, part, n_parts) for part in range(1, n_parts)]
            return [read(path, 0, n_parts), *(other.result() for other in others)]
    except BrokenProcessPool as error:
        raise AnnotationError(f"{path}: a process that read a part of it died, perhaps for lack of memory.") from error


def _n_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
