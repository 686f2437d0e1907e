"""Progress with rate and time left: a bar on a terminal, now and then a line in a log."""

from __future__ import annotations

import logging
import sys
import time
from datetime import timedelta
from typing import Self

from tqdm import tqdm

logger = logging.getLogger(__name__)

LOG_EVERY_SECONDS = 30.0


class Progress:
    """Count work done; use as a context manager.

    Args:
        total: Units of work in all.
        description: What is being done.
        unit: What is counted, in the plural ("images").
        initial: Units that an earlier, interrupted run has done.
    """

    def __init__(self, total: int, description: str, unit: str = "steps", initial: int = 0) -> None:
        self._total, self._description, self._unit = total, description, unit
        self._initial = self._done = initial
        self._start = self._logged = time.monotonic()
        self._values = ""
        self._bar = None
        if sys.stderr.isatty():
            self._bar = tqdm(total=total, initial=initial, desc=description, unit=f" {unit}", dynamic_ncols=True)

    def __enter__(self) -> Self:
        if self._initial:
            logger.info("%s: continues after %d of %d %s", self._description, self._initial, self._total, self._unit)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()
        if exception[0] is None and self._done > self._initial:
            logger.info("%s: %s", self._description, self.summary())

    def advance(self, n: int = 1, **values: float) -> None:
        """Note `n` more units, with values worth showing beside them (e.g. the loss)."""
        self._done += n
        if values:
            self._values = "".join(f", {name} {value:.4g}" for name, value in values.items())
        if self._bar is not None:
            self._bar.update(n)
            if values:
                self._bar.set_postfix_str(self._values.removeprefix(", "), refresh=False)
        elif time.monotonic() - self._logged >= LOG_EVERY_SECONDS and self._done < self._total:
            self._logged = time.monotonic()
            logger.info("%s: %s", self._description, self.summary())

    def summary(self) -> str:
        """Done, rate and time left in words."""
        seconds = max(time.monotonic() - self._start, 1e-9)
        rate = (self._done - self._initial) / seconds
        share = self._done / max(self._total, 1)
        text = f"{self._done:,} of {self._total:,} {self._unit} ({share:.0%}), {rate:,.1f} {self._unit}/s"
        if self._done < self._total:
            left = timedelta(seconds=round((self._total - self._done) / rate)) if rate else "unknown time"
            return f"{text}, {left} left{self._values}"
        return f"{text}, took {timedelta(seconds=round(seconds))}{self._values}"
