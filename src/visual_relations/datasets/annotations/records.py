"""From a JSON file to typed records, one image at a time, with every record that does not fit set aside.

A file is cut into its top-level records without building them (`msgspec.Raw`), then each is decoded straight into the
few fields that are needed. Only a record that does not fit is looked at again, child by child.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from kedro.io import DatasetError

Id = int | str
S = TypeVar("S", bound=msgspec.Struct)


class AnnotationError(DatasetError):
    """An annotation file that cannot be read at all; the message names the file, the record and the remedy."""


@dataclass(frozen=True)
class Children:
    """Where a record keeps its children: a list or a mapping under `key`, each of which may fail by itself."""

    key: str
    kind: str
    type: type[msgspec.Struct]
    children: tuple[Children, ...] = ()


@dataclass
class Rejects:
    """Records set aside while reading one file.

    Attributes:
        source: Name of the file.
        rows: Rows for `graphs.tables.REJECTED`.
    """

    source: str
    rows: list[dict[str, str | None]] = field(default_factory=list)

    def add(self, kind: str, image_id: Id | None, record: Any, reason: str) -> None:
        """Set one record aside."""
        text = record if isinstance(record, str) else json.dumps(record, default=str)
        image = None if image_id is None else str(image_id)
        self.rows.append(
            {"kind": kind, "source": self.source, "image_id": image, "record": text[:300], "reason": reason}
        )

    def add_all(self, children: Sequence[Children], image_id: Id | None, record: Any, reason: str) -> None:
        """Set all children of a record aside, because the record itself is."""
        for spec in children:
            for child in _items(record, spec.key):
                self.add(spec.kind, image_id, child, reason)
                self.add_all(spec.children, image_id, child, reason)

    def count(self, kind: str) -> int:
        """Number of records of a kind set aside."""
        return sum(row["kind"] == kind for row in self.rows)


def read_list(path: Path) -> list[msgspec.Raw]:
    """Cut a file that holds a JSON list into its records.

    Raises:
        AnnotationError: If the file is absent, truncated, or no JSON list.
    """
    return _read(path, list[msgspec.Raw], "a list of records")


def read_mapping(path: Path) -> dict[str, msgspec.Raw]:
    """Cut a file that holds a JSON object into its members.

    Raises:
        AnnotationError: If the file is absent, truncated, or no JSON object.
    """
    return _read(path, dict[str, msgspec.Raw], "an object whose keys are image ids or names")


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


def decode_all(
    records: Sequence[msgspec.Raw], type_: type[S], children: Sequence[Children], rejects: Rejects, id_key: str
) -> Iterator[S]:
    """Decode records; what does not fit goes to `rejects`, children that fit are kept.

    Args:
        records: Raw records of one file.
        type_: The struct of one record; unknown fields are ignored.
        children: Its nested records.
        rejects: Where to put what does not fit.
        id_key: The field that names the image, for `rejects`.

    Yields:
        The records that fit, with the children that fit.
    """
    decoder = msgspec.json.Decoder(type_)
    for raw in records:
        try:
            yield decoder.decode(raw)
        except msgspec.DecodeError:
            kept = salvage(raw, type_, children, rejects, id_key)
            if kept is not None:
                yield kept


def salvage(raw: msgspec.Raw, type_: type[S], children: Sequence[Children], rejects: Rejects, id_key: str) -> S | None:
    """Decode a record that does not fit as a whole, child by child. Numbers in quotes are read as numbers."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        rejects.add("image", None, bytes(raw[:300]).decode(errors="replace"), f"not valid JSON: {error}")
        return None
    image_id = value.get(id_key) if isinstance(value, dict) else None
    image_id = image_id if isinstance(image_id, (int, str)) else None
    try:
        return _convert(value, type_, children, rejects, image_id)
    except msgspec.ValidationError as error:
        rejects.add("image", image_id, value, str(error))
        rejects.add_all(children, image_id, value, "its image record was rejected")
        return None


def _convert(value: Any, type_: type[S], children: Sequence[Children], rejects: Rejects, image_id: Id | None) -> S:
    bare = dict(value) if isinstance(value, dict) else value
    kept = {}
    for spec in children:
        if isinstance(bare, dict) and isinstance(value.get(spec.key), (list, dict)):
            bare[spec.key] = type(value[spec.key])()
    record = msgspec.convert(bare, type_, strict=False)  # first: if the parent fails, so do all children
    for spec in children:
        kept[spec.key] = _convert_children(value.get(spec.key), spec, rejects, image_id)
    for key, items in kept.items():
        if items is not None:
            setattr(record, key, items)
    return record


def _convert_children(items: Any, spec: Children, rejects: Rejects, image_id: Id | None) -> Any:
    def convert(item: Any) -> msgspec.Struct | None:
        try:
            return _convert(item, spec.type, spec.children, rejects, image_id)
        except msgspec.ValidationError as error:
            rejects.add(spec.kind, image_id, item, str(error))
            rejects.add_all(spec.children, image_id, item, f"its {spec.kind} was rejected")
            return None

    if isinstance(items, dict):
        pairs = ((key, convert(item)) for key, item in items.items())
        return {key: item for key, item in pairs if item is not None}
    if isinstance(items, list):
        return [child for child in map(convert, items) if child is not None]
    return None


def _items(record: Any, key: str) -> list[Any]:
    found = record.get(key) if isinstance(record, dict) else None
    if isinstance(found, dict):
        return list(found.values())
    return found if isinstance(found, list) else []


def _read(path: Path, type_: Any, what: str) -> Any:
    if not path.is_file():
        raise AnnotationError(f"{path} is not there. Put the file there, or change its path in the catalog.")
    with path.open("rb") as file:
        # Mapped, not read: the pages belong to the file, so 700 MB of JSON do not count twice.
        content: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
    try:
        return msgspec.json.decode(content, type=type_)
    except msgspec.ValidationError as error:
        raise AnnotationError(f"{path} should hold {what}: {error}. Is it another release or another file?") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{path}: {error}, after {_last_whole_record(content)}. Fetch the file again.") from error


def _last_whole_record(content: Any) -> str:
    """Describe the last record that can still be read; only called for broken files."""
    text = bytes(content[:]).decode(errors="replace")
    position, number, last = text.find("[") + 1, 0, "the very beginning (no record is whole)"
    decode: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().raw_decode
    while position:
        while position < len(text) and text[position] in " \n\r\t,":
            position += 1
        try:
            record, position = decode(text, position)
        except ValueError:
            break
        number, last = number + 1, f"record {number + 1}"
        if isinstance(record, dict):
            last += f" ({', '.join(f'{k} {v}' for k, v in record.items() if isinstance(v, (int, str)))[:80]})"
    return last
