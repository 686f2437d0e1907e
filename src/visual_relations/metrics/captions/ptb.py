"""The Penn Treebank tokenizer that every published COCO caption score went through, in Python.

It follows Stanford's tokenizer 3.4.1 with `-preserveLines -lowerCase` and then drops 17 punctuation tokens, as COCO's
evaluation does. Like that lexer, the longest match of all rules wins, its look-ahead included; among equally long ones
the earlier rule. `java.tokenize` runs the original; on ordinary text the two agree, and a test compares them wherever
Java is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

# Dropped before lower-casing became part of the tokenizer, so brackets ("-lrb-") survive as words.
PUNCTUATION = frozenset(["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", *".?!,:;-", "--", "..."])

_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f\u00ad])"
_ALNUM = rf"(?:{_LETTER}|\d)"
_QUOTE = r"['\u2019\u0092]"  # apostrophes; a word may also be cut at a back-tick
_NOT_N_T = r"(?![^\W\d_])"

# Words that keep their dot: in any case; only capitalised; only before a number.
_ABBREVIATIONS = """
    al co ct ga jr ky md mo rd rt sq sr va vt ala apr aug bhd cos dak dec esq est etc ext feb fla fri inc ind jan jul jun
    kan ltd mar mon neb nev nov oct plc sep seq sys tel thu tue wed wis wyo ariz assn bldg blvd bros colo conn corp intl
    kans mich minn mont okla penn sept tenn tues univ wisc calif bancorp thurs
    cf dr drs ft lt mr mrs ms mt ph st ste vs wm adj adm adv ave cie col cpl det ens gen gov govs hon jos maj mme pfc pvt
    rep reps rev sen sens sfc sgt spc alex asst atty attys brig capt cmdr comdr dept elec insp invt lieut messrs mfg mlle
    msgr mtg natl pres prof profs pte ptes pty ptys ppte ppty supt supts
    [a-z] ph\\.d ed\\.d
""".split()
_CAPITALISED = "Mass Del Wash Tex Ore Miss Pa La Ill Ark Az".split()
_NUMBERED = "art ca figs? nos? op pp prop".split()
# A single letter loses its dot when one of these, capitalised, opens the next sentence.
_OPENINGS = """
    A About According Additionally After An As At But Earlier He Her Here However If In It Last Many More Mr\\. Now Once One
    Other Our She Since So Some Such That The Their Then There These They This We What When While Yet You
""".split()

# (pattern, replacement): the token is the first group, the rest is look-ahead that only counts for the length.
_RULES: list[tuple[str, str | None]] = [
    (rf"({_LETTER}{_ALNUM}*(?:[.!?]{_LETTER}{_ALNUM}*)*)", None),
    (r"([A-Za-z0-9]+)", None),
    (rf"({_LETTER}{_ALNUM}*?)n['\u2019\u0092`]t{_NOT_N_T}", None),  # do|n't
    (rf"(n['\u2019\u0092`]t){_NOT_N_T}", None),
    (rf"({_QUOTE}(?:[msd]|ll|re|ve)){_NOT_N_T}", None),
    # cannot, gonna, 'tis … are two tokens
    (r"(can)not(?![^\W_])", None),
    (r"(gon|got|wan)(?:na|ta)(?![^\W_])", None),
    (r"(lem|gim)me(?![^\W_])", None),
    (rf"({_QUOTE}t)(?:is|was)(?![^\W_])", None),
    # words with an apostrophe inside or at an edge
    (rf"({_QUOTE}n{_QUOTE}?){_NOT_N_T}", None),
    (rf"({_QUOTE}(?:em|till?|cause|[2-9]0s|\d\d)){_NOT_N_T}", None),
    (rf"([dol]{_QUOTE}{_ALNUM}+)", None),
    (rf"(y{_QUOTE})(?=\w)", None),
    (rf"(c{_QUOTE}mon|{_LETTER}*[aeiouy]{_QUOTE}[aeiou]{_LETTER}*)", None),
    # hyphens, underscores, slashes
    (rf"({_ALNUM}(?:{_ALNUM}|[.,])*(?:-(?:{_ALNUM}+|[A-Za-z](?:\.[A-Za-z])+\.))+)", None),
    (r"([A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)+)", None),
    (r"([A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:\\?/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2})", None),
    # abbreviations and acronyms keep their dot
    (r"([A-Za-z](?:\.[A-Za-z])+\.)", None),
    (rf"((?:{'|'.join(_ABBREVIATIONS)})\.)", None),
    (rf"((?-i:{'|'.join(f'{word}|{word.upper()}' for word in _CAPITALISED)})\.)", None),
    (rf"((?:{'|'.join(_NUMBERED)})\.)(?=\s?\d)", None),
    (rf"([A-Za-z])\.\s+(?-i:{'|'.join(f'{word}|{word.upper()}' for word in _OPENINGS)})\s", None),
    # numbers and money
    (r"([-+]?(?:\d+|\d*(?:[.:,]\d+)+))", None),
    (r"((?:\d{1,4}[- \u00a0])?\d{1,4}\\?/\d{1,4})", None),
    (r"((?-i:[A-Z]{1,2})?\$)", None),
    (r"(\u00a2)", "cents"),
    (r"(\u00a3)", "#"),
    (r"([\u20ac\u00a4\u0080\u20a0])", "$"),
    (r"(\u00bd)", "1/2"),
    (r"(\u00bc)", "1/4"),
    (r"(\u00be)", "3/4"),
    (r"(\u2153)", "1/3"),
    (r"(\u2154)", "2/3"),
    # names of the net
    (r"(https?://[^\s\"<>|()]+[^\s\"<>|.!?(){},-])", None),
    (r"(www\.(?:[^\s\"<>|.!?(){},]+\.)+[a-z]{2,4}(?:/[^\s\"<>|()]+[^\s\"<>|.!?(){},-])?)", None),
    (r"([a-z0-9][^\s\"<>|()]*@(?:[^\s\"<>|(){}.@]+\.)*[^\s\"<>|(){}.@]+)", None),
    (r"(@[a-z_]\w*)", None),
    (r"(#[a-z]+)", None),
    (r"(</?[a-z!][^<>]*>)", None),
    # symbols
    (r"((?-i:[A-Z]+&[A-Z]+))", None),
    (r"((?-i:[CF])#|c\+\+)", None),
    (r"([<>]?[:;=][-o*']?[()DPO\\{@|\[\]])(?![a-z])", None),
    (r"(\^_\^)", None),
    (r"(\*+|_+|#+|[!?]+)", None),
    (r"([\u2013-\u2015\u0096\u0097]|-{2,}|-)", "--"),
    (r"(&amp;)", "&"),
    (r"(&lt;)", "<"),
    (r"(&gt;)", ">"),
    (r"(&quot;|''|``|[\"'`\u2018-\u201f\u2039\u203a\u00ab\u00bb\u0091-\u0094])", "''"),
    (r"([(])", "-lrb-"),
    (r"([)])", "-rrb-"),
    (r"(\[)", "-lsb-"),
    (r"(\])", "-rsb-"),
    (r"(\{)", "-lcb-"),
    (r"(\})", "-rcb-"),
    (r"(\u2026)", "..."),
    # the rest of what its lexer knows; it silently drops other characters
    (r"([!-~\u00a1-\u00ff\u2016-\u2bff\ufffd])", None),
]


def tokenize(captions: Iterable[str]) -> list[str]:
    """Tokenise captions.

    Args:
        captions: Any text; line breaks count as blanks.

    Returns:
        One string per caption: lower-case tokens joined by blanks, punctuation dropped. An empty caption stays empty.
    """
    return [" ".join(token for token in _tokens(caption) if token not in PUNCTUATION) for caption in captions]


@cache
def _compiled() -> list[tuple[re.Pattern[str], str | None]]:
    return [(re.compile(pattern, re.IGNORECASE), replacement) for pattern, replacement in _RULES]


# Where a rule can look past a blank: tags, "3 1/2", "no. 5", "plan a. The".
_CROSSING = re.compile(rf"<|\d\s+\d|\b(?:[a-z]|{'|'.join(_NUMBERED)})\.\s", re.IGNORECASE)


def _tokens(caption: str) -> list[str]:
    if _CROSSING.search(caption):
        return _scan(caption)
    return [token for chunk in caption.split() for token in _scan_chunk(chunk)]


@cache
def _scan_chunk(chunk: str) -> list[str]:
    """Tokens of text without blanks; captions share most of theirs, so they are worth remembering."""
    return _scan(chunk)


def _scan(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text):
        best, replacement = None, None
        for pattern, text_instead in _compiled():
            match = pattern.match(text, position)
            if match and (best is None or match.end() > best.end()):
                best, replacement = match, text_instead
        if best is None:
            position += 1
            continue
        tokens.append(replacement or best[1].lower().replace("\u00ad", "").replace(" ", "\u00a0"))
        position = best.end(1)
    return tokens
