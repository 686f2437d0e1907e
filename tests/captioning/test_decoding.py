"""Batched cached decoding against the plainest decoders that can be written, which read everything anew every time."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from visual_relations.captioning.captioner import Captioner, new_captioner
from visual_relations.captioning.decoding import generate, generate_tokens
from visual_relations.captioning.params import CaptionerConfig, DecodingParams, MapperParams

LLAMA = {
    "model_type": "llama",
    "vocab_size": 20,
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
STOP = [16, 19]


def _sharpened(captioner: Captioner) -> Captioner:
    """Random weights give flat distributions in which ties decide: make them steep."""
    with torch.no_grad():
        for parameter in captioner.parameters():
            parameter.mul_(4.0 if parameter.ndim == 2 else 1.0)
    return captioner.eval()


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def captioner(request, language_model_folder):
    mapper = MapperParams(kind="mlp", prefix_length=4)
    torch.manual_seed(1)
    if request.param == "gpt2":
        return _sharpened(new_captioner(mapper, 6, language_model_folder))
    return _sharpened(Captioner.from_config(CaptionerConfig(mapper=mapper, feature_dim=6, architecture=LLAMA)))


@pytest.fixture(scope="module")
def features():
    torch.manual_seed(2)
    return torch.randn(7, 6)


def _log_probabilities(captioner, feature, tokens):
    with torch.no_grad():
        logits = captioner(feature[None], torch.tensor([tokens], dtype=torch.long))
    return logits[0, -1].double().log_softmax(-1)


def _plain_greedy(captioner, feature, stop, most):
    tokens: list[int] = []
    while len(tokens) < most and not (tokens and tokens[-1] in stop):
        tokens.append(int(_log_probabilities(captioner, feature, tokens).argmax()))
    return tokens


def _plain_beams(captioner, feature, stop, most, n_beams, exponent=1.0):
    beams: list[tuple[list[int], float, bool]] = [([], 0.0, False)]
    for _ in range(most):
        candidates = []
        for tokens, total, finished in beams:
            if finished:
                candidates.append((tokens, total, True))
                continue
            for token, value in enumerate(_log_probabilities(captioner, feature, tokens).tolist()):
                candidates.append(([*tokens, token], total + value, token in stop))
        candidates.sort(key=lambda c: -c[1] / len(c[0]) ** exponent)
        beams = candidates[:n_beams]
        if all(finished for *_, finished in beams):
            break
    return [(tokens, total / len(tokens) ** exponent, finished) for tokens, total, finished in beams]


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_greedy_equals_the_plain_one(captioner, features, batch_size):
    params = DecodingParams(method="greedy", max_tokens=9, batch_size=batch_size)
    found = generate_tokens(captioner, features, STOP, params)
    assert [one.tokens for (one,) in found] == [_plain_greedy(captioner, f, STOP, 9) for f in features]


@pytest.mark.parametrize(("n_beams", "exponent"), [(1, 1.0), (3, 1.0), (5, 0.5)])
def test_beams_equal_the_plain_ones(captioner, features, n_beams, exponent):
    params = DecodingParams(method="beam", beams=n_beams, max_tokens=8, batch_size=4, length_exponent=exponent)
    for feature, ranked in zip(features, generate_tokens(captioner, features, STOP, params), strict=True):
        expected = _plain_beams(captioner, feature, STOP, 8, n_beams, exponent)
        assert [one.tokens for one in ranked] == [tokens for tokens, *_ in expected]
        assert [one.finished for one in ranked] == [finished for *_, finished in expected]
        assert [one.score for one in ranked] == pytest.approx([score for _, score, _ in expected], abs=1e-4)


def test_captions_do_not_depend_on_the_batch(captioner, features):
    for method in ("greedy", "beam", "sample"):
        params = [DecodingParams(method=method, max_tokens=8, batch_size=size, seed=3) for size in (1, 2, 7)]
        one, two, seven = (generate_tokens(captioner, features, STOP, each) for each in params)
        tokens = [[[one.tokens for one in ranked] for ranked in found] for found in (one, two, seven)]
        assert tokens[0] == tokens[1] == tokens[2]


def test_samples_follow_the_distribution(captioner, features):
    many = features[:1].expand(4000, -1)
    params = DecodingParams(method="sample", max_tokens=1, batch_size=4000)
    drawn = torch.tensor([one.tokens[0] for (one,) in generate_tokens(captioner, many, STOP, params)])
    expected = _log_probabilities(captioner, features[0], []).exp()
    shares = torch.bincount(drawn, minlength=len(expected)) / len(drawn)
    assert float((shares - expected).abs().max()) < 0.04


@pytest.mark.parametrize(("options", "n_allowed"), [({"top_k": 2}, 2), ({"top_p": 0.5}, None), ({"top_k": 1}, 1)])
def test_top_k_and_top_p_restrict_the_choice(captioner, features, options, n_allowed):
    probabilities, order = _log_probabilities(captioner, features[0], []).exp().sort(descending=True)
    if n_allowed is None:
        n_allowed = int((probabilities.cumsum(0) < options["top_p"]).sum()) + 1
    many = features[:1].expand(500, -1)
    params = DecodingParams(method="sample", max_tokens=1, batch_size=500, temperature=1.0, **options)
    drawn = {one.tokens[0] for (one,) in generate_tokens(captioner, many, STOP, params)}
    assert drawn <= set(order[:n_allowed].tolist())


def test_temperature_flattens(captioner, features):
    many = features[:1].expand(300, -1)
    kinds = []
    for temperature in (0.05, 20.0):
        params = DecodingParams(method="sample", max_tokens=1, batch_size=300, temperature=temperature)
        kinds.append(len({one.tokens[0] for (one,) in generate_tokens(captioner, many, STOP, params)}))
    assert kinds[0] < kinds[1]


def test_no_ngram_is_repeated_when_forbidden(captioner, features):
    for method in ("greedy", "beam"):
        params = DecodingParams(method=method, max_tokens=15, no_repeat_ngram=2)
        for ranked in generate_tokens(captioner, features, [], params):
            tokens = ranked[0].tokens
            pairs = list(pairwise(tokens))
            assert len(pairs) == len(set(pairs))


def test_a_repetition_penalty_makes_captions_more_varied(captioner, features):
    def distinct(penalty: float) -> int:
        params = DecodingParams(method="greedy", max_tokens=15, repetition_penalty=penalty)
        return sum(len(set(one.tokens)) for (one,) in generate_tokens(captioner, features, [], params))

    assert distinct(5.0) > distinct(1.0)


def test_captions_that_outgrow_the_language_model_are_refused(language_model_folder):
    captioner = new_captioner(MapperParams(prefix_length=4), 6, language_model_folder)
    with pytest.raises(ValueError, match="set max_tokens to 44 or less"):
        generate_tokens(captioner, torch.randn(1, 6), STOP, DecodingParams(max_tokens=45))


def test_texts_end_before_the_end_token_and_keep_the_stop_text(language_model_folder, tokenizer):
    captioner = _sharpened(new_captioner(MapperParams(prefix_length=4), 6, language_model_folder))
    features = torch.randn(20, 6)
    captions = generate(captioner, tokenizer, features, DecodingParams(method="greedy", max_tokens=12, stop_at="."))
    assert all("<end>" not in caption.text and caption.text == caption.text.strip() for caption in captions)
    for caption in captions:
        assert "." not in caption.text[:-1]
        assert caption.finished or caption.n_tokens == 12


def test_a_stop_text_of_several_tokens_is_refused(language_model_folder, tokenizer):
    captioner = new_captioner(MapperParams(prefix_length=4), 6, language_model_folder)
    with pytest.raises(ValueError, match="is 2 tokens"):
        generate(captioner, tokenizer, torch.randn(1, 6), DecodingParams(max_tokens=5, stop_at="red dog"))


def test_no_images_give_no_captions(captioner):
    assert generate_tokens(captioner, torch.empty(0, 6), STOP, DecodingParams(max_tokens=5)) == []
