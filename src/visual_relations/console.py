"""The console of logs and commands: as wide as the terminal, and wide enough for tables where there is none."""

from __future__ import annotations

import os
import sys

from rich.console import Console

FILE_WIDTH = 160  # rich takes 80 for files and pipes, which breaks the rows of a table in two

CONSOLE = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else FILE_WIDTH)
