"""A shard of a feature bank: one safetensors file of float16 rows, and their ids beside it.

Legend: N rows, D feature width.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
from safetensors.numpy import save_file

from visual_relations.artefacts.atomic import atomic_path

Features = npt.NDArray[np.float16]


class FeatureBankError(ValueError):
    """A bank is damaged or features do not fit into it."""


@dataclass(frozen=True)
class Shard:
    """One file of consecutive rows."""

    path: Path
    rows: int
    dim: int
    offset: int  # of the first feature in the file, bytes
    digest: str

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read a shard's header (safetensors: 8 bytes of length, then JSON); the features stay on the disk.

        Raises:
            FeatureBankError: If the file is not a whole shard.
        """
        try:
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(length))
            entry = header["features"]
            rows, dim = entry["shape"]
            start, end = entry["data_offsets"]
            digest, whole = header["__metadata__"]["digest"], path.stat().st_size == 8 + length + end
        except (OSError, ValueError, KeyError) as error:
            raise FeatureBankError(f"{path} is not a shard of a feature bank ({error}); extract again") from error
        if entry["dtype"] != "F16" or not whole:
            raise FeatureBankError(f"{path} is damaged: its size or type is not what its header says; extract again")
        return cls(path, rows, dim, 8 + length + start, digest)

    @classmethod
    def write(cls, path: Path, ids: list[str], features_ND: Features) -> Self:
        """Write a shard, whole or not at all."""
        digest = hashlib.sha256(features_ND.tobytes() + "\0".join(ids).encode()).hexdigest()
        # The shard counts once its features have their name; so the ids go first.
        with atomic_path(_ids_path(path)) as temporary:
            pl.DataFrame({"id": ids}, schema={"id": pl.String}).write_parquet(temporary)
        with atomic_path(path) as temporary:
            save_file({"features": np.ascontiguousarray(features_ND)}, temporary, metadata={"digest": digest})
        return cls.open(path)

    def read(self, rows: npt.NDArray[np.int64] | slice) -> Features:
        """Copy rows out. The map lives only for this call, so that memory never holds more than one shard's pages."""
        if not self.rows:
            return np.zeros((0, self.dim), np.float16)[rows]
        shape = (self.rows, self.dim)
        return np.array(np.memmap(self.path, np.float16, mode="r", offset=self.offset, shape=shape)[rows])

    @property
    def ids(self) -> pl.Series:
        """Ids of the rows."""
        return pl.read_parquet(_ids_path(self.path))["id"]


def _ids_path(features_path: Path) -> Path:
    return features_path.with_name(features_path.name.replace("features-", "ids-")).with_suffix(".parquet")
