"""Tables as plain text for a log or a terminal."""

from __future__ import annotations

import io

import polars as pl
from rich.console import Console
from rich.table import Table


def text_table(table: pl.DataFrame, title: str = "", digits: int = 3) -> str:
    """Lay a frame out with aligned columns.

    Args:
        table: Text is set flush left, everything else flush right; a null shows as "-".
        title: Above the table.
        digits: Decimals of floating-point columns.
    """
    drawn = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for name, dtype in table.schema.items():
        drawn.add_column(name, justify="left" if dtype == pl.String else "right", no_wrap=True)
    for row in table.iter_rows():
        drawn.add_row(*(_text(value, digits) for value in row))
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(drawn)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in lines)


def _text(value: object, digits: int) -> str:
    if value is None:
        return "-"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)
