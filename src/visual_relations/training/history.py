"""What a training reports: means over some steps, validation values, the best validation so far."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from torch import Tensor

SCHEMA = pl.Schema({"step": pl.Int64(), "split": pl.String(), "name": pl.String(), "value": pl.Float64()})


@dataclass
class History:
    """Rows [step, split, name, value] and the running sums of the steps since the last row.

    Attributes:
        keep_best: Validation value whose best step is remembered: larger is better, with a leading "-" smaller is.
    """

    keep_best: str | None = None
    rows: list[tuple[int, str, str, float]] = field(default_factory=list)
    best: float = -math.inf
    sums: dict[str, Tensor | float] = field(default_factory=dict)
    n_steps: int = 0

    def add(self, values: dict[str, Tensor]) -> None:
        """Add the values of one step; they stay on their device, so that nothing waits for them."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.n_steps += 1

    def flush(self, step: int, **more: float) -> dict[str, float]:
        """Write the means since the last flush, and more values as they are, as rows.

        Raises:
            FloatingPointError: If a mean is NaN or infinite.
        """
        self._check_finite(step)
        means = {name: float(total) / self.n_steps for name, total in self.sums.items()} | more
        self.rows += [(step, "train", name, value) for name, value in means.items()]
        self.sums, self.n_steps = {}, 0
        return means

    def add_validation(self, step: int, values: dict[str, float]) -> bool:
        """Add validation values; returns whether they are the best so far.

        Raises:
            KeyError: If `keep_best` is not among the values.
        """
        self.rows += [(step, "val", name, float(value)) for name, value in values.items()]
        if self.keep_best is None:
            return False
        name = self.keep_best.removeprefix("-")
        if name not in values:
            raise KeyError(f"keep_best={self.keep_best!r} is not among the validation values {sorted(values)}")
        value = -values[name] if self.keep_best.startswith("-") else values[name]
        better = value > self.best
        self.best = max(self.best, value)
        return better

    def frame(self) -> pl.DataFrame:
        """All rows."""
        return pl.DataFrame(self.rows, schema=SCHEMA, orient="row")

    def state(self, step: int) -> dict[str, Any]:
        """Everything, JSON-able, for a checkpoint; a checkpoint of a broken training is refused."""
        self._check_finite(step)
        sums = {name: float(total) for name, total in self.sums.items()}
        best = None if self.best == -math.inf else self.best
        return {"rows": self.rows, "best": best, "sums": sums, "n_steps": self.n_steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.rows = [tuple(row) for row in state["rows"]]
        self.best = -math.inf if state["best"] is None else state["best"]
        self.sums, self.n_steps = dict(state["sums"]), state["n_steps"]

    def _check_finite(self, step: int) -> None:
        for name, total in self.sums.items():
            if not math.isfinite(float(total)):
                raise FloatingPointError(
                    f"{name!r} became {float(total)} within the {self.n_steps} steps up to step {step}: lower the "
                    "learning rate, set clip_norm, use precision fp32 or bf16, or look for broken features in the input"
                )
