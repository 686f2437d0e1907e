from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from visual_relations.artefacts.feature_bank import FeatureBankWriter
from visual_relations.captioning.captioner import new_captioner
from visual_relations.captioning.decoding import generate
from visual_relations.captioning.examples import tokenize_captions
from visual_relations.captioning.params import CaptionTrainingParams, DecodingParams, ExampleParams, MapperParams
from visual_relations.captioning.readout import read_prefix
from visual_relations.captioning.scoring import caption_log_likelihood, text_log_likelihood
from visual_relations.captioning.training import CaptionData, train_captioner
from visual_relations.training.params import TrainingParams

COLOURS, ANIMALS = ("red", "blue", "green"), ("dog", "cat", "horse")


def _caption(image: int) -> str:
    return f"a {COLOURS[image % 3]} {ANIMALS[image // 3 % 3]} runs ."


@pytest.fixture(scope="module")
def data(tmp_path_factory, tokenizer):
    """Nine kinds of image whose vector says colour and animal."""
    with FeatureBankWriter(tmp_path_factory.mktemp("bank"), dim=6) as writer:
        vectors = [np.concatenate([np.eye(3)[n % 3], np.eye(3)[n // 3 % 3]]) for n in range(27)]
        writer.append([str(n) for n in range(27)], np.stack(vectors) * 5)
        bank = writer.finish()
    table = pl.DataFrame({"image_id": [str(n) for n in range(27)], "caption": [_caption(n) for n in range(27)]})
    examples = tokenize_captions(table, tokenizer, ExampleParams())
    references = {str(n): [_caption(n)] for n in range(18, 27)}
    return CaptionData(bank, examples.head(18), examples.tail(9), references)


def _params(steps: int, **changes) -> CaptionTrainingParams:
    loop = {"steps": steps, "device": "cpu", "validate_every": 40, "log_every": 10, "threads": 1}
    return CaptionTrainingParams(
        batch_size=9,
        buckets=2,
        learning_rate=1e-2,
        warmup_steps=5,
        schedule="cosine",
        validation_decoding=DecodingParams(method="greedy", max_tokens=8),
        loop=TrainingParams(**(loop | changes)),
    )


@pytest.fixture(scope="module")
def trained(data, tokenizer, language_model_folder):
    captioner = new_captioner(
        MapperParams(kind="mlp", prefix_length=3), 6, language_model_folder, tune_language_model=True
    )
    history = train_captioner(captioner, tokenizer, data, _params(120))
    return captioner, history


def test_a_captioner_learns_to_name_what_is_there(trained, data, tokenizer):
    captioner, _ = trained
    features = torch.from_numpy(data.features.select(list(data.references))).float()
    captions = generate(captioner, tokenizer, features, DecodingParams(beams=3, max_tokens=8))
    assert [caption.text for caption in captions] == [texts[0] for texts in data.references.values()]
    assert all(caption.finished for caption in captions)


def test_the_history_has_loss_and_validation(trained):
    _, history = trained
    validation = history.filter(split="val")
    assert set(validation["name"]) == {"loss", "CIDEr", "BLEU-4"}
    losses = history.filter(split="train", name="loss")["value"]
    assert losses[-1] < losses[0] / 3


def test_every_validation_is_reported_and_may_end_the_training(data, tokenizer, language_model_folder):
    class EnoughError(Exception):
        pass

    def report(step, cider):
        reported.append(step)
        if step == 4:
            raise EnoughError

    captioner = new_captioner(MapperParams(kind="linear", prefix_length=2), 6, language_model_folder)
    reported: list[int] = []
    with pytest.raises(EnoughError):
        train_captioner(captioner, tokenizer, data, _params(6, validate_every=2), report=report)
    assert reported == [2, 4]


def test_the_weights_with_the_best_cider_are_kept(data, tokenizer, language_model_folder, monkeypatch):
    from visual_relations.captioning import training

    captioner = new_captioner(MapperParams(kind="linear", prefix_length=2), 6, language_model_folder)
    values, weights = iter([1.0, 5.0, 2.0]), []

    def fake_validation(*_):
        def validate(module, step):
            weights.append(module.mapper.project.weight.clone())
            return {"CIDEr": next(values)}

        return validate

    monkeypatch.setattr(training, "_validation", fake_validation)
    train_captioner(captioner, tokenizer, data, _params(6, validate_every=2))
    assert torch.equal(captioner.mapper.project.weight, weights[1])


@pytest.mark.parametrize("tuned", [False, True])
def test_an_interrupted_training_continues_to_the_same_weights(data, tokenizer, language_model_folder, tmp_path, tuned):
    def fresh():
        mapper = MapperParams(kind="transformer", prefix_length=2, clip_length=2, layers=1, heads=2)
        return new_captioner(mapper, 6, language_model_folder, tune_language_model=tuned)

    unbroken = fresh()
    train_captioner(unbroken, tokenizer, data, _params(8, validate_every=4))

    class KilledError(Exception):
        pass

    broken, calls = fresh(), []
    original = broken.forward

    def forward(*arguments):
        calls.append(1)
        if len(calls) == 6:
            raise KilledError
        return original(*arguments)

    broken.forward = forward
    params = _params(8, validate_every=4, checkpoint_every_steps=3)
    with pytest.raises(KilledError):
        train_captioner(broken, tokenizer, data, params, tmp_path)
    resumed = fresh()
    train_captioner(resumed, tokenizer, data, params, tmp_path)
    for name, value in unbroken.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_true_captions_are_more_likely_than_false_ones(trained, data, tokenizer):
    captioner, _ = trained
    features = data.features.select([str(n) for n in range(9)]).astype(np.float32)
    true = caption_log_likelihood(captioner, tokenizer, features, [_caption(n) for n in range(9)])
    false = caption_log_likelihood(captioner, tokenizer, features, [_caption(n + 1) for n in range(9)])
    assert (true > false).all()
    assert (true <= 0).all()


def test_sum_is_mean_times_length_and_batches_do_not_matter(trained, data, tokenizer):
    captioner, _ = trained
    texts = ["a dog", "a red horse runs .", "a cat sits on the green box ."]
    features = data.features.select(["0", "1", "2"])
    lengths = np.array([len(tokenizer.encode(text, add_special_tokens=False)) + 1 for text in texts])
    means = caption_log_likelihood(captioner, tokenizer, features, texts, batch_size=1)
    sums = caption_log_likelihood(captioner, tokenizer, features, texts, reduction="sum", batch_size=3)
    np.testing.assert_allclose(means * lengths, sums, rtol=1e-5)


def test_likelihood_equals_the_sum_over_single_tokens(trained, data, tokenizer):
    captioner, _ = trained
    feature = torch.from_numpy(data.features.select(["4"])).float()
    ids = [*tokenizer.encode("a blue cat .", add_special_tokens=False), tokenizer.eos_token_id]
    with torch.no_grad():
        expected = sum(
            float(captioner(feature, torch.tensor([ids[:n]], dtype=torch.long))[0, -1].log_softmax(-1)[ids[n]])
            for n in range(len(ids))
        )
    found = caption_log_likelihood(captioner, tokenizer, feature, ["a blue cat ."], reduction="sum")
    assert found[0] == pytest.approx(expected, abs=1e-4)


def test_language_alone_prefers_what_it_has_read(trained, tokenizer):
    captioner, _ = trained
    likely, unlikely = text_log_likelihood(
        captioner.language_model, tokenizer, ["a red dog runs .", "runs . a dog red"]
    )
    assert likely > unlikely


def test_an_empty_text_has_no_likelihood(trained, tokenizer):
    captioner, _ = trained
    with pytest.raises(ValueError, match="1 texts are empty, the first at position 1"):
        caption_log_likelihood(captioner, tokenizer, np.zeros((2, 6)), ["a dog", ""])


def test_a_prefix_is_read_out_as_tokens(trained, tokenizer):
    captioner, _ = trained
    tokens, cosines = read_prefix(captioner, tokenizer, torch.randn(2, 6))
    assert [len(row) for row in tokens] == [3, 3]
    assert cosines.shape == (2, 3)
    assert float(cosines.abs().max()) <= 1 + 1e-5
