"""What can be fetched: the table in `sources.yml`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import PurePosixPath
from urllib.parse import urlparse

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class RemoteFile(BaseModel):
    """One published file.

    Attributes:
        url: Its address.
        bytes: Its size, where it is published.
        checksum: "sha256:…" or "md5:…", where it is published.
        to: Folder below the source's own to put it, or what is in it, into.
        strip: Leading folders of an archive's members to leave out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    bytes: int | None = None
    checksum: str | None = Field(None, pattern=r"^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})$")
    to: str = "."
    strip: int = 0

    @property
    def name(self) -> str:
        """File name in the address."""
        return PurePosixPath(urlparse(self.url).path).name

    @property
    def is_archive(self) -> bool:
        """Whether it is unpacked."""
        return self.name.endswith((".zip", ".tar", ".tar.gz", ".tgz"))


class Source(BaseModel):
    """Files that belong together.

    Attributes:
        about: What it is, and how to use it.
        files: What to fetch.
        folder: Folder below data/01_raw; the source's name where it is left out.
        by_hand: What only a person can fetch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    files: tuple[RemoteFile, ...]
    folder: str | None = None
    by_hand: str = ""


def read_sources() -> dict[str, Source]:
    """All sources by name."""
    text = files(__package__).joinpath("sources.yml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Source]).validate_python(yaml.safe_load(text))
