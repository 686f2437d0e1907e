"""Downloads that go on where they broke off, through pooch, which verifies and moves them into place."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch
import requests
from tqdm import tqdm

from visual_relations.data_fetch.sources import RemoteFile

CHUNK = 1 << 16  # at most this much of a broken transfer is fetched twice
PATIENCE = (15, 60)  # seconds to connect, and between two pieces
ATTEMPTS = 3

# pooch tells of every step; the progress bar and our own messages say enough.
pooch.get_logger().setLevel(logging.WARNING)


class FetchError(Exception):
    """A file that could not be fetched; the message names it and what to do."""


def download(file: RemoteFile, folder: Path) -> Path:
    """Fetch one file; a partial file of an earlier call is continued.

    Args:
        file: What to fetch, and how to know that it is whole.
        folder: Where to put it.

    Returns:
        Path of the file, verified.

    Raises:
        FetchError: If the server cannot be reached, the transfer breaks off, or size or checksum are wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    resume = Resume(folder / f"{file.name}.part", file.bytes)
    try:
        path = pooch.retrieve(file.url, file.checksum, fname=file.name, path=folder, downloader=resume)
    except ValueError as error:  # pooch: the hash differs
        raise FetchError(
            f"{file.url}: its checksum is not {file.checksum}. What arrived was deleted; try again later, or correct "
            "sources.yml if the publisher has replaced the file."
        ) from error
    except requests.RequestException as error:
        raise FetchError(
            f"{file.url}: {error}. What has arrived is kept; the same command goes on from there."
        ) from error
    return Path(path)


@dataclass(frozen=True)
class Resume:
    """A downloader for pooch that keeps what has arrived in `part`.

    Attributes:
        part: The partial file; beside it `.etag` says which version of the remote file it is part of.
        size: Size of the whole file in bytes, if known.
    """

    part: Path
    size: int | None

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> bool | None:  # noqa: ARG002, FBT001
        """Fetch `url` into `output_file`, as pooch asks its downloaders to."""
        for attempt in range(ATTEMPTS):
            try:
                total = self._continue(url)
                break
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                if attempt == ATTEMPTS - 1:
                    raise
        arrived = self.part.stat().st_size
        expected = self.size if self.size is not None else total
        if expected is not None and arrived != expected:
            if arrived > expected:
                self.part.unlink()
            raise FetchError(
                f"{url}: {arrived:,} of {expected:,} bytes have arrived. "
                + ("Too many, they were deleted." if arrived > expected else "The same command goes on from there.")
            )
        self.part.replace(output_file)
        self._etag_file.unlink(missing_ok=True)
        return None

    @property
    def _etag_file(self) -> Path:
        return self.part.with_suffix(".etag")

    def _continue(self, url: str) -> int | None:
        """Append what is missing.

        Returns:
            Size of the whole file as the server states it, if it does.
        """
        have = self.part.stat().st_size if self.part.exists() else 0
        with requests.get(url, stream=True, headers=self._headers(have), timeout=PATIENCE) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                total = _total(response)
                if have and total != have:  # longer than the file is now: another version
                    self.part.unlink()
                    return self._continue(url)
                return total
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                have = 0  # the whole file comes: the server cannot resume, or the file has changed
            self._etag_file.write_text(response.headers.get("ETag", ""))
            self._append(response, have)
            return _total(response)

    def _headers(self, have: int) -> dict[str, str]:
        # Uncompressed: ranges and sizes mean the file itself.
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            etag = self._etag_file.read_text() if self._etag_file.exists() else ""
            if etag and not etag.startswith("W/"):
                headers["If-Range"] = etag
        return headers

    def _append(self, response: Any, have: int) -> None:
        with (
            self.part.open("ab" if have else "wb") as file,
            tqdm(total=_total(response), initial=have, unit="B", unit_scale=True, desc=self.part.stem) as bar,
        ):
            for piece in response.iter_content(CHUNK):
                file.write(piece)
                bar.update(len(piece))


def _total(response: Any) -> int | None:
    """Size of the whole file by the response's headers."""
    ranges = response.headers.get("Content-Range", "").rpartition("/")[2]
    if ranges.isdecimal():
        return int(ranges)
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and response.status_code == requests.codes.ok else None
