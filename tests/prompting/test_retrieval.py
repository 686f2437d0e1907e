"""Retrieval is exact top-1 cosine over the whole bank, in blocks of any size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visual_relations.prompting.retrieval import nearest_texts


class Bank:
    def __init__(self, features):
        self.features = np.asarray(features, np.float16)

    def __len__(self):
        return len(self.features)

    def rows(self, index):
        return self.features[index]


def brute_force(images, texts):
    images, texts = (np.asarray(x, np.float16).astype(np.float64) for x in (images, texts))
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    return images @ texts.T


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 90), st.integers(1, 9), st.floats(1e-4, 0.02), st.integers(0, 10_000))
def test_any_block_size_finds_the_nearest_text(n_images, n_texts, dim, block_mb, seed):
    rng = np.random.default_rng(seed)
    images, texts = rng.normal(size=(n_images, dim)) + 0.01, rng.normal(size=(n_texts, dim)) + 0.01
    cosines = brute_force(images, texts)
    row, cosine = nearest_texts(Bank(images), Bank(texts), block_mb)
    np.testing.assert_allclose(cosine, cosines.max(1), atol=1e-5)
    np.testing.assert_allclose(cosines[np.arange(n_images), row], cosines.max(1), atol=1e-6)


def test_of_equal_texts_the_first_wins_across_blocks():
    texts = np.tile([[1.0, 0.0]], (9000, 1))
    row, _ = nearest_texts(Bank([[2.0, 0.0]]), Bank(texts), 0.1)
    assert row.tolist() == [0]


def test_direction_counts_not_length():
    row, cosine = nearest_texts(Bank([[1.0, 0.1]]), Bank([[100.0, 90.0], [0.5, 0.05]]))
    assert row.tolist() == [1]
    assert cosine[0] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_a_feature_without_direction_is_named(bad):
    with pytest.raises(ValueError, match="pair 1 "):
        nearest_texts(Bank([[1.0, 1.0], [bad, bad]]), Bank([[1.0, 0.0]]))


def test_an_empty_bank_says_what_to_check():
    with pytest.raises(ValueError, match="text bank is empty"):
        nearest_texts(Bank([[1.0, 1.0]]), Bank(np.empty((0, 2))))
