"""Read a benchmark's file into typed records, or say which record is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from visual_relations.datasets.annotations.files import AnnotationError, read_json

T = TypeVar("T")


def read_lines(path: Path, type_: type[T]) -> list[T]:
    """Read a file of one JSON record per line.

    Args:
        path: The file.
        type_: What every line must hold; unknown fields are ignored.

    Raises:
        AnnotationError: If the file is absent or a line holds something else.
    """
    if not path.is_file():
        raise AnnotationError(
            f"{path} is not there. Put the benchmark's file there, or change its path in the catalog."
        )
    decoder, records = msgspec.json.Decoder(type_), []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            records.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            reason = f"{path}, line {number}: {error}. Is it the file of this benchmark, and complete?"
            raise AnnotationError(reason) from error
    return records


def read_folder(folder: Path, names: tuple[str, ...], type_: type[T]) -> dict[str, T]:
    """Read those of a benchmark's JSON files that are in a folder.

    Args:
        folder: Where they are.
        names: Names of all its files, without ".json".
        type_: What every file must hold.

    Returns:
        Contents by name, in the order of `names`.

    Raises:
        AnnotationError: If there is none of them, or one holds something else.
    """
    present = [name for name in names if (folder / f"{name}.json").is_file()]
    if not present:
        raise AnnotationError(
            f"{folder} has none of {', '.join(f'{name}.json' for name in names)}: fetch the benchmark"
        )
    return {name: read_json(folder / f"{name}.json", type_, "the benchmark's records") for name in present}
