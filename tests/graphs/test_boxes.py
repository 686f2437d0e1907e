"""Every order and unit in which formats write boxes, against boxes drawn into a picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from visual_relations.graphs import boxes

WIDTH, HEIGHT = 800, 500
X1, Y1, X2, Y2 = 120, 60, 440, 310


def drawn() -> tuple[int, int, int, int]:
    """A box as the pixels of a picture show it: the first and the last plus one of each axis."""
    picture = np.zeros((HEIGHT, WIDTH), dtype=bool)
    picture[Y1:Y2, X1:X2] = True
    rows, columns = np.flatnonzero(picture.any(1)), np.flatnonzero(picture.any(0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def column(*values: float) -> list[np.ndarray]:
    return [np.array([value], dtype=np.float32) for value in values]


@pytest.mark.parametrize(
    "found",
    [
        boxes.from_corner_and_size(*column(X1, Y1, X2 - X1, Y2 - Y1)),
        boxes.from_row_and_column_ranges(*column(Y1, Y2, X1, X2)),
        boxes.from_relative_ranges(*column(X1 / WIDTH, X2 / WIDTH, Y1 / HEIGHT, Y2 / HEIGHT, WIDTH, HEIGHT)),
    ],
    ids=["visual_genome", "vrd", "open_images"],
)
def test_a_drawn_box_comes_back(found: boxes.Boxes):
    assert_allclose(np.concatenate(found), drawn(), rtol=1e-5)


def test_the_scale_of_1024_is_undone_with_the_references_integer_corner():
    # By hand: cx 358, cy 237, w 409, h 321 at 1024 / 800; the corner 358 - 204.5 = 153.5 is cut to 153.
    found = boxes.from_centre_at_1024(np.array([[358, 237, 409, 321]]), np.array([WIDTH]))
    assert_allclose(np.concatenate(found), np.array([153, 76, 153 + 409, 76 + 321]) * WIDTH / 1024, rtol=1e-6)


def test_negative_corners_are_cut_towards_zero():
    x1, *_ = boxes.from_centre_at_1024(np.array([[1, 5, 5, 5]]), np.array([1024]))
    assert x1[0] == -1  # 1 - 2.5 = -1.5


@settings(deadline=None)
@given(st.integers(0, 700), st.integers(0, 700), st.integers(1, 300), st.integers(1, 300), st.integers(300, 1600))
def test_the_round_trip_over_1024_is_off_by_rounding_only(x: int, y: int, w: int, h: int, longer: int):
    scale = 1024 / longer
    box = np.array([[round((x + w / 2) * scale), round((y + h / 2) * scale), round(w * scale), round(h * scale)]])
    found = np.concatenate(boxes.from_centre_at_1024(box, np.array([longer])))
    assert np.abs(found - [x, y, x + w, y + h]).max() <= 2.5 / scale + 1e-3
