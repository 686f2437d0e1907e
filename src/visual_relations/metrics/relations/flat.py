"""Annotated images and scored candidate pairs as flat arrays: image i owns rows `offsets[i]:offsets[i + 1]`.

Legend: I images, N boxes, M relations, P candidate pairs, R predicates, C score columns (R, and the background).
Classes and predicates are 0-based; the background, where there is one, is column 0 of the scores and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer]
Floats = npt.NDArray[np.floating]


def image_of(offsets: Ints) -> npt.NDArray[np.int64]:
    """Image number of every row."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _check_offsets(name: str, offsets: Ints, n_rows: int) -> None:
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != n_rows or (np.diff(offsets) < 0).any():
        raise ValueError(f"{name} must rise from 0 to the {n_rows} rows it divides")


@dataclass(frozen=True)
class SceneGraphs:
    """Ground truth. Duplicate relations and several predicates on a pair stay: each counts.

    Attributes:
        box_offsets: (I + 1,).
        boxes: (N, 4) x1, y1, x2, y2 in pixels of any one scale per image; inclusive corners.
        classes: (N,) object classes.
        relation_offsets: (I + 1,).
        relations: (M, 3) subject index, object index (0-based within the image), predicate.
    """

    box_offsets: Ints
    boxes: Floats
    classes: Ints
    relation_offsets: Ints
    relations: Ints

    def __post_init__(self) -> None:
        _check_offsets("box_offsets", self.box_offsets, len(self.boxes))
        _check_offsets("relation_offsets", self.relation_offsets, len(self.relations))
        if len(self.box_offsets) != len(self.relation_offsets) or len(self.boxes) != len(self.classes):
            raise ValueError("boxes, classes and relations are not of the same images")
        sizes_M = np.diff(self.box_offsets)[image_of(self.relation_offsets)]
        bad = (self.relations[:, :2] >= sizes_M[:, None]).any(1) | (self.relations < 0).any(1)
        if bad.any():
            raise ValueError(f"relation {int(bad.argmax())} names an object its image does not have, or is negative")

    @property
    def n_images(self) -> int:
        """I."""
        return len(self.box_offsets) - 1

    def images(self, start: int, stop: int) -> SceneGraphs:
        """The images `start:stop` alone."""
        box, relation = self.box_offsets[start : stop + 1], self.relation_offsets[start : stop + 1]
        rows = slice(box[0], box[-1])
        return SceneGraphs(
            box - box[0],
            self.boxes[rows],
            self.classes[rows],
            relation - relation[0],
            self.relations[relation[0] : relation[-1]],
        )


@dataclass(frozen=True)
class Candidates:
    """Scored ordered pairs of the same images; a pair is listed once.

    Attributes:
        pair_offsets: (I + 1,).
        pairs: (P, 2) subject index, object index (0-based within the image).
        scores: (P, C) probabilities of the predicates.
        background: Whether column 0 is the background (never predicted, but it takes its share of the mass).
        weights: (P,) factor on all scores of a pair, e.g. subject times object score of a detector; None: ones.
    """

    pair_offsets: Ints
    pairs: Ints
    scores: Floats
    background: bool
    weights: Floats | None = None

    def __post_init__(self) -> None:
        _check_offsets("pair_offsets", self.pair_offsets, len(self.pairs))
        if len(self.scores) != len(self.pairs):
            raise ValueError(f"{len(self.pairs)} pairs but {len(self.scores)} rows of scores")

    @property
    def n_images(self) -> int:
        """I."""
        return len(self.pair_offsets) - 1

    @property
    def n_predicates(self) -> int:
        """R."""
        return self.scores.shape[1] - self.background

    def foreground(self) -> Floats:
        """Scores without the background, weighted, (P, R)."""
        foreground_PR = self.scores[:, 1:] if self.background else self.scores
        if self.weights is not None:
            foreground_PR = foreground_PR * self.weights[:, None]
        return foreground_PR

    def images(self, start: int, stop: int) -> Candidates:
        """The images `start:stop` alone."""
        offsets = self.pair_offsets[start : stop + 1]
        rows = slice(offsets[0], offsets[-1])
        weights = None if self.weights is None else self.weights[rows]
        return Candidates(offsets - offsets[0], self.pairs[rows], self.scores[rows], self.background, weights)

    def chunks(self, max_pairs: int) -> Iterator[tuple[int, int]]:
        """Ranges of images with at most `max_pairs` pairs together (or one image)."""
        start = 0
        while start < self.n_images:
            limit = self.pair_offsets[start] + max_pairs
            stop = int(np.searchsorted(self.pair_offsets, limit, side="right")) - 1
            stop = min(max(stop, start + 1), self.n_images)
            yield start, stop
            start = stop
