"""Benchmarks of image-text matching as two catalog entries: probe items, and retrieval collections."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import polars as pl
from kedro.io import AbstractDataset, DatasetError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from visual_relations.datasets.probes import aro, comparisons, pairs, retrieval
from visual_relations.metrics.matching.items import CELL_SCHEMA, cell_table

READERS: dict[str, Callable[..., Any]] = {
    "vsr": comparisons.read_vsr,
    "valse": comparisons.read_valse,
    "sugarcrepe": comparisons.read_sugarcrepe,
    "sugarcrepe_pp": comparisons.read_sugarcrepe_pp,
    "foils": comparisons.read_foils,
    "aro_order": comparisons.read_aro_order,
    "whatsup": comparisons.read_whatsup,
    "aro_relation": aro.read_aro_relation,
    "aro_attribution": aro.read_aro_attribution,
    "svo_probes": pairs.read_svo_probes,
    "winoground": pairs.read_winoground,
    "cola": pairs.read_cola,
    "bivlc": pairs.read_bivlc,
}
RETRIEVAL_READERS: dict[str, Callable[..., Any]] = {
    "list": retrieval.read_retrieval_list,
    "karpathy": retrieval.read_karpathy,
    "coco_captions": retrieval.read_coco_captions,
    "paragraphs": retrieval.read_paragraphs,
}


class Source(BaseModel):
    """Where one split of one benchmark lies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark: str = Field(min_length=1, description="as in the metric table, e.g. vsr_random or sample_world/vsr")
    split: str = Field("test", description="a split called dev chooses thresholds")
    reader: str
    path: str = Field(description="file or folder below the entry's filepath")
    options: dict[str, Any] = Field({}, description="of the reader; those that end in .json or .txt are paths too")


class _BenchmarkDataset(AbstractDataset[NoReturn, pl.DataFrame]):
    """Read-only; see the two classes below.

    Args:
        filepath: Folder that all paths are relative to.
        sources: What is read, see `Source`.
        optional: Leave out sources whose file is not there, instead of failing.
        metadata: For Kedro-Viz.
    """

    readers: dict[str, Callable[..., Any]]

    def __init__(
        self,
        filepath: str,
        sources: list[dict[str, Any]],
        *,
        optional: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._sources = TypeAdapter(list[Source]).validate_python(sources)
        self._optional = optional
        self.metadata = metadata
        if unknown := sorted({source.reader for source in self._sources} - self.readers.keys()):
            raise DatasetError(f"no reader {unknown}; there are {sorted(self.readers)}")

    def load(self) -> pl.DataFrame:
        """Read all sources into one table.

        Raises:
            AnnotationError: If a file is absent or holds something else, naming file, record and remedy.
        """
        present = [s for s in self._sources if not self._optional or (self._filepath / s.path).exists()]
        return pl.concat([self._empty(), *(self._read(source) for source in present)])

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: published benchmarks are never edited."""
        raise DatasetError(f"{type(self).__name__} is read-only: {self._filepath}")

    def _content(self, source: Source) -> Any:
        options = {
            name: str(self._filepath / value) if str(value).endswith((".json", ".txt")) else value
            for name, value in source.options.items()
        }
        return self.readers[source.reader](self._filepath / source.path, **options)

    @abstractmethod
    def _read(self, source: Source) -> pl.DataFrame: ...

    @abstractmethod
    def _empty(self) -> pl.DataFrame: ...

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "sources": [source.benchmark for source in self._sources]}

    def _exists(self) -> bool:
        return self._filepath.is_dir()


class ProbesDataset(_BenchmarkDataset):
    """Probe items; loads `metrics.matching.items.CELL_SCHEMA`."""

    readers = READERS

    def _read(self, source: Source) -> pl.DataFrame:
        return cell_table(source.benchmark, source.split, self._content(source))

    def _empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=CELL_SCHEMA)


class RetrievalDataset(_BenchmarkDataset):
    """Retrieval collections; loads `retrieval.RETRIEVAL_SCHEMA`."""

    readers = RETRIEVAL_READERS

    def _read(self, source: Source) -> pl.DataFrame:
        path = self._filepath / source.path
        return retrieval.retrieval_table(source.benchmark, source.split, self._content(source), path)

    def _empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=retrieval.RETRIEVAL_SCHEMA)
