"""Probe items are chosen so that the language alone is right half the time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_relations.pipelines.sample_world.refinement import language_gap, refine

WORLD = Path(__file__).parents[3] / "data" / "01_raw" / "sample_world"


def test_texts_with_alternatives_fill_the_scarcer_sign():
    gaps = np.array([0.3, 0.1, -0.2, 0.5, -0.4, 0.2])
    groups = ["a", "b", "b", "c", "c", "d"]
    assert refine(list("ABbCcD"), gaps, groups) == ["A", "b", "c", "D"]


def test_of_the_commoner_sign_the_closest_stay():
    assert refine(list("ABCD"), np.array([0.3, 0.1, -0.9, 0.2]), [0, 1, 2, 3]) == ["B", "C"]
    assert refine(list("AB"), np.array([0.3, 0.1]), [0, 1]) == []


@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 9)), max_size=40), st.integers(2, 20))
def test_signs_are_balanced_and_groups_are_used_once(rows, most):
    gaps, groups = np.array([gap for gap, _ in rows]), [group for _, group in rows]
    kept = refine(range(len(rows)), gaps, groups, most)
    assert len(kept) <= most
    assert kept == sorted(kept)
    assert len({groups[place] for place in kept}) == len(kept)
    assert sum(gaps[place] > 0 for place in kept) * 2 == len(kept)


@pytest.fixture(scope="module")
def gap():
    return language_gap({path.name: path.read_bytes() for path in (WORLD / "language_model").iterdir()})


FILES = [path for folder in ("valse", "sugarcrepe") for path in sorted((WORLD / "probes" / folder).glob("*.json"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_committed_items_give_nothing_away(path, gap):
    items = list(json.loads(path.read_text()).values())
    wrong = "foil" if path.parent.name == "valse" else "negative_caption"
    gaps = gap([item["caption"] for item in items], [item[wrong] for item in items])
    assert len(items) >= 20
    assert np.mean(gaps > 0) == pytest.approx(0.5, abs=0.05)


def test_the_committed_foils_give_nothing_away(gap):
    foils = [json.loads(line) for line in (WORLD / "probes" / "foils.jsonl").read_text().splitlines()]
    for kind in ("relation", "object", "attribute"):
        chosen = [foil for foil in foils if foil["kind"] == kind]
        gaps = gap([foil["caption"] for foil in chosen], [foil["foil"] for foil in chosen])
        assert len(chosen) >= 100
        assert np.mean(gaps > 0) == pytest.approx(0.5, abs=0.05)
