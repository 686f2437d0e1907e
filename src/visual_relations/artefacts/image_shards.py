"""Pictures with captions packed into shards, as img2dataset writes them, opened at random without unpacking.

    shards/
      00000.tar       <key>.jpg, <key>.txt or <key>.json with a caption      (WebDataset)
      00000.parquet   beside a tar: one row per link, also those that were dead; alone: the pictures themselves in `jpg`

A picture's name says where its bytes are: `00000.tar@offset+size`, or `00000.parquet#group:row`.
"""

from __future__ import annotations

import json
import tarfile
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from PIL import Image

from visual_relations.artefacts.images import EXTENSIONS, ImageError, decode_image

GROUPS_KEPT = 4  # row groups of parquet shards held in memory
CAPTIONED = pl.Schema({"image": pl.String(), "text": pl.String(), "block": pl.String()})


class ImageShards:
    """A folder of shards.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._groups: OrderedDict[tuple[str, int], list[bytes | None]] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        """Without what is held in memory: workers read for themselves."""
        return {"root": self.root, "_groups": OrderedDict()}

    def index(self) -> tuple[pl.DataFrame, Counter[str]]:
        """Find all pictures.

        Returns:
            `CAPTIONED`: name, caption, and which samples lie next to each other; and how many links had which fate:
            "success", img2dataset's reasons for failure, "no caption", "not in the shard".

        Raises:
            FileNotFoundError: If there are no shards.
        """
        tars = sorted(self.root.glob("*.tar"))
        alone = [path for path in sorted(self.root.glob("*.parquet")) if not path.with_suffix(".tar").exists()]
        if not tars and not alone:
            raise FileNotFoundError(f"no shards in {self.root}: expected .tar or .parquet files of img2dataset")
        rows: list[tuple[str, str, str]] = []
        fates: Counter[str] = Counter()
        for path in tars:
            rows += _index_tar(path, fates)
        for path in alone:
            rows += _index_parquet(path, fates)
        return pl.DataFrame(rows, schema=CAPTIONED, orient="row"), fates

    def open(self, name: str) -> Image.Image:
        """Decode a picture by the name that `index` gave it.

        Raises:
            ImageError: If it cannot be used.
        """
        try:
            content = self._from_parquet(name) if "#" in name else self._from_tar(name)
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise ImageError(f"{self.root / name}: {type(error).__name__}: {error}") from error
        return decode_image(content, str(self.root / name))

    def _from_tar(self, name: str) -> bytes:
        shard, _, place = name.partition("@")
        offset, size = map(int, place.split("+"))
        with (self.root / shard).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def _from_parquet(self, name: str) -> bytes:
        shard, _, place = name.partition("#")
        group, row = map(int, place.split(":"))
        if (shard, group) not in self._groups:
            with pq.ParquetFile(self.root / shard) as file:
                self._groups[shard, group] = file.read_row_group(group, columns=["jpg"])["jpg"].to_pylist()
            if len(self._groups) > GROUPS_KEPT:
                self._groups.popitem(last=False)
        self._groups.move_to_end((shard, group))
        content = self._groups[shard, group][row]
        if content is None:
            raise ValueError("the shard has no picture there")
        return content


def _index_tar(path: Path, fates: Counter[str]) -> Iterator[tuple[str, str, str]]:
    """Samples of a tar: the files of one sample share the name before its first dot."""
    places: dict[str, str] = {}
    captions: dict[str, str] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            key, _, kind = member.name.rpartition("/")[2].partition(".")
            if f".{kind.lower()}" in EXTENSIONS:
                places[key] = f"{path.name}@{member.offset_data}+{member.size}"
            elif kind in {"txt", "json"} and (content := archive.extractfile(member)) is not None:
                captions.setdefault(key, _caption(kind, content.read()))
    log = path.with_suffix(".parquet")
    listed = _listed(log) if log.exists() else dict.fromkeys(places, "success")
    for key, fate in listed.items():
        if fate != "success":
            fates[fate] += 1
        elif key not in places:
            fates["not in the shard"] += 1
        elif not captions.get(key, "").strip():
            fates["no caption"] += 1
        else:
            fates["success"] += 1
            yield places[key], captions[key], path.name


def _index_parquet(path: Path, fates: Counter[str]) -> Iterator[tuple[str, str, str]]:
    with pq.ParquetFile(path) as file:
        if not {"jpg", "caption"} <= set(file.schema_arrow.names):
            raise ValueError(f"{path}: no columns `jpg` and `caption`; expected a shard that img2dataset wrote")
        columns = [name for name in ("caption", "status", "error_message") if name in file.schema_arrow.names]
        for group in range(file.num_row_groups):
            for row, sample in enumerate(file.read_row_group(group, columns=columns).to_pylist()):
                fate = _fate(sample)
                if fate == "success" and not (sample["caption"] or "").strip():
                    fate = "no caption"
                fates[fate] += 1
                if fate == "success":
                    yield f"{path.name}#{group}:{row}", sample["caption"], f"{path.name}#{group}"


def _listed(log: Path) -> dict[str, str]:
    """Fate of every link of a tar by key."""
    rows = pq.read_table(log)
    wanted = [name for name in ("key", "status", "error_message") if name in rows.column_names]
    return {str(sample["key"]): _fate(sample) for sample in rows.select(wanted).to_pylist()}


def _fate(sample: Mapping[str, Any]) -> str:
    status = sample.get("status") or "success"
    if status == "success":
        return "success"
    # Messages carry addresses and codes; their beginning is the kind of failure.
    return str(sample.get("error_message") or status).split(":")[0].strip()[:60]


def _caption(kind: str, content: bytes) -> str:
    text = content.decode("utf-8", errors="replace")
    if kind == "txt":
        return text
    try:
        return str(json.loads(text).get("caption") or "")
    except (json.JSONDecodeError, AttributeError):
        return ""
