"""Caption metrics equal pycocoevalcap's on real captions; expected values come with the input."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil

import pytest

from visual_relations.metrics.captions import caption_metrics, java
from visual_relations.metrics.captions.ptb import tokenize

PYTHON = {
    "Bleu_1": "BLEU-1",
    "Bleu_2": "BLEU-2",
    "Bleu_3": "BLEU-3",
    "Bleu_4": "BLEU-4",
    "ROUGE_L": "ROUGE-L",
    "CIDEr": "CIDEr",
}

needs_java = pytest.mark.skipif(
    not (shutil.which("java") and importlib.util.find_spec("pycocoevalcap")),
    reason="needs Java and the java-metrics extra",
)


@pytest.fixture(scope="module")
def fixture(real_data):
    return [json.loads(line) for line in (real_data / "caption_metrics" / "fixture.jsonl").open(encoding="utf-8")]


@pytest.fixture(scope="module")
def expected(real_data):
    return json.loads((real_data / "caption_metrics" / "expected.json").read_text())["corpus"]


def _score(fixture, **options):
    return caption_metrics(
        {str(item["image_id"]): item["hypothesis"] for item in fixture},
        {str(item["image_id"]): item["references"] for item in fixture},
        **options,
    )


def test_corpus_scores(fixture, expected):
    report = _score(fixture)
    assert {name: report.corpus[ours] for name, ours in PYTHON.items()} == pytest.approx(
        {name: expected[name] for name in PYTHON}, abs=1e-9
    )


def test_scores_of_every_image(fixture):
    for item, row in zip(fixture, _score(fixture).per_image.iter_rows(named=True), strict=True):
        assert row["image_id"] == str(item["image_id"])
        for name, ours in PYTHON.items():
            assert row[ours] == pytest.approx(item["scores"][name], abs=1e-9), (item["image_id"], name)


def test_tokens(fixture):
    assert tokenize([item["hypothesis"] for item in fixture]) == [item["hypothesis_ptb"] for item in fixture]
    assert tokenize([text for item in fixture for text in item["references"]]) == [
        text for item in fixture for text in item["references_ptb"]
    ]


@needs_java
@pytest.mark.java
def test_the_tokenizer_equals_the_java_one_on_every_real_caption(real_data):
    captions = [
        a["caption"] for a in json.loads((real_data / "coco" / "captions_val2017.json").read_text())["annotations"]
    ]
    for path in sorted((real_data / "sugarcrepe").glob("*.json")):
        captions += [item["caption"] for item in json.loads(path.read_text()).values()]
    for image in json.loads((real_data / "visual_genome" / "region_descriptions.json").read_text()):
        captions += [region["phrase"] for region in image["regions"]]
    captions = [" ".join(caption.splitlines()) for caption in captions]
    different = [
        row for row in zip(captions, tokenize(captions), java.tokenize(captions), strict=True) if row[1] != row[2]
    ]
    assert different == []


@needs_java
@pytest.mark.java
def test_the_tokenizer_equals_the_java_one_on_hard_cases():
    from tests.metrics.captions.test_ptb import STRESS

    cases = [" ".join(case.splitlines()) for case in STRESS]
    assert tokenize(cases) == java.tokenize(cases)


@needs_java
@pytest.mark.java
@pytest.mark.slow
def test_meteor(fixture, expected):
    report = _score(fixture, java_metrics=["METEOR"])
    assert report.corpus["METEOR"] == pytest.approx(expected["METEOR"], abs=1e-4)
    assert report.per_image["METEOR"].to_list() == pytest.approx([i["scores"]["METEOR"] for i in fixture], abs=1e-4)


@needs_java
@pytest.mark.java
@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get(java.SPICE_JARS), reason=f"needs the CoreNLP jars in ${java.SPICE_JARS}")
def test_spice_on_the_toy_fixture():
    from tests.metrics.captions.test_captions import HYPOTHESES, references

    report = caption_metrics(HYPOTHESES, references, java_metrics=["SPICE"])
    assert report.corpus["SPICE"] == pytest.approx(0.3070961718020541, abs=1e-4)
    expected = [0.4444444444444445, 0.21428571428571425, 0.35294117647058826, 0.19047619047619047, 0.3333333333333333]
    assert report.per_image["SPICE"].to_list() == pytest.approx(expected, abs=1e-4)
