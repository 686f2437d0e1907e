from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from visual_relations.pipelines.relation_pretraining.build import World, build_batches
from visual_relations.pipelines.relation_pretraining.params import AugmentationParams, PretrainingParams
from visual_relations.pipelines.relation_pretraining.streams.mixture import Ahead
from visual_relations.pipelines.relation_pretraining.streams.order import Order, Schedule
from visual_relations.pipelines.relation_pretraining.streams.views import draw_view, draw_view_around, render
from visual_relations.vision_language.batches import CaptionBatch, RegionBatch, RelationBatch
from visual_relations.vision_language.losses.ignored import IGNORED
from visual_relations.vision_language.regions import View


def _flat(batch: Any) -> list[Any]:
    return [each for part in batch for each in (_flat(part) if isinstance(part, tuple) else [part])]


def _same(first: Any, second: Any) -> bool:
    pairs = zip(_flat(first), _flat(second), strict=True)
    return all(torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in pairs)


@given(st.integers(1, 40), st.integers(0, 100), st.integers(1, 5))
@settings(deadline=None)
def test_an_epoch_shows_every_row_once(n_rows: int, seed: int, epochs: int) -> None:
    order = Order(n_rows, seed)
    places = [[order.row(epoch * n_rows + place) for place in range(n_rows)] for epoch in range(epochs)]
    assert all(sorted(rows) == list(range(n_rows)) for rows in places)


def test_shards_are_read_in_long_pieces_and_still_completely() -> None:
    blocks = np.repeat(np.arange(12), 10)
    order = Order(120, 0, blocks)
    rows = [order.row(place) for place in range(120)]
    assert sorted(rows) == list(range(120))
    assert all(len({blocks[row] for row in rows[start : start + 40]}) == 4 for start in (0, 40, 80))
    assert rows != sorted(rows)
    assert rows != [order.row(place) for place in range(120, 240)]


def test_rows_that_cannot_be_loaded_are_replaced() -> None:
    taken = Order(6, 0).take(0, 6, lambda row: None if row in (1, 2) else row * 10)
    assert len(taken) == 6
    assert {row for row, _ in taken} == {0, 3, 4, 5}
    assert all(loaded == row * 10 for row, loaded in taken)
    with pytest.raises(ValueError, match="missing or broken"):
        Order(3, 0).take(0, 1, lambda row: None)


def test_streams_are_drawn_by_their_ratios() -> None:
    schedule = Schedule({"captions": 2, "regions": 1.5, "graphs": 1, "relations": 1, "nothing": 0}, 11_000, 0)
    drawn = [schedule.at(step) for step in range(11_000)]
    for name, ratio in (("captions", 2), ("regions", 1.5), ("graphs", 1), ("relations", 1)):
        own = [nth for stream, nth in drawn if stream == name]
        assert own == list(range(len(own)))
        assert len(own) / 11_000 == pytest.approx(ratio / 5.5, abs=0.02)
    with pytest.raises(ValueError, match="ratio"):
        Schedule({"captions": 0}, 10, 0)


def test_a_batch_is_a_function_of_its_number(world: World, common: PretrainingParams, make: Any) -> None:
    arm = make.arm()
    first = build_batches(common, arm, world, common.model, seed=3)
    in_order = [first[number] for number in range(8)]
    again = build_batches(common, arm, world, common.model, seed=3)
    assert all(_same(in_order[number], again[number]) for number in (5, 0, 7, 2))
    other = build_batches(common, arm, world, common.model, seed=4)
    assert not _same(in_order[0], other[0])


@pytest.mark.slow
def test_batches_built_ahead_are_the_same(world: World, common: PretrainingParams, make: Any) -> None:
    batches = build_batches(common, make.arm(), world, common.model, seed=0)
    state = torch.get_rng_state()
    ahead = Ahead(batches, 8, workers=1)
    assert all(_same(ahead[number], batches[number]) for number in (3, 4, 5, 0, 1, 0, 2, 4, 6))
    assert torch.equal(state, torch.get_rng_state())  # or a resumed training would draw other dropout


def test_all_batches_of_a_step_are_of_one_stream(world: World, make: Any) -> None:
    common = make.common()
    common = common.model_copy(update={"training": common.training.model_copy(update={"accumulate": 3})})
    batches = build_batches(common, make.arm(), world, common.model, seed=0)
    for step in range(8):
        parts = [batches[3 * step + place] for place in range(3)]
        assert len({part.stream for part in parts}) == 1
        assert {part.step for part in parts} == {step}
        assert not _same(parts[0], parts[1])


def _of(world: World, common: PretrainingParams, arm: Any) -> Any:
    return build_batches(common, arm, world, common.model, seed=0)[0]


def test_captions(world: World, common: PretrainingParams, make: Any) -> None:
    batch = _of(world, common, make.arm(captions=1))
    assert isinstance(batch, CaptionBatch)
    assert batch.images.shape == (8, 3, 32, 32)
    hidden = batch.texts.labels != IGNORED
    assert hidden.any(1).all()
    assert torch.equal(torch.where(hidden, batch.texts.labels, batch.texts.hidden), batch.texts.ids)


def test_graph_sentences(world: World, common: PretrainingParams, make: Any) -> None:
    batch = _of(world, common, make.arm(graphs=1))
    assert (batch.stream, len(batch.images)) == ("graphs", 8)
    assert (batch.texts.ids[:, 0] == world.tokenizer.cls).all()
    assert (batch.texts.labels[batch.texts.ids == world.tokenizer.sep] == IGNORED).all()


def test_regions_with_their_patches_and_boxes(world: World, common: PretrainingParams, make: Any) -> None:
    batch = _of(world, common, make.arm(regions=1))
    assert isinstance(batch, RegionBatch)
    regions = len(batch.image_of)
    assert regions <= 12
    assert len(batch.images) == 8
    whole = batch.is_image == 1
    assert whole.any()
    assert (batch.mask[whole] == 1).all()
    assert (batch.boxes[whole] == torch.tensor([0.5, 0.5, 1, 1])).all()
    low, high = batch.boxes[:, :2] - batch.boxes[:, 2:] / 2, batch.boxes[:, :2] + batch.boxes[:, 2:] / 2
    assert (low > -1e-5).all()
    assert (high < 1 + 1e-5).all()
    centre = (batch.boxes[:, 1] * 4).long().clamp(max=3) * 4 + (batch.boxes[:, 0] * 4).long().clamp(max=3)
    assert (batch.mask[torch.arange(regions), 1 + centre] == 1).all()  # the patch under a box's centre is visible


def test_relations_with_their_entities(world: World, common: PretrainingParams, make: Any) -> None:
    batch = _of(world, common, make.arm(relations=1))
    assert isinstance(batch, RelationBatch)
    assert torch.equal(batch.image_of[batch.subjects], batch.image_of[batch.objects])
    assert (batch.subjects != batch.objects).all()
    assert len(batch.labels) == 8
    assert batch.labels.max() < 4
    assert (batch.mask[:, 1:].sum(1) < 16).all()  # an entity never sees everything


def test_missing_pictures_are_passed_over(tmp_path: Path, make: Any) -> None:
    world, common = make.world(tmp_path / "images", missing=20), make.common()
    for stream in ("captions", "graphs", "regions", "relations"):
        batch = _of(world, common, make.arm(**{stream: 1}))
        assert len(batch.images) > 0
    nothing = make.world(tmp_path / "none", missing=48)
    with pytest.raises(ValueError, match="missing or broken"):
        _of(nothing, common, make.arm(captions=1))


def test_a_stream_without_samples_says_so(world: World, common: PretrainingParams, make: Any) -> None:
    from dataclasses import replace

    empty = replace(world, captions=world.captions.clear(), relations=world.relations.clear())
    for stream in ("captions", "graphs", "relations"):
        with pytest.raises(ValueError, match=r"no samples|no captions"):
            _of(empty, common, make.arm(**{stream: 1}))


@given(st.integers(5, 300), st.integers(5, 300), st.integers(0, 999), st.data())
@settings(deadline=None)
def test_a_view_around_a_box_contains_it(width: int, height: int, seed: int, data: st.DataObject) -> None:
    x, y = data.draw(st.floats(0, width - 1)), data.draw(st.floats(0, height - 1))
    w, h = data.draw(st.floats(1, width - x)), data.draw(st.floats(1, height - y))
    view = draw_view_around(np.random.default_rng(seed), (width, height), (x, y, w, h), AugmentationParams())
    left, top, across, down = view.crop
    assert 0 <= left <= x
    assert 0 <= top <= y
    assert x + w <= left + across + 1e-9
    assert y + h <= top + down + 1e-9
    assert left + across <= width
    assert top + down <= height


def test_views_show_the_share_that_is_asked_for_and_flip_only_if_they_may() -> None:
    rng, params = np.random.default_rng(0), AugmentationParams(scale=(0.25, 0.5), flip=1.0)
    views = [draw_view(rng, (200, 160), params) for _ in range(200)]
    shares = np.array([view.crop[2] * view.crop[3] for view in views]) / (200 * 160)
    assert shares.min() > 0.23
    assert shares.max() < 0.52
    assert all(view.flip for view in views)
    assert not any(draw_view(rng, (200, 160), params, may_flip=False).flip for _ in range(20))


def test_rendering_mirrors_and_keeps_things_where_their_boxes_are() -> None:
    picture = Image.new("RGB", (40, 40), "black")
    picture.paste("white", (0, 0, 10, 40))
    plain = AugmentationParams(changes=0)
    rng = np.random.default_rng(0)
    assert render(rng, picture, View((0, 0, 40, 40)), 40, plain)[:, :8].mean() > 250
    assert render(rng, picture, View((0, 0, 40, 40), flip=True), 40, plain)[:, -8:].mean() > 250
    strong = AugmentationParams(changes=4, magnitude=10, change_probability=1.0)
    for seed in range(20):
        shown = render(np.random.default_rng(seed), picture, View((0, 0, 40, 40)), 40, strong, keep_places=True)
        assert shown[:, :8].mean() > shown[:, 12:].mean()


def test_pictures_of_another_size_than_annotated_keep_their_boxes(world: World) -> None:
    from visual_relations.pipelines.relation_pretraining.streams.entities import scenes_from_tables

    scene = scenes_from_tables(world.images, world.objects)[0]
    half = scene.boxes((24, 24))
    assert np.allclose(np.array(half) * 2, [element.box for element in scene.elements])


def test_phrases_with_boxes_become_regions(world: World) -> None:
    from visual_relations.pipelines.relation_pretraining.streams.entities import scenes_from_tables

    phrase = world.captions.head(1).with_columns(
        text=pl.lit("red thing"), x=pl.lit(1.0), y=pl.lit(2.0), w=pl.lit(3.0), h=pl.lit(4.0)
    )
    captions = pl.concat([world.captions, phrase.cast(world.captions.schema)])
    scene = scenes_from_tables(world.images, world.objects, captions)[0]
    assert scene.elements[-1].name == "red thing"
    assert scene.elements[-1].box == (1, 2, 3, 4)
    assert len(scene.captions) == 1
