"""Say where the newest reports of a pipeline lie: `python -m visual_relations.where_to_look crepe`."""

from __future__ import annotations

import sys
from pathlib import Path

from visual_relations.console import CONSOLE

REPORTING = Path("data") / "08_reporting"


def newest_reports(pipeline: str, folder: Path = REPORTING) -> list[Path]:
    """The newest version of each HTML page of a pipeline, whatever world it was made on."""
    pages: dict[Path, Path] = {}
    for page in sorted(folder.glob(f"*/{pipeline}*/**/*.html")) + sorted(folder.glob(f"*/{pipeline}*.html/**/*.html")):
        if page.is_file():
            pages[page.parents[1] / page.name] = page
    return list(pages.values())


def main(arguments: list[str]) -> int:
    """Print the pages, or what to run first."""
    pages = [page for name in arguments for page in newest_reports(name)]
    if not pages:
        CONSOLE.print(f"No report yet. Run first: kedro run --pipelines={','.join(arguments) or 'crepe'}")
        return 1
    for page in pages:
        CONSOLE.print(f"Open in a browser: {page}")
    CONSOLE.print("Explore the lineage: make viz")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
