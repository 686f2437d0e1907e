"""JSON that the standard forbids and programs write all the same: NaN, Infinity, halves of surrogate pairs.

Python's decoder reads it, slowly; it is asked only where the fast one has failed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any


class BrokenError(ValueError):
    """Text that is no JSON even so; the message says up to where it is."""


def cut(text: str) -> Iterator[tuple[str | None, str]]:
    """Cut a list or an object into its members.

    Yields:
        Key (null in lists) and source text of each member.

    Raises:
        BrokenError: When the text cannot be read any further, naming the last whole record.
    """
    decode = json.JSONDecoder().raw_decode
    opening, last = re.match(r"\s*([\[{])", text), "the very beginning (no record is whole)"
    position, number = (opening.end(), 0) if opening else (len(text), 0)
    closing = {"[": "]", "{": "}"}[opening[1]] if opening else ""
    while (position := _skip(text, position)) < len(text) and text[position] != closing:
        key = None
        try:
            if closing == "}":
                key, position = decode(text, position)
            start = _skip(text, position)
            record, position = decode(text, start)
        except (ValueError, RecursionError) as error:
            raise BrokenError(last) from error
        number += 1
        last = f"record {number} ({_identify(record) if key is None else repr(key)})"
        yield key, text[start:position]
    if text[position:].strip() != closing or not closing:
        raise BrokenError(last)


def decode(raw: bytes) -> Any:
    """Decode one record; NaN becomes null, half a surrogate pair a question mark.

    Raises:
        ValueError: If it is no JSON even so, or not UTF-8: a name with a guessed letter would be another name.
        RecursionError: If it is nested too deeply.
    """
    # Null where NaN was: the record that needs a number there is then rejected by itself.
    return _with_characters_only(json.loads(raw.decode(), parse_constant=lambda _: None))


def _with_characters_only(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [_with_characters_only(item) for item in value]
    if isinstance(value, dict):
        return {_with_characters_only(key): _with_characters_only(item) for key, item in value.items()}
    return value


def _skip(text: str, position: int) -> int:
    """Go past blanks, commas and colons."""
    while position < len(text) and text[position] in " \n\r\t,:":
        position += 1
    return position


def _identify(record: Any) -> str:
    scalars = record.items() if isinstance(record, dict) else ()
    return ", ".join(f"{key} {value}" for key, value in scalars if isinstance(value, (int, str)))[:80]
