"""Run all benchmarks, or those named: `python -m benchmarks [features retrieval …]`; `make bench`."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

# Quiet, offline and reproducible before anything heavy is imported.
os.environ.update(DO_NOT_TRACK="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

from benchmarks.report import Row, show


def main(names: list[str]) -> int:
    """Run the benchmarks one after the other; the exit code tells whether all targets were reached."""
    available = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    if unknown := set(names) - set(available):
        sys.stderr.write(f"no such benchmark: {sorted(unknown)}; there are {available}\n")
        return 2
    rows: list[Row] = []
    for name in names or available:
        sys.stderr.write(f"… {name}\n")
        rows += importlib.import_module(f"benchmarks.bench_{name}").run()
    return 0 if show(rows) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
