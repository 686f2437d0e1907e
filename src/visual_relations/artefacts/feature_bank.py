"""Feature banks: rows of half-precision features with an id each, in memory-mapped shards (`shard.py`).

    bank/
      features-00000.safetensors   tensor "features" (rows, D), float16; its header keeps a digest of content and ids
      ids-00000.parquet            column "id", the rows' ids in the same order
      …
      bank.json                    written last: without it the bank is unfinished

Legend: N rows asked for, D feature width.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from visual_relations.artefacts.atomic import atomic_path, remove, remove_partials
from visual_relations.artefacts.shard import FeatureBankError, Features, Shard

FORMAT = "visual_relations.feature_bank/1"
MANIFEST = "bank.json"
DRAFT = "draft.json"


class FeatureBank:
    """A finished bank: a handle that reads only what it is asked for. Open one with `FeatureBank.open`."""

    def __init__(self, folder: Path, shards: list[Shard], dim: int, metadata: dict[str, Any]) -> None:
        self.folder = folder
        self.dim = dim
        self.metadata = metadata
        self._shards = shards
        self._starts = np.cumsum([0, *(shard.rows for shard in shards)])  # first row of every shard, and the end

    @classmethod
    def open(cls, folder: Path) -> FeatureBank:
        """Open a finished bank.

        Raises:
            FileNotFoundError: If there is no finished bank.
            FeatureBankError: If a file of it is missing or damaged.
        """
        folder = Path(folder)
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise FileNotFoundError(f"no feature bank in {folder}: run the pipeline clip_features first") from None
        if manifest.get("format") != FORMAT:
            raise FeatureBankError(f"{folder / MANIFEST} has format {manifest.get('format')!r}, expected {FORMAT!r}")
        shards = [Shard.open(folder / name) for name in manifest["shards"]]
        bank = cls(folder, shards, manifest["dim"], manifest["metadata"])
        if len(bank) != manifest["rows"] or bank.fingerprint != manifest["fingerprint"]:
            raise FeatureBankError(f"the shards in {folder} are not those that {MANIFEST} lists; extract again")
        return bank

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and feature width."""
        return len(self), self.dim

    @cached_property
    def ids(self) -> pl.Series:
        """Ids in row order (strings, unique)."""
        return pl.concat([pl.Series("id", [], dtype=pl.String), *(shard.ids for shard in self._shards)])

    @property
    def fingerprint(self) -> str:
        """Hash of the features and ids."""
        return _fingerprint(self._shards)

    def rows(self, index: npt.ArrayLike | slice) -> Features:
        """Copy rows by position.

        Args:
            index: Row numbers (N,) in any order, repeats allowed, or a slice.

        Returns:
            Features (N, D), float16.

        Raises:
            IndexError: If a row number is negative or past the end.
        """
        if isinstance(index, slice):
            return self._slice(*index.indices(len(self)))
        index_N = np.asarray(index, np.int64)
        if index_N.size and not 0 <= index_N.min() <= index_N.max() < len(self):
            raise IndexError(
                f"rows {index_N.min()}..{index_N.max()} asked of a bank of {len(self)} rows: {self.folder}"
            )
        out_ND = np.empty((len(index_N), self.dim), np.float16)
        shard_N = np.searchsorted(self._starts, index_N, side="right") - 1
        for number in np.unique(shard_N):
            wanted = np.flatnonzero(shard_N == number)
            out_ND[wanted] = self._shards[number].read(index_N[wanted] - self._starts[number])
        return out_ND

    def index_of(self, ids: pl.Series | list[str]) -> npt.NDArray[np.int64]:
        """Row numbers of ids (N,), for many calls of `rows`.

        Raises:
            KeyError: Naming ids that the bank does not have.
        """
        wanted = pl.DataFrame({"id": pl.Series(ids, dtype=pl.String)})
        table = pl.DataFrame({"id": self.ids}).with_row_index("row")
        found = wanted.join(table, on="id", how="left", maintain_order="left")
        missing = found.filter(pl.col("row").is_null())["id"].unique(maintain_order=True)
        if len(missing):
            names = ", ".join(map(repr, missing.head(10))) + (", …" if len(missing) > 10 else "")
            raise KeyError(f"{len(missing)} of {len(wanted)} ids are not in the bank {self.folder}: {names}")
        return found["row"].cast(pl.Int64).to_numpy()

    def select(self, ids: pl.Series | list[str]) -> Features:
        """Features (N, D) by id; KeyError names ids that the bank does not have."""
        return self.rows(self.index_of(ids))

    def _slice(self, start: int, stop: int, step: int) -> Features:
        if step != 1:
            return self.rows(np.arange(start, stop, step))
        parts = [
            shard.read(slice(max(start - first, 0), max(stop - first, 0)))
            for shard, first in zip(self._shards, self._starts, strict=False)
            if first < stop and first + shard.rows > start
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.dim), np.float16)


class FeatureBankWriter:
    """Write a bank shard by shard; a new writer on the same folder continues after the last whole shard.

    Args:
        folder: Where the bank grows, e.g. in a workspace. What is there with other arguments is started anew.
        dim: D.
        metadata: Anything JSON-able that says what the features are.
        rows_per_shard: Rows that are at risk when the process dies. A shard is closed after the call of `append` that
            fills it; so a resumed bank, built of the same calls, equals an unbroken one bit for bit.
    """

    def __init__(
        self, folder: Path, dim: int, metadata: dict[str, Any] | None = None, rows_per_shard: int = 32_768
    ) -> None:
        self._folder, self._dim, self._rows_per_shard = Path(folder), dim, rows_per_shard
        self._metadata = json.loads(json.dumps(metadata or {}))
        self._ids: list[str] = []
        self._features: list[Features] = []
        self._shards = self._whole_shards()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Rows after the last whole shard are given up, unless `finish` was called."""
        self._ids, self._features = [], []

    @property
    def n_done(self) -> int:
        """Rows in whole shards on the disk."""
        return sum(shard.rows for shard in self._shards)

    @property
    def done_ids(self) -> pl.Series:
        """Ids of the rows in whole shards on the disk."""
        return pl.concat([pl.Series("id", [], dtype=pl.String), *(shard.ids for shard in self._shards)])

    def append(self, ids: list[str] | pl.Series, features_ND: npt.NDArray[Any]) -> None:
        """Add rows.

        Args:
            ids: N ids.
            features_ND: Their features; stored as float16.

        Raises:
            FeatureBankError: If the shape does not fit, or a feature is NaN or infinite (as float16), naming the ids.
        """
        ids = list(ids)
        if np.shape(features_ND) != (len(ids), self._dim):
            raise FeatureBankError(f"expected features of shape {(len(ids), self._dim)}, got {np.shape(features_ND)}")
        with np.errstate(over="ignore"):  # reported below, with the ids
            features_ND = np.asarray(features_ND).astype(np.float16)
        bad = np.flatnonzero(~np.isfinite(features_ND).all(1))
        if len(bad):
            names = ", ".join(repr(ids[row]) for row in bad[:10]) + (", …" if len(bad) > 10 else "")
            raise FeatureBankError(f"features of {len(bad)} ids are NaN, infinite or beyond float16: {names}")
        self._ids += ids
        self._features.append(features_ND)
        if len(self._ids) >= self._rows_per_shard:
            self._write_shard()

    def finish(self) -> FeatureBank:
        """Write what is left and the manifest.

        Returns:
            The finished bank.

        Raises:
            FeatureBankError: If an id occurs twice.
        """
        if self._ids:
            self._write_shard()
        ids = self.done_ids
        if ids.n_unique() != len(ids):
            twice = ids.filter(ids.is_duplicated()).unique(maintain_order=True).head(10).to_list()
            raise FeatureBankError(f"ids occur more than once in the bank {self._folder}: {twice}")
        content = {
            "format": FORMAT,
            "rows": len(ids),
            "shards": [shard.path.name for shard in self._shards],
            "fingerprint": _fingerprint(self._shards),
        }
        _write_json(self._folder / MANIFEST, content | self._arguments)
        (self._folder / DRAFT).unlink(missing_ok=True)
        return FeatureBank.open(self._folder)

    @property
    def _arguments(self) -> dict[str, Any]:
        return {"dim": self._dim, "rows_per_shard": self._rows_per_shard, "metadata": self._metadata}

    def _whole_shards(self) -> list[Shard]:
        """What an interrupted writer with the same arguments has left, else nothing."""
        begun = next((path for name in (DRAFT, MANIFEST) if (path := self._folder / name).exists()), None)
        if begun is None or not self._arguments.items() <= json.loads(begun.read_text(encoding="utf-8")).items():
            remove(self._folder)
            _write_json(self._folder / DRAFT, self._arguments)
        remove_partials(self._folder)
        return [Shard.open(file) for file in sorted(self._folder.glob("features-*.safetensors"))]

    def _write_shard(self) -> None:
        path = self._folder / f"features-{len(self._shards):05d}.safetensors"
        self._shards.append(Shard.write(path, self._ids, np.concatenate(self._features)))
        self._ids, self._features = [], []


def _fingerprint(shards: list[Shard]) -> str:
    return hashlib.sha256("".join(shard.digest for shard in shards).encode()).hexdigest()


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
