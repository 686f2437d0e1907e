"""Features of crops: the right ones, each once, whatever is wrong with the photos, and also after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from visual_relations.artefacts.feature_bank import FeatureBank
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.workspace import Workspace
from visual_relations.clip.load import load_clip
from visual_relations.clip.params import ClipParams
from visual_relations.pipelines.clip_features import nodes
from visual_relations.pipelines.clip_features.crops import union_crops
from visual_relations.pipelines.clip_features.params import ClipFeaturesParams

PHOTOS = 12
FIRST, SECOND = (5, 5, 30, 30), (20, 20, 50, 50)
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def clip_params() -> ClipParams:
    return ClipParams(model=f"local-dir:{ROOT / 'data/01_raw/sample_world/clip'}", device="cpu", threads=1)


def world(folder: Path, photos: int = PHOTOS) -> tuple[pl.DataFrame, pl.DataFrame, ImageFolder]:
    """Noise photos and three pairs each: two share a union box."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    names = [str(number) for number in range(photos)]
    for name in names:
        Image.fromarray(random.integers(0, 255, (60, 80, 3), np.uint8)).save(folder / f"{name}.png")
    images = pl.DataFrame(
        {"image_id": names, "file_name": [f"{name}.png" for name in names], "width": 80, "height": 60}
    )
    boxes = {
        "0:1": [5, 5, 30, 30, 20, 20, 50, 50],
        "1:0": [20, 20, 50, 50, 5, 5, 30, 30],
        "0:2": [0, 0, 9, 9, 1, 1, 80, 60],
    }
    columns = ["sx1", "sy1", "sx2", "sy2", "ox1", "oy1", "ox2", "oy2"]
    rows = [(f"{name}:{pair}", name, *box) for name in names for pair, box in boxes.items()]
    pairs = pl.DataFrame(rows, schema=["pair_id", "image_id", *columns], orient="row")
    return images, pairs, ImageFolder(folder)


def encode(tmp_path: Path, clip_params: ClipParams, images, pairs, folder, **options):
    params = ClipFeaturesParams(clip=clip_params, batch_size=5, rows_per_shard=7, **options)
    return nodes.encode_union_images(images, pairs, pairs.clear(), folder, Workspace(tmp_path / ".work"), params)


def test_a_bank_holds_the_features_of_each_pairs_union_crop(tmp_path, clip_params):
    images, pairs, folder = world(tmp_path / "photos")
    bank, rejected = encode(tmp_path, clip_params, images, pairs, folder)
    assert rejected.is_empty()
    assert sorted(bank.ids) == sorted(pairs["pair_id"])
    clip = load_clip(clip_params)
    expected_D = clip.encode_images([folder.open("3.png").crop((5, 5, 50, 50))])[0].numpy()
    np.testing.assert_allclose(bank.select(["3:0:1"])[0], expected_D, rtol=2e-3, atol=2e-3)
    np.testing.assert_array_equal(*bank.select(["3:0:1", "3:1:0"]))  # one rectangle, encoded once
    assert union_crops(images, [pairs]).height == 2 * PHOTOS


def test_bad_photos_and_boxes_are_written_down_and_their_ids_left_out(tmp_path, clip_params):
    images, pairs, folder = world(tmp_path / "photos")
    whole = encode(tmp_path, clip_params, images, pairs, folder)[0].select(["5:0:1"])
    (folder.root / "1.png").unlink()
    (folder.root / "2.png").write_bytes((folder.root / "2.png").read_bytes()[:500])
    Image.new("RGB", (60, 80)).save(folder.root / "3.png")
    outside = (pl.col("pair_id") == "4:0:2").alias("outside")
    pairs = pairs.with_columns(
        pl.when(outside).then(pl.col(name) + 500).otherwise(pl.col(name)).alias(name)
        for name in pairs.columns
        if name[0] in "so" and name[1:2] in "xy"
    )
    unknown = pairs.tail(1).with_columns(pair_id=pl.lit("x:0:1"), image_id=pl.lit("x"))
    bank, rejected = encode(tmp_path / "again", clip_params, images, pl.concat([pairs, unknown]), folder)
    reasons = dict(rejected.select("image_id", "reason").iter_rows())
    assert "no such photo" in reasons["1"]
    assert "3 ids left out" in reasons["1"]
    assert "truncated" in reasons["2"].lower()
    assert "drawn on (80, 60)" in reasons["3"]
    assert "outside of (80, 60)" in reasons["4"]
    assert "not in the table of images" in reasons["x"]
    assert rejected.height == 5
    lost = {f"{n}:{p}" for n in "123" for p in ("0:1", "1:0", "0:2")} | {"4:0:2"}
    assert set(bank.ids) == set(pairs["pair_id"]) - lost
    np.testing.assert_allclose(bank.select(["5:0:1"]), whole, rtol=2e-3, atol=2e-3)
    assert (np.abs(bank.rows(slice(None))).sum(1) > 0).all()


def test_photos_at_another_scale_have_their_boxes_scaled(tmp_path, clip_params):
    images, pairs, folder = world(tmp_path / "photos", photos=1)
    expected = encode(tmp_path, clip_params, images, pairs, folder)[0].select(["0:0:2"])
    doubled = [pl.col(name) * 2 for name in pairs.columns if name[0] in "so" and name[1:2] in "xy"]
    larger = images.with_columns(width=160, height=120)
    bank, rejected = encode(tmp_path / "b", clip_params, larger, pairs.with_columns(doubled), folder)
    assert rejected.is_empty()
    np.testing.assert_array_equal(bank.select(["0:0:2"]), expected)


def test_texts_photos_and_objects(tmp_path, clip_params):
    images, _, folder = world(tmp_path / "photos")
    workspace, params = (
        Workspace(tmp_path / ".work"),
        ClipFeaturesParams(clip=clip_params, object_images=True, batch_size=5),
    )
    names = nodes.encode_object_texts({"objects": ["dog", "tree"], "predicates": ["on"]}, workspace, params)
    triplets = nodes.encode_triplet_texts(pl.DataFrame({"text": ["a on b", "b on a", "a on b"]}), workspace, params)
    assert names.ids.to_list() == ["dog", "tree"]
    assert triplets.ids.to_list() == ["a on b", "b on a"]
    assert names.metadata["clip"] == clip_params.model
    whole, _ = nodes.encode_images(images, folder, workspace, params)
    assert whole.ids.to_list() == images["image_id"].to_list()
    objects = pl.DataFrame({"image_id": ["0"], "object_index": [2], "x1": 0.0, "y1": 0.0, "x2": 80.0, "y2": 60.0})
    crops, _ = nodes.encode_object_images(images, objects, folder, workspace, params)
    np.testing.assert_allclose(crops.select(["0:2"]), whole.select(["0"]), rtol=5e-3, atol=5e-3)
    off = params.model_copy(update={"object_images": False})
    assert len(nodes.encode_object_images(images, objects, folder, workspace, off)[0]) == 0


SLOW_RUN = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.pipelines.clip_features.test_extraction import encode, world
from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.params import ClipParams
own = FrozenClip.encode_images
def slow(self, images):
    time.sleep(0.3)
    return own(self, images)
FrozenClip.encode_images = slow
tmp_path = Path(sys.argv[2])
encode(tmp_path, ClipParams(model=sys.argv[3], device="cpu", threads=1), *world(tmp_path / "photos"))
"""


def test_after_kill_9_the_bank_equals_that_of_an_unbroken_run(tmp_path, clip_params):
    victim = subprocess.Popen(
        [sys.executable, "-c", SLOW_RUN, str(ROOT), str(tmp_path), clip_params.model],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".work/*/*/bank/features-*")) and time.monotonic() < deadline:
        assert victim.poll() is None
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    images, pairs, folder = world(tmp_path / "photos")
    n_shards = len(list(tmp_path.glob(".work/*/*/bank/features-*")))
    with pytest.raises(FileNotFoundError):
        FeatureBank.open(next(tmp_path.glob(".work/*/*/bank")))
    stamp = next(tmp_path.glob(".work/*/*/bank/features-00000*")).stat().st_mtime_ns
    resumed, _ = encode(tmp_path, clip_params, images, pairs, folder)
    assert (resumed.folder / "features-00000.safetensors").stat().st_mtime_ns == stamp  # kept, not made again
    unbroken, _ = encode(tmp_path / "other", clip_params, images, pairs, folder)
    assert 0 < n_shards < len(list(unbroken.folder.glob("features-*")))
    assert resumed.ids.to_list() == unbroken.ids.to_list()
    np.testing.assert_array_equal(resumed.rows(slice(None)), unbroken.rows(slice(None)))
    assert resumed.fingerprint == unbroken.fingerprint
