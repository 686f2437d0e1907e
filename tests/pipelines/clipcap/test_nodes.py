"""The steps of ClipCap on a handful of captions, with the sample world's language model."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError
from tests.conftest import ROOT

from visual_relations.artefacts.feature_bank import FeatureBankWriter
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.workspace import Workspace
from visual_relations.captioning import training
from visual_relations.captioning.captions import CAPTIONS
from visual_relations.captioning.params import CaptionTrainingParams, DecodingParams, MapperParams, ViewParams
from visual_relations.pipelines.clip_features.nodes import encode_images
from visual_relations.pipelines.clip_features.params import ClipFeaturesParams
from visual_relations.pipelines.clipcap import judging, nodes
from visual_relations.pipelines.clipcap.params import (
    ComparisonParams,
    DecodingRecipes,
    EvaluationParams,
    ImageParams,
    ReportParams,
    TrainingRecipes,
    VariantParams,
)
from visual_relations.plots.captions import summarise_captions
from visual_relations.training.params import TrainingParams

WORLD = ROOT / "data" / "01_raw" / "sample_world"
LANGUAGE_MODEL = str(WORLD / "language_model")
TEXTS = ("A man riding a horse.", "A cat on a red bed.", "A dog next to a tree.")
MLP = MapperParams(kind="mlp", prefix_length=2)
EVALUATION = EvaluationParams(benchmark="b", neighbours=(1, 2))


@pytest.fixture(scope="module")
def image_captions() -> pl.DataFrame:
    """Nine images, every third with the same caption, three per split."""
    rows = [
        (f"i{n}", f"c{n}", TEXTS[n % 3], None, split)
        for n, split in enumerate(split for split in ("train", "val", "test") for _ in range(3))
    ]
    return pl.DataFrame(rows, CAPTIONS, orient="row")


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """Images with the same caption have the same vector."""
    with FeatureBankWriter(tmp_path_factory.mktemp("bank"), dim=3) as writer:
        writer.append([f"i{n}" for n in range(9)], np.tile(np.eye(3), (3, 1)))
        return writer.finish()


def _recipes(steps: int = 1) -> TrainingRecipes:
    params = CaptionTrainingParams(
        batch_size=3,
        warmup_steps=0,
        validation_decoding=DecodingParams(method="greedy", max_tokens=4),
        loop=TrainingParams(steps=steps, device="cpu"),
    )
    return TrainingRecipes(ours=params, reference=params.model_copy(update={"reference": True}))


def _train(image_captions, bank, folder, comparison):
    examples = nodes.tokenize_examples(image_captions, LANGUAGE_MODEL, "ours", _recipes(), 20)
    workspace = Workspace(folder)
    return nodes.train_captioners(
        examples, image_captions, bank, LANGUAGE_MODEL, workspace, "ours", ImageParams(), comparison, _recipes()
    )


@pytest.fixture(scope="module")
def trained(image_captions, bank, tmp_path_factory):
    variants = {
        "tuned": VariantParams(mapper=MLP, tune_language_model=True),
        "frozen": VariantParams(mapper=MLP),
        "left_out": VariantParams(mapper=MLP, takes_part=False),
    }
    comparison = ComparisonParams(variants=variants, seeds=(0, 1))
    return _train(image_captions, bank, tmp_path_factory.mktemp("work"), comparison)


def test_the_test_split_is_never_tokenised(image_captions):
    examples = nodes.tokenize_examples(image_captions, LANGUAGE_MODEL, "ours", _recipes(), 20)
    assert set(examples["split"]) == {"train", "val"}


def test_every_variant_that_takes_part_is_trained_with_every_seed(trained):
    captioners, history = trained
    assert set(captioners) == {f"{name}.seed_{seed}" for name in ("tuned", "frozen") for seed in (0, 1)}
    assert set(history["model"]) == {"tuned", "frozen"}
    assert nodes.split_name("tuned.seed_1") == ("tuned", 1)


def test_a_comparison_of_nothing_is_refused():
    with pytest.raises(ValidationError, match="no variant takes part"):
        ComparisonParams(variants={"a": VariantParams(mapper=MLP, takes_part=False)})


def test_variants_that_were_trained_before_a_kill_are_not_trained_again(image_captions, bank, tmp_path, monkeypatch):
    comparison = ComparisonParams(variants={name: VariantParams(mapper=MLP) for name in ("first", "second")})
    original = nodes.train_captioner

    def dying(captioner, tokenizer, data, params, folder, description):
        history = original(captioner, tokenizer, data, params, folder, description)
        if "second" in description:
            raise KeyboardInterrupt
        return history

    monkeypatch.setattr(nodes, "train_captioner", dying)
    with pytest.raises(KeyboardInterrupt):
        _train(image_captions, bank, tmp_path, comparison)
    assert {path.name for path in tmp_path.iterdir()} >= {"clipcap.first.seed_0", "clipcap.second.seed_0"}
    monkeypatch.undo()

    def never(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(training, "caption_loss", never)
    captioners, _ = _train(image_captions, bank, tmp_path, comparison)
    assert len(captioners) == 2
    assert not list(tmp_path.glob("clipcap.*"))


def test_captions_controls_and_metrics_cover_the_evaluated_images(trained, image_captions, bank):
    captioners, _ = trained
    decoding = DecodingParams(method="greedy", max_tokens=4)
    recipes = DecodingRecipes(ours=decoding, reference=decoding)
    captions = nodes.write_captions(captioners, image_captions, bank, LANGUAGE_MODEL, "ours", recipes, EVALUATION)
    assert captions.schema == nodes.CAPTIONS_SCHEMA
    assert captions.height == len(captioners) * 3
    controls = judging.caption_by_controls(image_captions, bank, EVALUATION)
    assert set(controls["model"]) == {"nearest_neighbour", "consensus_of_2_neighbours", judging.TYPICAL}
    nearest = controls.filter(model="nearest_neighbour")
    assert nearest["caption"].to_list() == list(TEXTS)  # the training image with the same vector says the same

    metrics, scores = judging.measure_captions(captions, controls, image_captions, EVALUATION)
    assert scores.height == captions.height + controls.height
    means = metrics.filter(model="frozen", metric="CIDEr")
    assert sorted(means["seed"].to_list(), key=str) == [0, 1, None]
    summary = summarise_captions(metrics)
    assert summary["model"][0] == "nearest_neighbour"
    assert "±" not in summary.filter(model="nearest_neighbour")["CIDEr"][0]

    images = pl.DataFrame({"image_id": [f"i{n}" for n in range(9)], "file_name": [f"{n}.jpg" for n in range(9)]})
    report = ReportParams(place="x", gallery_images=2, readout_images=1)
    gallery = judging.choose_caption_gallery(captions, controls, scores, image_captions, images, report)
    assert gallery["image_id"].n_unique() == 2
    assert not gallery["CIDEr"].is_null().any()
    readout = nodes.read_prefixes(captioners, gallery, bank, LANGUAGE_MODEL, report)
    assert readout["tokens"].list.len().to_list() == [MLP.prefix_length] * 2


def test_without_training_captions_there_are_no_controls(image_captions, bank):
    tested = image_captions.filter(split="test")
    assert judging.caption_by_controls(tested, bank, EVALUATION).height == 0


@pytest.mark.parametrize("views", [None, ViewParams(columns=2, rows=1)])
def test_missing_photos_have_no_vector_and_the_others_their_views(tmp_path, views):
    names = sorted(path.name for path in (WORLD / "images").glob("*.jpg"))[:3]
    images = pl.DataFrame({"image_id": ["a", "b", "gone", "c"], "file_name": [*names[:2], "gone.jpg", names[2]]})
    images = images.with_columns(width=pl.lit(None, pl.Int32), height=pl.lit(None, pl.Int32))
    clip = {"model": f"local-dir:{WORLD / 'clip'}", "device": "cpu"}
    workspace, folder = Workspace(tmp_path / ".work"), ImageFolder(WORLD / "images")
    whole, rejected = encode_images(images, folder, workspace, ClipFeaturesParams(clip=clip))
    assert rejected["image_id"].to_list() == ["gone"]
    bank = nodes.encode_caption_images(images, whole, folder, workspace, clip, None, ImageParams(views=views))
    assert bank.ids.to_list() == ["a", "b", "c"]
    assert bank.dim == whole.dim * (3 if views else 1)
    np.testing.assert_array_equal(bank.rows(slice(None))[:, : whole.dim], whole.rows(slice(None)))
