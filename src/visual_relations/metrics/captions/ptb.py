"""The Penn Treebank tokenizer that every published COCO caption score went through, in Python.

It follows Stanford's tokenizer 3.4.1 with `-preserveLines -lowerCase` and then drops 17 punctuation tokens, as COCO's
evaluation does. Like that lexer, the longest match of all rules wins, its look-ahead included; among equally long ones
the earlier rule. `java.tokenize` runs the original, and a test compares the two wherever it is installed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from visual_relations.metrics.captions.ptb_rules import NUMBERED, RULES

# Compared with lower-cased tokens, so brackets ("-lrb-") survive as words, as they do in the published scores.
PUNCTUATION = frozenset(["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", *".?!,:;-", "--", "..."])

# Where a rule can look past a blank: tags, "3 1/2", "no. 5", "plan A. The", "the '80 ".
_CROSSING = re.compile(rf"<|[\d)]\s+\d|\b(?:[a-z]|{'|'.join(NUMBERED)})\.(?:\s|$)", re.IGNORECASE)


def tokenize(captions: Sequence[str]) -> list[str]:
    """Tokenise captions.

    Args:
        captions: Any text; line breaks count as blanks. Neighbours matter in one corner, as in the original, which
            reads all captions as one text: whether a final "no." or "A." keeps its dot depends on how the next begins.

    Returns:
        One string per caption: lower-case tokens joined by blanks, punctuation dropped. An empty caption stays empty.
    """
    following = [*captions, ""][1:]
    return [
        " ".join(token for token in _tokens(caption, after) if token and token not in PUNCTUATION)
        for caption, after in zip(captions, following, strict=True)
    ]


def _tokens(caption: str, following: str) -> list[str]:
    if _CROSSING.search(caption):
        return _scan(f"{caption}\n{following[:20]}", len(caption))
    return [token for chunk in caption.split() for token in _scan_chunk(chunk)]


@cache
def _scan_chunk(chunk: str) -> list[str]:
    """Tokens of text without blanks; captions share most of theirs, so they are worth remembering."""
    return _scan(chunk, len(chunk))


@cache
def _compiled() -> list[tuple[re.Pattern[str], str | None]]:
    return [(re.compile(pattern, re.IGNORECASE), replacement) for pattern, replacement in RULES]


def _scan(text: str, end: int) -> list[str]:
    """Tokens of `text` that start before `end`."""
    tokens, position = [], 0
    while position < end:
        matches = ((pattern.match(text, position), replacement) for pattern, replacement in _compiled())
        match, replacement = max(matches, key=lambda found: found[0].end() if found[0] else -1)
        if match is None:
            position += 1
            continue
        tokens.append(_written(match[1], replacement))
        position = match.end(1)
    return tokens


def _written(token: str, replacement: str | None) -> str:
    if replacement == "'":
        return re.sub("[\u2019\u0092]", "'", token).lower()
    if replacement is not None:
        return replacement
    # Brackets inside a token are those of smileys; a blank inside becomes a hard one.
    plain = token.lower().replace("(", "-lrb-").replace(")", "-rrb-")
    return plain.replace("\u00ad", "").replace(" ", "\u00a0")
