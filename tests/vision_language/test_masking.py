from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visual_relations.vision_language.losses.ignored import IGNORED
from visual_relations.vision_language.masking import NO_WORD, choose_tokens, choose_words, draw_and_hide
from visual_relations.vision_language.tokenizer import WordPiece

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "man", "rid", "##ing", "horse", "on", "beach", "##es"]


@pytest.fixture
def tokenizer(tmp_path: Path) -> WordPiece:
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    return WordPiece(tmp_path)


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=12),
    st.floats(0.05, 0.95),
    st.one_of(st.none(), st.integers(1, 6)),
    st.integers(0, 2**32),
)
def test_whole_words_are_hidden_or_not(lengths: list[int], share: float, most: int | None, seed: int) -> None:
    words = np.array([[NO_WORD, *np.repeat(np.arange(len(lengths)), lengths), NO_WORD]])
    chosen = choose_words(np.random.default_rng(seed), words, share, most)
    assert not chosen[words == NO_WORD].any()
    hidden = [chosen[words == word] for word in range(len(lengths))]
    assert all(word.all() or not word.any() for word in hidden)
    assert chosen.any()
    wanted = max(1, round(share * sum(lengths)))
    # More is hidden only when the first word drawn is longer by itself.
    assert chosen.sum() <= max(min(wanted, most or wanted), max(lengths))


def test_a_quarter_of_the_tokens_is_hidden_on_average() -> None:
    words = np.tile(np.array([NO_WORD, *range(20), NO_WORD]), (500, 1))
    share = choose_words(np.random.default_rng(0), words, 0.25).sum() / (500 * 20)
    assert share == pytest.approx(0.25, abs=0.01)


def test_tokens_are_hidden_by_themselves_as_often_as_asked() -> None:
    maskable = np.ones((200, 50), dtype=bool)
    maskable[:, 0] = False
    chosen = choose_tokens(np.random.default_rng(0), maskable, 0.15)
    assert not chosen[:, 0].any()
    assert chosen[:, 1:].mean() == pytest.approx(0.15, abs=0.01)


def test_eight_of_ten_become_the_mask_and_one_stays() -> None:
    ids = np.full((400, 50), 7)
    chosen = np.ones_like(ids, dtype=bool)
    hidden, labels = draw_and_hide(np.random.default_rng(0), ids, chosen, vocabulary=10**6, mask_id=4)
    assert (labels == 7).all()
    assert (hidden == 4).mean() == pytest.approx(0.8, abs=0.01)
    assert (hidden == 7).mean() == pytest.approx(0.1, abs=0.01)


def test_what_is_not_chosen_stays_and_has_no_label() -> None:
    ids = np.arange(12).reshape(2, 6)
    hidden, labels = draw_and_hide(np.random.default_rng(0), ids, np.zeros_like(ids, dtype=bool), 20, 4)
    assert np.array_equal(hidden, ids)
    assert (labels == IGNORED).all()


def test_graph_sentences_keep_their_separators_as_special_tokens(tokenizer: WordPiece) -> None:
    encoded = tokenizer.encode(["man riding horse [SEP] horse on beaches", "man"])
    names = [[WORDS[number] for number in row] for row in encoded.ids]
    assert names[0] == ["[CLS]", "man", "rid", "##ing", "horse", "[SEP]", "horse", "on", "beach", "##es", "[SEP]"]
    assert names[1][:4] == ["[CLS]", "man", "[SEP]", "[PAD]"]
    assert encoded.mask.sum(1).tolist() == [11, 3]
    special = np.isin(encoded.ids, tokenizer.special)
    assert np.array_equal(encoded.words == NO_WORD, special)
    assert encoded.words[0][2] == encoded.words[0][3]  # "rid ##ing" is one word


def test_long_texts_are_cut_and_still_end(tokenizer: WordPiece) -> None:
    ended = tokenizer.encode(["man on horse on beach"], most=4)
    assert [WORDS[number] for number in ended.ids[0]] == ["[CLS]", "man", "on", "[SEP]"]
    open_ended = tokenizer.encode(["man on horse on beach"], most=4, end=False)
    assert [WORDS[number] for number in open_ended.ids[0]] == ["[CLS]", "man", "on", "horse"]


def test_a_folder_without_a_bert_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"vocab\.txt"):
        WordPiece(tmp_path)
    (tmp_path / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\nman")
    with pytest.raises(ValueError, match="PAD"):
        WordPiece(tmp_path)
