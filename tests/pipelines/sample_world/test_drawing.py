"""Drawing: boxes are those of visible pixels; relations look different."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visual_relations.pipelines.sample_world.canvas import HEIGHT, WIDTH, Frame, Sketch
from visual_relations.pipelines.sample_world.captions import PER_IMAGE, caption_texts
from visual_relations.pipelines.sample_world.catalogue import KINDS
from visual_relations.pipelines.sample_world.families import FAMILIES
from visual_relations.pipelines.sample_world.plausibility import fits
from visual_relations.pipelines.sample_world.scenes import ARRANGEMENTS, Scene, draw_scene
from visual_relations.pipelines.sample_world.stage import Stage


@pytest.mark.parametrize("name", sorted(KINDS.keys() - {"street", "water"}))
def test_the_box_of_a_thing_is_where_the_picture_changes(name):
    empty, with_thing = (Stage(random.Random(5), indoors=False, horizon=140.0) for _ in range(2))
    thing = with_thing.place(name, 96.0, 90.0, 40.0)
    empty.rng, with_thing.rng = random.Random(5), random.Random(5)  # the same backdrop
    before, _ = empty.finish()
    after, _ = with_thing.finish()
    changed = np.abs(np.asarray(before, np.int16) - np.asarray(after, np.int16)).sum(axis=2) > 60
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    edges = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    assert np.abs(np.subtract(thing.box, edges)).max() <= 3  # pale edges change the picture by less than the threshold


def test_a_hidden_thing_gets_the_box_of_what_can_be_seen():
    stage = Stage(random.Random(1), indoors=False, horizon=80.0)
    hidden = stage.place("ball", 96.0, 100.0, 60.0)
    stage.patch([(90.0, 80.0), (96.0, 80.0), (96.0, 101.0), (80.0, 101.0), (80.0, 80.0)], (10, 10, 10), 200.0)
    stage.finish()
    assert hidden.box is not None
    assert hidden.box[0] >= 95


@given(st.floats(-1, 1), st.floats(-1, 1), st.booleans(), st.floats(-90, 90))
def test_a_frame_keeps_distances(x, y, flip, degrees):
    frame = Frame(50.0, 60.0, 30.0, flip, degrees)
    px, py = frame.to_picture((x, y))
    assert np.hypot(px - 50, py - 60) == pytest.approx(30 * np.hypot(x, y), abs=1e-6)


def test_a_part_lies_within_the_bounds_of_its_thing():
    sketch = Sketch(Frame(96.0, 110.0, 60.0))
    KINDS["car"].draw(sketch, "standing", (200, 0, 0))
    x1, y1, x2, y2 = sketch.parts["wheel"]
    assert sketch.bounds[0] <= x1 < x2 <= sketch.bounds[2]
    assert sketch.bounds[1] <= y1 < y2 <= sketch.bounds[3]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6))
def test_every_seed_gives_a_scene_that_survives_json_and_tells_five_captions(seed):
    picture, scene = draw_scene(f"test:{seed}")
    again = Scene.from_json(scene.to_json())
    assert again.to_json() == scene.to_json()
    assert picture.size == (WIDTH, HEIGHT)
    assert scene.main
    assert all(thing.box is not None for thing in scene.things)
    texts = [caption_texts(s, s.ground, random.Random(seed)) for s in (scene, again)]
    assert texts[0] == texts[1]
    assert len(texts[0]) == PER_IMAGE


def test_the_same_seed_gives_the_same_picture():
    (first, _), (second, _) = (draw_scene("test:same") for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_every_family_knows_how_its_relations_look_and_leaves_a_choice():
    for family in FAMILIES:
        assert family.predicates.keys() <= ARRANGEMENTS.keys()
        for subject in set(family.subjects):
            for other in set(family.objects) - {subject}:
                possible = [predicate for predicate in family.predicates if fits(subject, predicate, other)]
                # Only in the deep water there is nothing to choose: one is in it.
                assert len(possible) >= 2 or other == "water", (family.name, subject, other)
