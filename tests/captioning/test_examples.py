from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visual_relations.artefacts.feature_bank import FeatureBankWriter
from visual_relations.captioning.examples import CaptionBatches, collate, longest_kept, tokenize_captions
from visual_relations.captioning.params import IGNORED, ExampleParams


def _captions(*texts: str) -> pl.DataFrame:
    return pl.DataFrame({"image_id": [str(n) for n in range(len(texts))], "caption": list(texts)})


def test_a_caption_ends_with_the_end_token_unless_it_is_cut(tokenizer):
    examples = tokenize_captions(
        _captions("a dog .", "a red dog sits on a box ."), tokenizer, ExampleParams(max_tokens=5)
    )
    short, long = examples["tokens"].to_list()
    assert short == [*tokenizer.encode("a dog .", add_special_tokens=False), tokenizer.eos_token_id]
    assert len(long) == 5
    assert tokenizer.eos_token_id not in long
    assert examples["cut"].to_list() == [False, True]


def test_reference_mode_has_no_end_token_and_cuts_outliers(tokenizer):
    examples = tokenize_captions(_captions("a dog .", "a cat ."), tokenizer, ExampleParams(reference=True))
    assert all(tokenizer.eos_token_id not in tokens for tokens in examples["tokens"].to_list())
    lengths = [10] * 400 + [11, 200]
    assert longest_kept(lengths) < 200
    assert longest_kept([3, 4, 5]) == 5
    assert longest_kept([7]) == 7


def test_no_captions_are_an_error(tokenizer):
    with pytest.raises(ValueError, match="look at the rejected captions"):
        tokenize_captions(_captions().cast({"caption": pl.String}), tokenizer, ExampleParams())


def test_the_original_never_learns_token_zero():
    tokens = [np.array([0, 3, 0]), np.array([5])]
    assert collate(np.zeros((2, 4)), tokens).targets_NL.tolist() == [[0, 3, 0], [5, IGNORED, IGNORED]]
    assert collate(np.zeros((2, 4)), tokens, reference=True).targets_NL.tolist() == [
        [IGNORED, 3, IGNORED],
        [5, IGNORED, IGNORED],
    ]


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    with FeatureBankWriter(tmp_path_factory.mktemp("bank"), dim=1) as writer:
        writer.append([str(n) for n in range(40)], np.arange(40, dtype=np.float16)[:, None])
        return writer.finish()


def _examples(lengths: list[int]) -> pl.DataFrame:
    tokens = [[n] * length for n, length in enumerate(lengths)]
    ids = [str(n) for n in range(len(lengths))]
    return pl.DataFrame({"image_id": ids, "tokens": tokens}, schema_overrides={"tokens": pl.List(pl.Int32)})


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=40),
    batch_size=st.integers(1, 12),
    buckets=st.integers(1, 4),
    seed=st.integers(0, 3),
)
def test_an_epoch_shows_every_example_once_beside_its_own_image(bank, lengths, batch_size, buckets, seed):
    batches = CaptionBatches(bank, _examples(lengths), batch_size, buckets, seed)
    for epoch in (0, 1):
        shown: list[int] = []
        for place in range(batches.per_epoch):
            batch = batches[epoch * batches.per_epoch + place]
            assert batch.tokens_NL[:, 0].tolist() == batch.features_ND[:, 0].tolist()
            assert (
                (batch.targets_NL != IGNORED).sum(1)
                == batch.targets_NL.new_tensor([lengths[n] for n in batch.tokens_NL[:, 0]])
            ).all()
            shown += batch.tokens_NL[:, 0].tolist()
        assert len(shown) == len(set(shown)) == len(lengths) // batches.batch_size * batches.batch_size


def test_a_batch_depends_on_its_number_only(bank):
    examples = _examples([1, 5, 2, 4, 3, 3, 2, 6, 1, 2])
    first, second = (CaptionBatches(bank, examples, 3, 2, seed=4) for _ in range(2))
    numbers = [7, 0, 3, 7, 1]
    for number in numbers:
        assert first[number].tokens_NL.equal(second[number].tokens_NL)
    epochs = [[tuple(first[e * 3 + n].tokens_NL[:, 0].tolist()) for n in range(3)] for e in (0, 1)]
    assert epochs[0] != epochs[1]


def test_buckets_save_padding(bank):
    rng = np.random.default_rng(0)
    examples = _examples(rng.integers(1, 20, 40).tolist())

    def padding(buckets: int) -> int:
        batches = CaptionBatches(bank, examples, 4, buckets)
        return sum(int((batches[n].targets_NL == IGNORED).sum()) for n in range(batches.per_epoch))

    assert padding(10) < padding(1) / 2


def test_validation_shows_everything_once(bank):
    batches = CaptionBatches(bank, _examples([3, 1, 2, 5, 4]), 2)
    shown = [int(row) for batch in batches.in_order() for row in batch.tokens_NL[:, 0]]
    assert sorted(shown) == [0, 1, 2, 3, 4]


def test_a_caption_without_an_image_vector_is_named(bank):
    with pytest.raises(KeyError, match="1 of 1 ids are not in the bank"):
        CaptionBatches(bank, pl.DataFrame({"image_id": ["nobody"], "tokens": [[1]]}), 2)
