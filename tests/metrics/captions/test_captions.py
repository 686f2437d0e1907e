"""Caption metrics: the toy fixture, definitions re-done the slow way, and wrong input."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_relations.metrics.captions import caption_metrics
from visual_relations.metrics.captions.report import caption_metrics_by_domain
from visual_relations.metrics.table import METRIC_SCHEMA, metric_table

# Five images with five references each; scores by pycocoevalcap 1.2 on its PTB tokens.
REFERENCES = {
    "1": "A brown dog runs across a grassy field. | A dog is running on the grass. | The brown dog plays outside in a "
    "green field. | A happy dog sprinting through the park. | A puppy runs over green grass.",
    "2": "Two people ride bicycles down a city street. | A man and a woman are cycling on the road. | Two cyclists "
    "riding past parked cars. | A couple of people on bikes in traffic. | People ride their bikes along a busy street.",
    "3": "A plate of pasta with tomato sauce and basil. | Spaghetti with red sauce served on a white plate. | A white "
    "dish filled with noodles and sauce. | Some pasta sits on a plate next to a fork. | A bowl of spaghetti topped "
    "with fresh basil leaves.",
    "4": "A large airplane is parked at the airport gate. | A passenger jet sitting on the tarmac. | An airplane waits "
    "on the runway at an airport. | A white jet plane parked near the terminal. | A big plane is at the gate.",
    "5": "A child holds a red umbrella in the rain. | A little girl stands under a red umbrella. | The kid's umbrella "
    "is red, and it's raining. | A young child with an umbrella on a rainy day. | A small girl wearing boots walks in "
    "the rain.",
}
HYPOTHESES = {
    "1": "A brown dog running through a grassy field.",
    "2": "A man riding a bike down a street.",
    "3": "A plate of pasta with sauce and a fork.",
    "4": "A large jet sitting on top of an airport runway.",
    "5": "A woman holding a red umbrella in the rain.",
}
CORPUS = {
    "BLEU-1": 0.8636363636167356,
    "BLEU-2": 0.681934721958394,
    "BLEU-3": 0.5152312904677746,
    "BLEU-4": 0.3918723978111926,
    "ROUGE-L": 0.6333222664895971,
    "CIDEr": 1.3733261529992662,
}
PER_IMAGE = {
    "BLEU-1": [0.99999999975, 0.74999999981, 0.99999999978, 0.79999999992, 0.7777777776],
    "BLEU-2": [0.75592894582, 0.46291004977, 0.86602540359, 0.59628479394, 0.69721668862],
    "ROUGE-L": [0.75, 0.375, 0.7777777777777778, 0.48605577689243035, 0.7777777777777778],
    "CIDEr": [1.503380852762422, 0.5729376404862859, 1.874393979573136, 0.9408958038017462, 1.9750224883727414],
}
references = {image: text.split(" | ") for image, text in REFERENCES.items()}

words = st.lists(st.sampled_from("abcde"), min_size=1, max_size=8).map(" ".join)
image_sets = st.lists(st.tuples(words, st.lists(words, min_size=1, max_size=4)), min_size=1, max_size=5)


def _report(images):
    return caption_metrics(
        {str(i): hypothesis for i, (hypothesis, _) in enumerate(images)},
        {str(i): refs for i, (_, refs) in enumerate(images)},
        tokenize=list,
    )


def test_toy_fixture_has_the_scores_of_the_reference_programs():
    report = caption_metrics(HYPOTHESES, references)
    assert report.corpus == pytest.approx(CORPUS, abs=1e-9)
    for metric, expected in PER_IMAGE.items():
        assert report.per_image[metric].to_list() == pytest.approx(expected, abs=1e-10), metric


def test_rows_fit_the_metric_table():
    rows = caption_metrics(HYPOTHESES, references).rows(benchmark="toy", model="someone", seed=1, variant="beam 5")
    table = metric_table(rows)
    assert list(table.columns) == list(METRIC_SCHEMA)
    assert set(table["metric"]) == set(CORPUS)
    assert set(table["count"]) == {5}


def test_each_domain_is_scored_on_its_own_word_statistics():
    domains = dict.fromkeys("12", "in-domain") | dict.fromkeys("345", "out-domain")
    reports = caption_metrics_by_domain(HYPOTHESES, references, domains)
    assert list(reports) == ["in-domain", "out-domain", "all"]
    alone = caption_metrics({i: HYPOTHESES[i] for i in "12"}, {i: references[i] for i in "12"})
    assert reports["in-domain"].corpus == alone.corpus
    assert reports["all"].corpus == pytest.approx(CORPUS, abs=1e-9)


@given(image_sets)
def test_bleu_counts_clipped_matches_over_the_corpus(images):
    matches, guesses, own, closest = Counter(), Counter(), 0, 0
    for hypothesis, refs in images:
        tokens, lists = hypothesis.split(), [ref.split() for ref in refs]
        own += len(tokens)
        closest += min((abs(len(ref) - len(tokens)), len(ref)) for ref in lists)[1]
        for n in range(1, 5):
            grams = Counter(zip(*(tokens[i:] for i in range(n)), strict=False))
            most = Counter()
            for ref in lists:
                most |= Counter(zip(*(ref[i:] for i in range(n)), strict=False))
            matches[n] += (grams & most).total()
            guesses[n] += grams.total()
    log_mean = sum(math.log((matches[n] + 1e-15) / (guesses[n] + 1e-9)) for n in range(1, 5)) / 4
    brevity = min(1.0, math.exp(1 - closest / own))
    assert _report(images).corpus["BLEU-4"] == pytest.approx(brevity * math.exp(log_mean), rel=1e-6)


@given(image_sets)
def test_rouge_l_uses_the_longest_common_subsequence(images):
    def common(a, b):
        table = np.zeros((len(a) + 1, len(b) + 1))
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                table[i + 1, j + 1] = table[i, j] + 1 if x == y else max(table[i, j + 1], table[i + 1, j])
        return table[-1, -1]

    for (hypothesis, refs), score in zip(images, _report(images).per_image["ROUGE-L"], strict=True):
        tokens = hypothesis.split()
        precision = max(common(tokens, ref.split()) / len(tokens) for ref in refs)
        recall = max(common(tokens, ref.split()) / len(ref.split()) for ref in refs)
        expected = (1 + 1.2**2) * precision * recall / (recall + 1.2**2 * precision) if precision else 0
        assert score == pytest.approx(expected)


@given(image_sets, st.randoms())
def test_scores_do_not_depend_on_the_order_of_images_and_references(images, random):
    shuffled = [(hypothesis, random.sample(refs, len(refs))) for hypothesis, refs in images]
    random.shuffle(shuffled)
    assert _report(shuffled).corpus == pytest.approx(_report(images).corpus, abs=1e-12)


def test_cider_of_one_image_is_zero_because_every_word_is_in_all_documents():
    assert caption_metrics({"1": "a dog"}, {"1": ["a dog"]}).corpus["CIDEr"] == 0


def test_an_empty_hypothesis_scores_zero():
    report = caption_metrics({**HYPOTHESES, "1": ""}, references)
    assert report.per_image.row(0)[1:] == (0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("hypotheses", "refs", "message"),
    [
        ({}, {}, "no captions"),
        ({"1": "a", "2": "b"}, {"1": ["a"]}, "different images.*'2'"),
        ({"1": "a"}, {"1": []}, "no reference"),
    ],
)
def test_wrong_input_says_which_image(hypotheses, refs, message):
    with pytest.raises(ValueError, match=message):
        caption_metrics(hypotheses, refs)
    with pytest.raises(ValueError, match="no domain"):
        caption_metrics_by_domain({"1": "a"}, {"1": ["a"]}, {})
