"""Which samples make up a batch: a pure function of its number, so that training resumes at the same sample.

A stream goes through its collection in a new random order every epoch. One batch is of one stream; which one each step
takes is drawn in advance by the streams' ratios.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
T = TypeVar("T")

BLOCKS_AT_ONCE = 4


class Order:
    """Endless shuffled passes over the rows of a collection.

    Args:
        n_rows: How many there are.
        seed: Of the shuffling.
        blocks: Number of the block each row lies in (rising); then blocks are shuffled, and rows only among
            `BLOCKS_AT_ONCE` neighbouring blocks, so that shards are read in long pieces. None: all rows are shuffled.
    """

    def __init__(self, n_rows: int, seed: int, blocks: Ints | None = None) -> None:
        if n_rows < 1:
            raise ValueError("a stream has no samples: look at the tables it is made of")
        self.n_rows = n_rows
        self._seed = seed
        self._blocks = blocks
        self._epoch = -1
        self._permutation: Ints = np.zeros(0, dtype=np.int64)

    def row(self, place: int) -> int:
        """Row at a place of the endless sequence."""
        epoch, within = divmod(place, self.n_rows)
        if epoch != self._epoch:
            self._permutation = self._shuffle(np.random.default_rng([self._seed, epoch]))
            self._epoch = epoch
        return int(self._permutation[within])

    def _shuffle(self, rng: np.random.Generator) -> Ints:
        if self._blocks is None:
            return rng.permutation(self.n_rows)
        window = rng.permutation(int(self._blocks[-1]) + 1)[self._blocks] // BLOCKS_AT_ONCE
        return np.lexsort((rng.random(self.n_rows), window))

    def take(self, number: int, batch: int, load: Callable[[int], T | None]) -> list[tuple[int, T]]:
        """Rows of a batch with what was loaded for them; a row that cannot be loaded is replaced by the next that can.

        Raises:
            ValueError: If none can.
        """
        return [self._load(self.row(place), load) for place in range(number * batch, (number + 1) * batch)]

    def _load(self, row: int, load: Callable[[int], T | None]) -> tuple[int, T]:
        for step in range(self.n_rows):
            candidate = (row + step) % self.n_rows
            if (loaded := load(candidate)) is not None:
                return candidate, loaded
        raise ValueError(f"none of {self.n_rows} samples can be used: all their pictures are missing or broken")


class Schedule:
    """Which stream every step takes.

    Args:
        ratios: Share of steps by stream; any positive numbers.
        steps: Optimiser steps in all.
        seed: Of the draw.
    """

    def __init__(self, ratios: Mapping[str, float], steps: int, seed: int) -> None:
        self.names = [name for name, ratio in ratios.items() if ratio > 0]
        if not self.names:
            raise ValueError("no stream has a positive ratio: there is nothing to train on")
        shares = np.array([ratios[name] for name in self.names])
        rng = np.random.default_rng([seed, len(self.names)])
        self._stream = rng.choice(len(self.names), size=steps, p=shares / shares.sum()).astype(np.int8)
        self._nth = np.zeros(steps, dtype=np.int64)
        for index in range(len(self.names)):
            own = self._stream == index
            self._nth[own] = np.arange(own.sum())

    def at(self, step: int) -> tuple[str, int]:
        """Stream of a step, and how many steps took it before."""
        return self.names[self._stream[step]], int(self._nth[step])
