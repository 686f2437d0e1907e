"""Fetch all files of a source and remember what is there, so that the same command twice costs nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pooch

from visual_relations.artefacts.atomic import atomic_path
from visual_relations.data_fetch.download import download
from visual_relations.data_fetch.sources import RemoteFile, Source
from visual_relations.data_fetch.unpack import unpack

RECORD = ".fetched.json"


def fetch(source: Source, folder: Path, say: Callable[[str], None], *, keep_archives: bool = False) -> list[Path]:
    """Fetch a source into a folder: download, verify, unpack.

    Args:
        source: What to fetch.
        folder: The world's raw folder, e.g. data/01_raw/gqa.
        say: Called with one line of news at a time.
        keep_archives: Whether to keep archives that have been unpacked.

    Returns:
        The files that are there now.

    Raises:
        FetchError: If a file cannot be fetched, verified or unpacked.
    """
    there = []
    for file in source.files:
        known = _recorded(folder, file)
        if known is None:
            known = _fetch_file(file, folder, keep_archives=keep_archives)
            say(f"{file.name}: {len(known)} file(s) in {folder / file.to}")
        else:
            say(f"{file.name}: already there")
        there += known
    return there


def _fetch_file(file: RemoteFile, folder: Path, *, keep_archives: bool) -> list[Path]:
    target = folder / file.to
    path = download(file, target)
    checksum = file.checksum or f"sha256:{pooch.file_hash(str(path))}"
    paths = unpack(path, target, file.strip) if file.is_archive else [path]
    _record(folder, file, checksum, paths)
    if file.is_archive and not keep_archives:
        path.unlink()
    return paths


def _recorded(folder: Path, file: RemoteFile) -> list[Path] | None:
    """Files that an earlier call made of this one, if they are all still there."""
    entry = _read_record(folder).get(file.url)
    if entry is None or (file.checksum and entry["checksum"] != file.checksum):
        return None
    paths = [folder / name for name in entry["files"]]
    return paths if all(path.is_file() for path in paths) else None


def _record(folder: Path, file: RemoteFile, checksum: str, paths: list[Path]) -> None:
    names = [path.relative_to(folder).as_posix() for path in paths]
    record = _read_record(folder) | {file.url: {"checksum": checksum, "files": names}}
    with atomic_path(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=1))


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    return json.loads(path.read_text()) if path.exists() else {}
