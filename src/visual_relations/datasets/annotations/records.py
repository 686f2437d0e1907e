"""From a JSON file to typed records, one image at a time, with every record that does not fit set aside.

A file is cut into its top-level records without building them (`msgspec.Raw`), then each is decoded straight into the
few fields that are needed. Only a record that does not fit is looked at again, child by child.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from visual_relations.datasets.annotations import lenient
from visual_relations.datasets.annotations.files import UNREADABLE, AnnotationError, absent

Id = int | str
Size = Annotated[int, msgspec.Meta(gt=0, lt=2**31)]
"""Width or height in pixels."""
S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")
K = TypeVar("K", str, None)


@dataclass(frozen=True)
class Children:
    """Where a record keeps its children: a list or a mapping under `key`, each of which may fail by itself.

    Where others refer to a child by its position in the list, one that fails leaves a hole: see `positioned`.
    """

    key: str
    kind: str
    type: type[msgspec.Struct]
    children: tuple[Children, ...] = ()
    positional: bool = False


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

    def add_again(self, children: Sequence[Children], image_id: Id, record: msgspec.Struct) -> None:
        """Set a record aside because its image has been read before."""
        plain = {key: _without_holes(value) for key, value in msgspec.to_builtins(record).items()}
        self.add("image", image_id, plain, "this image occurs twice")
        self.add_all(children, image_id, plain, "its image occurs twice")

    def count(self, kind: str) -> int:
        """Number of records of a kind set aside."""
        return sum(row["kind"] == kind for row in self.rows)


def read_lines(path: Path, type_: type[S], rejects: Rejects, kind: str) -> Iterator[tuple[int, S]]:
    """Decode a file of one JSON object per line.

    Args:
        path: The jsonl file.
        type_: The struct of a line.
        rejects: Where lines go that do not fit.
        kind: What a line is.

    Yields:
        Row (from 0) and record.

    Raises:
        AnnotationError: If the file is absent.
    """
    if not path.is_file():
        raise AnnotationError(absent(path))
    decoder = msgspec.json.Decoder(type_)
    with path.open("rb") as file:
        for row, line in enumerate(line for line in file if line.strip()):
            try:
                yield row, decoder.decode(line)
            except UNREADABLE as error:
                rejects.add(kind, None, line.decode(errors="replace"), f"line {row + 1}: {error}")


def wrapped(key: str, raw: msgspec.Raw) -> msgspec.Raw:
    """A record that is a bare list, as an object with that list under `key`."""
    return msgspec.Raw(b'{"' + key.encode() + b'":' + bytes(raw) + b"}")


def decode_all(
    records: Iterable[tuple[K, msgspec.Raw]],
    type_: type[S],
    children: Sequence[Children],
    rejects: Rejects,
    id_key: str = "image_id",
) -> Iterator[tuple[K, S]]:
    """Decode records; what does not fit goes to `rejects`, children that fit are kept.

    Args:
        records: Key (the image id, in files that are mappings) and content of each record.
        type_: The struct of one record; unknown fields are ignored.
        children: Its nested records.
        rejects: Where to put what does not fit.
        id_key: The field that names the image in records without a key.

    Yields:
        Key and record, with the children that fit.
    """
    decoder = msgspec.json.Decoder(type_)
    for key, raw in records:
        try:
            record: S | None = decoder.decode(raw)
        except UNREADABLE:
            record = _salvage(raw, type_, children, rejects, id_key, key)
        if record is not None:
            yield key, record


def _salvage(
    raw: msgspec.Raw, type_: type[S], children: Sequence[Children], rejects: Rejects, id_key: str, key: str | None
) -> S | None:
    """Decode a record that does not fit as a whole, child by child. Numbers in quotes are read as numbers."""
    try:
        value = lenient.decode(bytes(raw))
    except (ValueError, RecursionError) as error:
        rejects.add("image", key, bytes(raw)[:300].decode(errors="replace"), f"not valid JSON: {error}")
        return None
    image_id = value.get(id_key) if key is None and isinstance(value, dict) else key
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
    attributes = {field.encode_name: field.name for field in msgspec.structs.fields(type_)}
    for key, items in kept.items():
        if items is not None:
            setattr(record, attributes[key], items)
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
        return [child for child in map(convert, items) if child is not None or spec.positional]
    return None


def positioned(children: Sequence[T]) -> Iterator[tuple[int, T]]:
    """Children with their positions in the file, without those that were set aside."""
    with_holes: Sequence[T | None] = children
    return ((position, child) for position, child in enumerate(with_holes) if child is not None)


def _without_holes(value: Any) -> Any:
    return [item for item in value if item is not None] if isinstance(value, list) else value


def _items(record: Any, key: str) -> list[Any]:
    found = record.get(key) if isinstance(record, dict) else None
    if isinstance(found, dict):
        return list(found.values())
    return found if isinstance(found, list) else []
