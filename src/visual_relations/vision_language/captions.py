"""Captions as ALBEF and X-VLM clean them, in training and in every evaluation."""

from __future__ import annotations

import re

_DROPPED = re.compile(r"[,.'!?\"()*#:;~]")
_TO_BLANK = re.compile(r"[-/]")
_RUNS = re.compile(r"\s{2,}")


def clean_caption(caption: str, most_words: int = 40) -> str:
    """Lower case, no punctuation, single blanks, the first words only.

    Args:
        caption: Any text.
        most_words: Words kept; evaluations use 40, ALBEF's training 30.

    Returns:
        The clean caption; empty when nothing is left (X-VLM raises there, ALBEF does not).
    """
    text = _TO_BLANK.sub(" ", _DROPPED.sub("", caption.lower())).replace("<person>", "person")
    text = _RUNS.sub(" ", text).rstrip("\n").strip(" ")
    return " ".join(text.split(" ")[:most_words])
