"""Annotation files: JSON lists and mappings cut into raw records, JSON lines, and what to say about damaged ones.

A file is mapped and cut into its top-level records without building them (`msgspec.Raw`).
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import msgspec
from kedro.io import DatasetError

from visual_relations.datasets.annotations import lenient

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding damaged JSON raises."""


class AnnotationError(DatasetError):
    """An annotation file that cannot be read at all; the message names the file, the record and the remedy."""


def read_list(path: Path) -> list[tuple[None, msgspec.Raw]]:
    """Cut a file that holds a JSON list into its records, which have no keys.

    Raises:
        AnnotationError: If the file is absent, truncated, or no JSON list.
    """
    content = _map(path)
    try:
        return [(None, raw) for raw in _decode(path, content, list[msgspec.Raw], "a list of records")]
    except UNREADABLE as error:
        return [(None, raw) for _, raw in _cut_leniently(path, content, error)]


def read_mapping(path: Path) -> list[tuple[str, msgspec.Raw]]:
    """Cut a file that holds a JSON object into keys and records.

    Raises:
        AnnotationError: If the file is absent, truncated, or no JSON object.
    """
    content = _map(path)
    try:
        return list(_decode(path, content, dict[str, msgspec.Raw], "an object of records by key").items())
    except UNREADABLE as error:
        return [(str(key), raw) for key, raw in _cut_leniently(path, content, error)]


def read_json(path: Path, type_: type[Any], what: str) -> Any:
    """Read a small JSON file of a known shape.

    Args:
        path: The file.
        type_: What it must hold, as a type that msgspec understands.
        what: The same in words, for the error.

    Raises:
        AnnotationError: If the file is absent or holds something else.
    """
    try:
        return _decode(path, _map(path), type_, what)
    except UNREADABLE as error:
        raise AnnotationError(f"{path}: {error}. Fetch the file again.") from error


def _map(path: Path) -> Any:
    """The file's bytes: mapped, not read, so that 700 MB of JSON do not count twice."""
    if not path.is_file():
        raise AnnotationError(absent(path))
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def _decode(path: Path, content: Any, type_: Any, what: str) -> Any:
    try:
        return msgspec.json.decode(content, type=type_)
    except msgspec.ValidationError as error:
        raise AnnotationError(f"{path} should hold {what}: {error}. Is it another release or another file?") from error


def _cut_leniently(path: Path, content: Any, error: Exception) -> list[tuple[str | None, msgspec.Raw]]:
    text = bytes(content[:]).decode(errors="surrogateescape")
    try:
        return [(key, msgspec.Raw(part.encode(errors="surrogateescape"))) for key, part in lenient.cut(text)]
    except lenient.BrokenError as broken:
        raise AnnotationError(f"{path}: {error}, after {broken}. Fetch the file again.") from error


def absent(path: Path) -> str:
    """What to say about a file that is not there."""
    return f"{path} is not there. Put the file there, or change its path in the catalog."
