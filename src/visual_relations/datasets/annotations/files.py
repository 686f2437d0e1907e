"""Annotation files: JSON lists and mappings cut into raw records, JSON lines, and what to say about damaged ones.

A file is mapped and cut into its top-level records without building them (`msgspec.Raw`).
"""

from __future__ import annotations

import json
import mmap
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from kedro.io import DatasetError

S = TypeVar("S", bound=msgspec.Struct)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding damaged JSON raises."""


class AnnotationError(DatasetError):
    """An annotation file that cannot be read at all; the message names the file, the record and the remedy."""


def read_list(path: Path) -> list[tuple[None, msgspec.Raw]]:
    """Cut a file that holds a JSON list into its records, which have no keys.

    Raises:
        AnnotationError: If the file is absent, truncated, or no JSON list.
    """
    return [(None, raw) for raw in _read(path, list[msgspec.Raw], "a list of records")]


def read_mapping(path: Path) -> list[tuple[str, msgspec.Raw]]:
    """Cut a file that holds a JSON object into keys and records.

    Raises:
        AnnotationError: If the file is absent, truncated, or no JSON object.
    """
    return list(_read(path, dict[str, msgspec.Raw], "an object whose keys are image ids or names").items())


def read_json(path: Path, type_: type[Any], what: str) -> Any:
    """Read a small JSON file of a known shape.

    Args:
        path: The file.
        type_: What it must hold, as a type that msgspec understands.
        what: The same in words, for the error.

    Raises:
        AnnotationError: If the file is absent or holds something else.
    """
    return _read(path, type_, what)


def _read(path: Path, type_: Any, what: str) -> Any:
    if not path.is_file():
        raise AnnotationError(absent(path))
    with path.open("rb") as file:
        # Mapped, not read: the pages belong to the file, so 700 MB of JSON do not count twice.
        content: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
    try:
        return msgspec.json.decode(content, type=type_)
    except msgspec.ValidationError as error:
        raise AnnotationError(f"{path} should hold {what}: {error}. Is it another release or another file?") from error
    except UNREADABLE as error:
        raise AnnotationError(f"{path}: {error}, after {_last_whole_record(content)}. Fetch the file again.") from error


def absent(path: Path) -> str:
    """What to say about a file that is not there."""
    return f"{path} is not there. Put the file there, or change its path in the catalog."


def _last_whole_record(content: Any) -> str:
    """Describe the last record that can still be read; only called for broken files."""
    text = bytes(content[:]).decode(errors="replace")
    decode = json.JSONDecoder().raw_decode
    start = re.match(r"\s*([\[{])", text)
    if start is None:
        return "the very beginning (no record is whole)"
    position, number, last = start.end(), 0, "the very beginning (no record is whole)"
    try:
        while True:
            key = ""
            if start[1] == "{":
                key, position = decode(text, _skip(text, position))
            record, position = decode(text, _skip(text, position))
            number += 1
            last = f"record {number} ({_identify(record) if key == '' else repr(key)})"
    except (ValueError, RecursionError):
        return last


def _skip(text: str, position: int) -> int:
    """Go past blanks, commas and colons."""
    while position < len(text) and text[position] in " \n\r\t,:":
        position += 1
    return position


def _identify(record: Any) -> str:
    scalars = record.items() if isinstance(record, dict) else ()
    return ", ".join(f"{key} {value}" for key, value in scalars if isinstance(value, (int, str)))[:80]
