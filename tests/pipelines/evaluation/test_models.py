"""The project's models as scorers give what the models themselves give, batch by batch and stored or not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from tests.conftest import ROOT

from visual_relations.captioning.captioner import new_captioner
from visual_relations.captioning.language_models import load_language_model, load_tokenizer
from visual_relations.captioning.params import MapperParams, ViewParams
from visual_relations.captioning.scoring import caption_log_likelihood, text_log_likelihood
from visual_relations.captioning.views import encode_with_views
from visual_relations.clip.load import load_clip
from visual_relations.clip.params import ClipParams
from visual_relations.pipelines.evaluation.models import (
    MOST_BYTES,
    CaptionerScorer,
    ClipScorer,
    LanguageScorer,
    MatchScorer,
)
from visual_relations.pipelines.evaluation.scorers import Reranker, RetrievalScorer
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.params import ModelParams, TextParams, ViTParams
from visual_relations.vision_language.scoring import Scorer as VisionLanguageScorer
from visual_relations.vision_language.tokenizer import WordPiece

WORLD = ROOT / "data" / "01_raw" / "sample_world"
TEXTS = ["A dog near a box.", "A man riding a horse next to a house", "two cats"]


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)) for _ in TEXTS]


@pytest.fixture(scope="module")
def clip():
    return load_clip(ClipParams(model=f"local-dir:{WORLD / 'clip'}", device="cpu"))


@pytest.fixture(scope="module")
def language():
    folder = str(WORLD / "language_model")
    return load_language_model(folder), load_tokenizer(folder)


@pytest.fixture(scope="module")
def match_scorer():
    torch.manual_seed(0)
    tokenizer = WordPiece(WORLD / "wordpiece")
    config = ModelParams(
        vision=ViTParams(image_size=32, patch_size=16, width=16, depth=1, heads=2, masked_depth=0),
        text=TextParams(vocabulary=tokenizer.size, width=16, layers=2, fusion_from=1, heads=2, mlp_width=32),
        embedding=8,
    )
    model = VisionLanguageModel(config)
    return MatchScorer(model, tokenizer, "tiny", TEXTS), VisionLanguageScorer(model, tokenizer)


def test_clip_scores_are_cosines(clip, images):
    scorer = ClipScorer(clip, "CLIP")
    shown, read = scorer.encode_images(images), scorer.encode_texts(TEXTS)
    image_ND, text_MD = clip.encode_images(images), clip.encode_texts(TEXTS)
    expected = torch.nn.functional.cosine_similarity(image_ND[:, None], text_MD[None], dim=-1).numpy()
    assert scorer.similarity(shown, read) == pytest.approx(expected, abs=1e-6)
    assert scorer.score_pairs(shown, read) == pytest.approx(np.diagonal(expected), abs=1e-6)
    assert isinstance(scorer, RetrievalScorer)
    assert not isinstance(scorer, Reranker)


def test_match_scores_are_those_of_the_model_whatever_the_padding(match_scorer, images):
    scorer, own = match_scorer
    pairs = [(image, text) for image in range(3) for text in range(3)]
    expected = own.score(images, TEXTS, pairs)
    shown = scorer.encode_images(images)
    read = [scorer.encode_texts([text]) for text in TEXTS]
    assert len({one["states"].shape for one in read}) == 1
    scores = [
        scorer.score_pairs({name: array[image : image + 1] for name, array in shown.items()}, read[text])[0]
        for image, text in pairs
    ]
    assert scores == pytest.approx(expected, abs=1e-5)
    assert isinstance(scorer, Reranker)
    assert scorer.threshold == 0.5
    together = scorer.encode_texts(TEXTS)
    assert scorer.rerank_pairs(shown, together).shape == (3,)
    assert scorer.similarity(shown, together).shape == (3, 3)


def test_captioner_scores_are_log_likelihoods(clip, language, images):
    captioner = new_captioner(MapperParams(prefix_length=2), clip.dim, str(WORLD / "language_model")).eval()
    scorer = CaptionerScorer(captioner, language[1], clip, "captioner")
    shown, read = scorer.encode_images(images), scorer.encode_texts([*TEXTS, "naïve café"])
    expected = caption_log_likelihood(captioner, language[1], clip.encode_images(images), TEXTS)
    first = {"text": read["text"][:3]}
    assert scorer.score_pairs(shown, first) == pytest.approx(expected, abs=1e-5)
    assert read["text"][3].decode() == "naïve café"
    with pytest.raises(ValueError, match="bytes"):
        scorer.encode_texts(["long " * MOST_BYTES])


def test_a_captioner_with_views_is_scored_with_them(clip, language, images):
    views, folder = ViewParams(columns=2, rows=1), str(WORLD / "language_model")
    captioner = new_captioner(MapperParams(prefix_length=2), 3 * clip.dim, folder, views=views).eval()
    scorer = CaptionerScorer(captioner, language[1], clip, "captioner")
    vectors = encode_with_views(clip.encode_images, images, views)
    expected = caption_log_likelihood(captioner, language[1], vectors, TEXTS)
    found = scorer.score_pairs(scorer.encode_images(images), scorer.encode_texts(TEXTS))
    assert found == pytest.approx(expected, abs=1e-5)


def test_language_alone_never_looks(language, images):
    scorer = LanguageScorer(*language, "blind")
    expected = text_log_likelihood(*language, TEXTS)
    assert scorer.score_pairs(scorer.encode_images(images), scorer.encode_texts(TEXTS)) == pytest.approx(
        expected, abs=1e-5
    )
    assert not scorer.looks
    assert not isinstance(scorer, RetrievalScorer)


def test_other_weights_have_another_fingerprint(match_scorer):
    scorer, own = match_scorer
    again = MatchScorer(own.model, WordPiece(WORLD / "wordpiece"), "tiny", TEXTS)
    assert again.fingerprint == scorer.fingerprint
    with torch.no_grad():
        next(own.model.parameters()).add_(1)
    other = MatchScorer(own.model, WordPiece(WORLD / "wordpiece"), "tiny", TEXTS)
    with torch.no_grad():
        next(own.model.parameters()).sub_(1)
    assert other.fingerprint != scorer.fingerprint
