"""The Penn Treebank tokenizer on the cases that simpler tokenizers get wrong."""

# ruff: noqa: RUF001  the odd quotes are the test

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_relations.metrics.captions.ptb import PUNCTUATION, tokenize

STRESS = {
    "A man (left) and a dog [x] near {x}.": "a man -lrb- left -rrb- and a dog -lsb- x -rsb- near -lcb- x -rcb-",
    "I can't, you cannot, gonna, gotta and 'tis": "i ca n't you can not gon na got ta and 't is",
    "the dogs' bones and the dog's bone": "the dogs bones and the dog 's bone",
    "Don’t touch someone’s hand": "do n't touch someone 's hand",
    "£6 €7 ½ 1/2 and/or": "# 6 $ 7 1/2 1/2 and/or",
    "t-shirt well-lit rat_mouse 10:30 o'clock 1,000 3rd": "t-shirt well-lit rat_mouse 10:30 o'clock 1,000 3rd",
    "C++ c# AT&T R&B http://a.com/b?c=d": "c++ c# at&t r&b http://a.com/b?c=d",
    "100% #2 w/ cat*dog man's/woman's": "100 % # 2 w / cat * dog man 's / woman 's",
    "Wow!!! What?? Really! p.m. u.s.a. mr. e.g. etc.": "wow !!! what ?? really p.m. u.s.a. mr. e.g. etc.",
    "A sign. A dog. bananas.The end.": "a sign a dog bananas.the end",
    '"quotes" -- dashes – and … ellipsis ...': "quotes dashes and ellipsis",
    "colour grey centre café naïve": "colour grey centre café naïve",
    "reads K. A bus": "reads k a bus",
    "reads K. on a bus": "reads k. on a bus",
    "route no. 5, no. Not": "route no. 5 no not",
    "2 1/2 cups": "2\u00a01/2 cups",
    "": "",
    " \n ": "",
    "...": "",
}


@pytest.mark.parametrize(("caption", "tokens"), STRESS.items())
def test_stress_list(caption, tokens):
    assert tokenize([caption]) == [tokens]


def test_a_final_letter_with_dot_looks_at_the_next_caption_as_the_original_does():
    assert tokenize(["a sign that reads K.", "A dog"])[0] == "a sign that reads k"
    assert tokenize(["a sign that reads K.", "two dogs"])[0] == "a sign that reads k."


@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_text_gives_one_line_of_lower_case_tokens_per_caption(captions):
    lines = tokenize(captions)
    assert len(lines) == len(captions)
    for line in lines:
        assert "\n" not in line
        assert not PUNCTUATION & set(line.split(" "))
        assert line == line.strip(" ")


@given(st.lists(st.from_regex(r"[a-z]{5,8}", fullmatch=True), min_size=1, max_size=8))
def test_plain_words_stay_themselves(words):
    assert tokenize([" ".join(words).capitalize() + " !"]) == [" ".join(words)]
