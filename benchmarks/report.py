"""What a benchmark reports: a ratio of two timings taken in the same run, and the target it has to reach."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.table import Table

from visual_relations.console import CONSOLE


@dataclass(frozen=True)
class Row:
    """One comparison; `ratio` is better when larger unless the note says otherwise."""

    name: str
    ours_seconds: float
    reference_seconds: float
    ratio: float
    target: str
    passed: bool
    note: str = ""


def best_of(function: Callable[[], object], repeats: int = 3) -> float:
    """Shortest wall-clock seconds of several calls: the least disturbed one."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def show(rows: Iterable[Row]) -> bool:
    """Print the rows as a table.

    Returns:
        Whether every target was reached.
    """
    table = Table("benchmark", "ours [s]", "reference [s]", "ratio", "target", "", "note")
    passed = True
    for row in rows:
        mark = "[green]ok[/]" if row.passed else "[red]missed[/]"
        table.add_row(
            row.name,
            f"{row.ours_seconds:.4g}",
            f"{row.reference_seconds:.4g}",
            f"{row.ratio:.3g}",
            row.target,
            mark,
            row.note,
        )
        passed &= row.passed
    CONSOLE.print(table)
    return passed
