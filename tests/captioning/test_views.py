from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.conftest import ROOT

from visual_relations.artefacts.feature_bank import FeatureBankWriter
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.captioning.params import ViewParams
from visual_relations.captioning.views import add_views, copy_vectors, encode_with_views, view_boxes
from visual_relations.clip.load import load_clip
from visual_relations.clip.params import ClipParams

VIEWS = ViewParams(columns=2, rows=2, width=0.6, height=0.6)


def test_views_are_read_row_by_row_and_touch_the_edges():
    across, down = [(0, 50), (25, 75), (50, 100)], [(0, 30), (20, 50)]
    boxes = view_boxes((100, 50), ViewParams(columns=3, rows=2, width=0.5, height=0.6))
    assert boxes == [(x1, y1, x2, y2) for y1, y2 in down for x1, x2 in across]
    assert view_boxes((100, 50), ViewParams(columns=1, rows=1, width=0.5, height=1)) == [(25, 0, 75, 50)]


@given(
    st.tuples(st.integers(1, 500), st.integers(1, 500)),
    st.builds(ViewParams, columns=st.integers(1, 5), rows=st.integers(1, 5), width=st.floats(0.01, 1)),
)
def test_views_lie_in_the_photo_whatever_its_size(size, views):
    boxes = view_boxes(size, views)
    assert len(boxes) == views.count
    assert all(0 <= x1 < x2 <= size[0] and 0 <= y1 < y2 <= size[1] for x1, y1, x2, y2 in boxes)


@pytest.fixture(scope="module")
def clip():
    return load_clip(ClipParams(model=f"local-dir:{ROOT / 'data/01_raw/sample_world/clip'}", device="cpu"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> dict[str, Any]:
    """Photos of noise by id, more than are encoded at a time; "folder" is where they lie as `<id>.png`."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("photos")
    shapes = [(20 + n, 30, 3) for n in range(20)]
    made = {f"p{n}": Image.fromarray(rng.integers(0, 256, shape, np.uint8)) for n, shape in enumerate(shapes)}
    for name, photo in made.items():
        photo.save(folder / f"{name}.png")
    return {"folder": folder, **made}


@pytest.fixture(scope="module")
def whole(clip, photos, tmp_path_factory):
    ids = [name for name in photos if name != "folder"]
    with FeatureBankWriter(tmp_path_factory.mktemp("whole") / "bank", clip.dim) as writer:
        writer.append(ids, clip.encode_images([photos[name] for name in ids]).numpy())
        return writer.finish()


def _add_views(whole, clip, photos, writer):
    names = [f"{name}.png" for name in whole.ids]
    return add_views(whole, names, ImageFolder(photos["folder"]), clip, clip.preprocess, VIEWS, writer)


def test_vectors_of_a_photo_and_its_views_stand_side_by_side(clip, photos, whole, tmp_path):
    with FeatureBankWriter(tmp_path / "bank", 5 * clip.dim) as writer:
        bank = _add_views(whole, clip, photos, writer)
    assert bank.ids.equals(whole.ids)
    chosen = ["p3", "p17"]
    expected = encode_with_views(clip.encode_images, [photos[name] for name in chosen], VIEWS)
    np.testing.assert_allclose(bank.select(chosen), expected.numpy(), atol=5e-3, rtol=5e-3)  # stored as float16
    first_view = clip.encode_images([photos["p3"].crop(view_boxes(photos["p3"].size, VIEWS)[0])])
    torch.testing.assert_close(expected[0, clip.dim : 2 * clip.dim], first_view[0], atol=1e-4, rtol=1e-4)


def test_without_views_a_photo_has_its_own_vector_alone(clip, photos, whole, tmp_path):
    assert encode_with_views(clip.encode_images, [photos["p0"]], None).shape == (1, clip.dim)
    with FeatureBankWriter(tmp_path / "bank", clip.dim) as writer:
        copied = copy_vectors(whole, writer)
    assert copied.fingerprint == whole.fingerprint


def test_interrupted_views_go_on_after_the_last_whole_shard(clip, photos, whole, tmp_path):
    class KilledError(Exception):
        pass

    class Dying(ImageFolder):
        def open(self, name, *args):
            if name == "p18.png":
                raise KilledError
            return super().open(name, *args)

    def writer(folder):
        return FeatureBankWriter(tmp_path / folder, 5 * clip.dim, rows_per_shard=16)

    names = [f"{name}.png" for name in whole.ids]
    with writer("broken") as broken, pytest.raises(KilledError):
        add_views(whole, names, Dying(photos["folder"]), clip, clip.preprocess, VIEWS, broken)
    with writer("broken") as resumed:
        assert resumed.n_done == 16
        found = _add_views(whole, clip, photos, resumed)
    with writer("unbroken") as unbroken:
        assert found.fingerprint == _add_views(whole, clip, photos, unbroken).fingerprint
