"""One hash for everything a result depends on."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel


def fingerprint(*parts: Any) -> str:
    """Hash values by content.

    Args:
        parts: JSON-able values, bytes, dates, enums, dataclasses, pydantic models, numpy arrays, polars frames and
            series, `Path`s (the content of the file or folder, not its name), objects with a string attribute
            `fingerprint`, and mappings, sequences and sets of these.

    Returns:
        64 hexadecimal digits. Equal content gives equal digits on every machine and in every run.

    Raises:
        TypeError: If a part is of another type.
        FileNotFoundError: If a path is not there.
    """
    digest = hashlib.sha256()
    for chunk in _chunks(list(parts)):
        # Length first: ("ab", "c") and ("a", "bc") must differ.
        digest.update(len(chunk).to_bytes(8, "little"))
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(value: Any) -> Iterator[bytes | memoryview]:
    """The content of a value as tagged byte strings."""
    if value is None or isinstance(value, str | bool | int | float):
        yield json.dumps(value.value if isinstance(value, Enum) else value).encode()
    elif isinstance(value, bytes):
        yield b"bytes"
        yield value
    elif isinstance(value, Path):
        yield from _path_chunks(value)
    elif isinstance(value, np.ndarray | np.generic | pl.DataFrame | pl.Series):
        yield from _array_chunks(value)
    elif isinstance(value, date | Enum):
        yield f"{type(value).__name__} {value}".encode()
    elif isinstance(getattr(value, "fingerprint", None), str):
        yield value.fingerprint.encode()
    else:
        yield from _container_chunks(value)


def _container_chunks(value: Any) -> Iterator[bytes | memoryview]:
    if isinstance(value, BaseModel):
        value = value.model_dump()
    elif is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        yield b"mapping %d" % len(value)
        for key in sorted(value, key=lambda key: (str(type(key)), str(key))):
            yield from _chunks(key)
            yield from _chunks(value[key])
    elif isinstance(value, list | tuple):
        yield b"sequence %d" % len(value)
        for item in value:
            yield from _chunks(item)
    elif isinstance(value, set | frozenset):
        yield b"set %d" % len(value)
        for item in sorted(fingerprint(item) for item in value):
            yield item.encode()
    else:
        raise TypeError(f"cannot fingerprint a {type(value).__module__}.{type(value).__qualname__}: {value!r:.80}")


def _array_chunks(value: np.ndarray[Any, Any] | np.generic | pl.DataFrame | pl.Series) -> Iterator[bytes | memoryview]:
    if isinstance(value, np.generic | np.ndarray):
        array = np.ascontiguousarray(value)
        if array.dtype.hasobject:
            raise TypeError(f"cannot fingerprint an array of Python objects (dtype {array.dtype})")
        yield f"array {array.dtype.str} {np.shape(value)}".encode()
        yield array.tobytes()
        return
    # Parquet holds no undefined bytes below nulls and no chunk borders, unlike polars' memory.
    buffer = io.BytesIO()
    frame = value.to_frame() if isinstance(value, pl.Series) else value
    frame.rechunk().write_parquet(buffer, compression="uncompressed", statistics=False)
    yield f"frame {frame.shape} {frame.schema}".encode()
    yield buffer.getvalue()


def _path_chunks(path: Path) -> Iterator[bytes]:
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    yield b"files %d" % len(files)
    for file in files:
        yield file.relative_to(path).as_posix().encode()
        with file.open("rb") as handle:
            yield hashlib.file_digest(handle, "sha256").digest()
