"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial-"


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Give a temporary place beside `final` to write a file or a folder to; it takes the name `final` at the end.

    If the block raises, or the process dies, `final` is as it was before. The temporary name keeps the suffix, because
    some writers choose their format by it.

    Args:
        final: File or folder to make or to replace; missing parents are made.

    Yields:
        A path that does not exist yet, in the same file system.

    Raises:
        FileNotFoundError: If the block has written nothing.
    """
    final = Path(final)
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.parent / f"{PARTIAL}{uuid.uuid4().hex[:8]}-{final.name}"
    try:
        yield temporary
        if not temporary.exists():
            raise FileNotFoundError(f"nothing was written for {final}")
        _sync(temporary)
        publish(temporary, final)
    finally:
        remove(temporary)


def publish(source: Path, final: Path) -> None:
    """Rename a complete file or folder to its final name, replacing what is there.

    A folder cannot replace a folder in one call: the old one steps aside first. A process killed between the two
    renames leaves `source` complete and `final` absent, never a mixture.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.is_dir() and not final.is_symlink():
        aside = final.parent / f"{PARTIAL}{uuid.uuid4().hex[:8]}-old-{final.name}"
        final.rename(aside)
        source.replace(final)
        remove(aside)
    else:
        source.replace(final)
    _sync_folder(final.parent)


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_partials(folder: Path) -> None:
    """Delete what killed processes left half written in a folder that only one process writes to."""
    for path in folder.glob(f"{PARTIAL}*"):
        remove(path)


def _sync(path: Path) -> None:
    """Have everything on the disk before the rename: a crash must not leave the name without the content."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
