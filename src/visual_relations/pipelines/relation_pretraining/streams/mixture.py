"""The batches of a training: one stream per optimiser step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from visual_relations.pipelines.relation_pretraining.streams.order import Schedule
from visual_relations.vision_language.batches import Batch


class Stream(Protocol):
    """Batches by number."""

    def batch(self, number: int, step: int, rng: np.random.Generator) -> Batch:
        """Batch `number` of this stream; everything random comes from `rng`."""
        ...


class Mixture(Dataset[Batch]):
    """Batch `number` of a training: its step says which stream it is of.

    Args:
        streams: By name.
        schedule: Stream by step.
        accumulate: Batches per step, all of one stream.
        seed: Of everything drawn within batches.
    """

    def __init__(self, streams: Mapping[str, Stream], schedule: Schedule, accumulate: int, seed: int) -> None:
        self._streams, self._schedule, self._accumulate, self._seed = streams, schedule, accumulate, seed

    def __getitem__(self, number: int) -> Batch:
        """Build a batch."""
        step, place = divmod(number, self._accumulate)
        name, before = self._schedule.at(step)
        rng = np.random.default_rng([self._seed, number])
        return self._streams[name].batch(before * self._accumulate + place, step, rng)


class Ahead:
    """The same batches, built ahead of time by other processes.

    Args:
        batches: What to build; is copied to each worker.
        total: Number of batches in all.
        workers: Processes.
    """

    def __init__(self, batches: Mixture, total: int, workers: int) -> None:
        self._batches, self._total, self._workers = batches, total, workers
        self._stride = 1
        self._last: int | None = None
        self._stream: Iterator[Any] = iter(())
        self._expected: int | None = None

    def __getitem__(self, number: int) -> Batch:
        """Batch `number`; quick when numbers are asked for at a constant stride."""
        if number != self._expected:
            stride = 1 if self._last is None or number <= self._last else number - self._last
            wanted = range(number, self._total, stride)
            loader = DataLoader(
                self._batches,
                batch_size=None,
                sampler=wanted,
                num_workers=self._workers,
                multiprocessing_context="spawn",  # polars' threads do not survive a fork
                generator=torch.Generator(),  # else the training's own random state would move
            )
            self._stream, self._stride = iter(loader), stride
        self._last, self._expected = number, number + self._stride
        batch: Batch = next(self._stream)
        return batch
