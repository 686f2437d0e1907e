"""Retrieval metrics of the size of COCO's Karpathy test split."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import numpy as np

from benchmarks.report import Row, best_of, show
from visual_relations.metrics.matching.retrieval import image_ranks, recall_rows, text_ranks

IMAGES, TEXTS = 5_000, 25_010
LIMIT_SECONDS, LIMIT_GIB = 20, 2.0


def run() -> list[Row]:
    scores, owners = _collection(IMAGES // 5, TEXTS // 5)
    ours_small = best_of(lambda: _measure(scores, owners))
    sorting = best_of(lambda: _by_sorting(scores, owners), repeats=1)
    small = Row(
        "retrieval ranks, 1,000 x 5,002",
        ours_small,
        sorting,
        sorting / ours_small,
        "> 1",
        sorting > ours_small,
        "reference: argsort of every row and column",
    )
    seconds, gib = map(
        float,
        subprocess.run(
            [sys.executable, "-m", "benchmarks.bench_matching", "full"], capture_output=True, text=True, check=True
        ).stdout.split(),
    )
    full = Row(
        "… 5,000 x 25,010",
        seconds,
        LIMIT_SECONDS,
        LIMIT_SECONDS / seconds,
        f"< {LIMIT_SECONDS} s, < {LIMIT_GIB:g} GiB",
        seconds < LIMIT_SECONDS and gib < LIMIT_GIB,
        f"peak {gib:.2f} GiB",
    )
    return [small, full]


def _collection(images: int, texts: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    owners = np.minimum(np.arange(texts) // 5, images - 1)
    scores = rng.random((images, texts), dtype=np.float32)
    scores[owners, np.arange(texts)] += rng.random(texts, dtype=np.float32)
    return scores, owners


def _measure(scores: np.ndarray, owners: np.ndarray) -> list[dict]:
    return recall_rows(text_ranks(scores, owners), image_ranks(scores, owners))


def _by_sorting(scores: np.ndarray, owners: np.ndarray) -> None:
    """The original programs' way."""
    for image, row in enumerate(scores):
        order = np.argsort(row)[::-1]
        min(np.flatnonzero(order == text)[0] for text in np.flatnonzero(owners == image))
    for text, column in enumerate(scores.T):
        np.flatnonzero(np.argsort(column)[::-1] == owners[text])[0]


def _full() -> None:
    scores, owners = _collection(IMAGES, TEXTS)
    start = time.perf_counter()
    _measure(scores, owners)
    seconds = time.perf_counter() - start
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


if __name__ == "__main__":
    if "full" in sys.argv:
        _full()
    else:
        raise SystemExit(0 if show(run()) else 1)
