"""Box geometry: what it may not depend on, and that it stays finite."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from visual_relations.relation_heads.geometry import box_geometry

WIDTH, HEIGHT = 640, 480
side = st.integers(0, 300)


def table(
    subject: tuple[float, ...], target: tuple[float, ...], width: int = WIDTH, height: int = HEIGHT
) -> pl.DataFrame:
    names = [end + corner for end in "so" for corner in ("x1", "y1", "x2", "y2")]
    values = dict(zip(names, (*subject, *target), strict=True))
    return pl.DataFrame({name: [float(value)] for name, value in values.items()}).with_columns(
        width=pl.lit(width), height=pl.lit(height)
    )


def box(x: int, y: int, w: int, h: int) -> tuple[int, int, int, int]:
    return x, y, x + w, y + h


boxes = st.builds(box, side, side, st.integers(0, 200), st.integers(0, 150))


@given(boxes, boxes)
def test_every_pair_of_boxes_has_finite_geometry(subject: tuple[int, ...], target: tuple[int, ...]) -> None:
    assert np.isfinite(box_geometry(table(subject, target))).all()


@given(boxes, boxes)
def test_overlaps_are_shares_and_agree_with_the_metric(subject: tuple[int, ...], target: tuple[int, ...]) -> None:
    from visual_relations.metrics.relations.matching import iou

    geometry = box_geometry(table(subject, target))[0]
    expected = iou(np.array([subject], float), np.array([target], float))[0]
    assert np.isclose(geometry, expected, atol=1e-6).any()


def test_a_pair_far_away_differs_from_the_same_pair_in_the_corner_by_its_place_only() -> None:
    near = box_geometry(table((0, 0, 50, 40), (30, 10, 90, 60)))[0]
    far = box_geometry(table((200, 100, 250, 140), (230, 110, 290, 160)))[0]
    same = np.isclose(near, far, atol=1e-6)
    assert same.sum() == len(near) - 8  # the corners of both boxes


def test_swapping_the_ends_changes_the_geometry() -> None:
    a, b = (0, 0, 50, 40), (30, 10, 90, 60)
    assert not np.allclose(box_geometry(table(a, b)), box_geometry(table(b, a)))
