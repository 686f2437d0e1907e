"""Unpack archives; one with a member that would leave the folder is refused as a whole."""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from visual_relations.artefacts.atomic import PARTIAL
from visual_relations.data_fetch.download import FetchError

_CLUTTER = ("__MACOSX", ".DS_Store")


def unpack(archive: Path, folder: Path, strip: int = 0) -> list[Path]:
    """Unpack a zip or tar archive. Nothing is written before all names have been checked.

    Args:
        archive: The file.
        folder: Where to unpack to.
        strip: Leading folders of the members' names to leave out.

    Returns:
        The files, in the archive's order.

    Raises:
        FetchError: If it is no archive, is damaged, or a member is a link, a device, or lies outside `folder`.
    """
    try:
        if zipfile.is_zipfile(archive):
            return _unpack_zip(archive, folder, strip)
        if tarfile.is_tarfile(archive):
            return _unpack_tar(archive, folder, strip)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise FetchError(f"{archive} is damaged: {error}. Delete it and fetch it again.") from error
    raise FetchError(f"{archive} is neither a zip nor a tar archive. Delete it and fetch it again.")


def _unpack_zip(archive: Path, folder: Path, strip: int) -> list[Path]:
    with zipfile.ZipFile(archive) as content:
        targets = []
        for member in content.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            _check_kind(archive, member.filename, is_plain=kind in {0, stat.S_IFREG, stat.S_IFDIR})
            targets += [(member, path) for path in _target(archive, member.filename, folder, strip)]
        files = [(member, path) for member, path in targets if not member.is_dir()]
        for member, path in files:
            with content.open(member) as source:
                _write(source, path)
    return [path for _, path in files]


def _unpack_tar(archive: Path, folder: Path, strip: int) -> list[Path]:
    with tarfile.open(archive) as content:
        targets = []
        for member in content.getmembers():
            _check_kind(archive, member.name, is_plain=member.isfile() or member.isdir())
            targets += [(member, path) for path in _target(archive, member.name, folder, strip)]
        files = [(member, path) for member, path in targets if member.isfile()]
        for member, path in files:
            source = content.extractfile(member)
            if source is not None:
                with source:
                    _write(source, path)
    return [path for _, path in files]


def _check_kind(archive: Path, name: str, *, is_plain: bool) -> None:
    if not is_plain:
        raise FetchError(
            f"{archive}: member {name!r} is a link or a device. Nothing was unpacked: do not trust this file."
        )


def _target(archive: Path, name: str, folder: Path, strip: int) -> Iterator[Path]:
    """Where a member goes; nowhere if it is clutter, or one of the folders that are stripped."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
        raise FetchError(
            f"{archive}: member {name!r} would be written outside {folder}. Nothing was unpacked: do not trust it."
        )
    kept = parts[strip:]
    if kept and not set(parts) & set(_CLUTTER):
        path = folder.joinpath(*kept)
        if not path.resolve().is_relative_to(folder.resolve()):  # through a link that is already there
            raise FetchError(f"{archive}: member {name!r} would leave {folder} through a link. Nothing was unpacked.")
        yield path


def _write(source: IO[bytes], path: Path) -> None:
    # Whole or not at all, but not synced one by one: there may be a hundred thousand, and a crash unpacks again anyway.
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{PARTIAL}{path.name}")
    with temporary.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    temporary.replace(path)
