"""The token patterns of Stanford's PTB tokenizer 3.4.1, found by asking it; `ptb` says how they are used.

All patterns ignore case unless they say otherwise.
"""

# ruff: noqa: SIM905  word lists read best as text

from __future__ import annotations

_LETTER = r"(?:[^\W\d_\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209c\u2150-\u2189]|[\u0300-\u036f\u00ad])"
_ALNUM = rf"(?:{_LETTER}|\d)"
_QUOTE = r"['\u2019\u0092]"
_CLITIC = r"(?:'(?:[msd]|ll|re|ve)(?![^\W\d_])|[\u2019\u0092](?:[msd]|ll|re|ve))"  # 's, 'll …
_NEGATION = r"n['\u2019\u0092`]t"

# Words that keep their dot: in any case; only capitalised; only before a number.
_ABBREVIATIONS = r"""
    ph\.d ed\.d [a-z] al co ct ga jr ky md mo rd rt sq sr va vt ala apr aug bhd cos dak dec esq est
    etc ext feb fla fri inc ind jan jul jun kan ltd mar mon neb nev nov oct plc sep seq sys tel thu
    tue wed wis wyo ariz assn bldg blvd bros colo conn corp intl kans mich minn mont okla penn sept
    tenn tues univ wisc calif bancorp thurs cf dr drs ft lt mr mrs ms mt ph st ste vs wm adj adm adv
    ave cie col cpl det ens gen gov govs hon jos maj mme pfc pvt rep reps rev sen sens sfc sgt spc
    alex asst atty attys brig capt cmdr comdr dept elec insp invt lieut messrs mfg mlle msgr mtg
    natl pres prof profs pte ptes pty ptys ppte ppty supt supts
""".split()
_CAPITALISED = "Mass Del Wash Tex Ore Miss Pa La Ill Ark Az".split()
NUMBERED = "art ca figs? nos? op pp prop".split()
# A single letter loses its dot when one of these, capitalised, opens the next sentence.
_OPENINGS = """
    A About After An As At But Earlier He Her Here However If In It Last Many More Now Once One Other She Since So Some
    Such That The Their Then There These They This We What When While Yet You
""".split()
_BRACKETS = "-lrb- -rrb- -lsb- -rsb- -lcb- -rcb-".split()


def _cased(words: list[str]) -> str:
    return f"(?-i:{'|'.join(f'{word}|{word.upper()}' for word in words)})"


# Pattern and what to write instead of it (None: itself). The token is the first group; what follows it in the pattern
# is look-ahead that counts for the length of the match.
RULES: list[tuple[str, str | None]] = [
    # contractions: do|n't, dog|'s, can|not, gon|na, 't|is, y'|all
    (rf"({_LETTER}{_ALNUM}*?)(?<!n){_NEGATION}", None),
    (rf"({_NEGATION}){_CLITIC}", "'"),
    (rf"({_NEGATION})(?![^\W\d_])", "'"),
    (rf"({_LETTER}{_ALNUM}*){_CLITIC}", None),
    (rf"({_CLITIC})", "'"),
    (r"(can)not", None),
    (r"(gon|got|wan)(?:(?<=n)na|(?<=t)ta)", None),
    (r"(lem|gim)me", None),
    (rf"({_QUOTE}t)(?:is|was)", "'"),
    (rf"(y{_QUOTE})[^\W\d_]", "'"),
    (rf"([ldj]{_QUOTE})(?=\w)", "'"),
    # words with an apostrophe inside or at the front: D'Angelo, o'clock, ma'am, rock 'n' roll, '80s
    (rf"((?:(?-i:[A-HJ-XZn])|[dol]){_QUOTE}{_LETTER}{{2,}})", None),
    (rf"({_LETTER}+(?-i:[aeiouyAEIOU]){_QUOTE}(?-i:[aeiouA-Z]){_LETTER}*)", None),
    (
        rf"(c{_QUOTE}(?:mon|est)|e{_QUOTE}e[nr]|(?:nat|li){_QUOTE}l|ev{_QUOTE}ry|cap{_QUOTE}n|nor{_QUOTE}easter|s{_QUOTE}mores)",
        None,
    ),
    (rf"((?:ol|dunkin|somethin){_QUOTE})(?!\w)", None),
    (rf"({_QUOTE}n(?:{_QUOTE}|(?![^\W\d_])))", None),
    (rf"({_QUOTE}(?:em|till?|cause|[2-9]0s))", None),
    (rf"({_QUOTE}\d\d)(?:\s|$)", "'"),
    # words, also joined by dots, hyphens, underscores and slashes
    (rf"({_LETTER}{_ALNUM}*(?:[.!?]{_LETTER}{_ALNUM}*)*)", None),
    (rf"({_LETTER}(?:[-_]?{_ALNUM})*(?:[.!?]{_LETTER}{_ALNUM}*)*\.)[,;:]", None),
    (rf"({_ALNUM}+)", None),
    (rf"({_ALNUM}(?:{_ALNUM}|[.,])*(?:-(?:{_ALNUM}+|[a-z](?:\.[a-z])+\.))+)", None),
    (rf"({_ALNUM}+(?:[-_]{_ALNUM}+)+)", None),
    (r"([a-z0-9]+(?:-[a-z]+){0,2}(?:\\?/[a-z0-9]+(?:-[a-z]+){0,2}){1,2})", None),
    # abbreviations and acronyms keep their dot
    (r"([a-z](?:\.[a-z])+\.)", None),
    (rf"((?:{'|'.join(_ABBREVIATIONS)})\.)", None),
    (rf"({_cased(_CAPITALISED)}\.)", None),
    (rf"((?:{'|'.join(NUMBERED)})\.)\s?\d", None),
    (rf"([a-z])\.\s+{_cased(_OPENINGS)}(?!\w)", None),
    # numbers and money
    (r"([-+]?(?:\d*(?:[.:,]\d+)+|\d+))", None),
    (r"((?:\d{1,4}[- ])?\d{1,4}\\?/\d{1,4})", None),
    (r"((?:\(\d{2,3}\) ?|(?:\+\+?)?(?:\d{2,4}[- ])?\d{2,4}[- ])\d{3,4}[- ]?\d{3,5})", None),  # telephone
    (r"((?-i:[A-Z]+)?\$)", None),
    *(
        (rf"({sign})", name)
        for sign, name in (("\u00a2", "cents"), ("\u00a3", "#"), ("[\u0080\u00a4\u20a0\u20ac]", "$"))
    ),
    *(
        (rf"({sign})", name)
        for sign, name in zip("\u00bc\u00bd\u00be\u2153\u2154", "1/4 1/2 3/4 1/3 2/3".split(), strict=True)
    ),
    # names of the net
    (r"(https?://[^\s\"<>|()]+[^\s\"<>|.!?(){},-])", None),
    (
        r"((?:www\.(?:[^\s\"<>|.!?(){},]+\.)+[a-z]{2,4}|[a-z0-9.]+\.(?:com|net|org|edu))/[^\s\"<>|()]+[^\s\"<>|.!?(){},-])",
        None,
    ),
    (r"([a-z0-9][^\s\"<>|()]*@(?:[^\s\"<>|(){}.@]+\.)*[^\s\"<>|(){}.@]+)", None),
    (r"(@[a-z_]\w*)", None),
    (rf"(#{_LETTER}+)", None),
    (r"(</?[a-z!][^<>]*>)", None),
    # symbols; `-` stands for all that is dropped
    (r"((?-i:[A-Z]+(?:&[A-Z]+)+))", None),
    (r"([cf]#|c\+\+)", None),
    (r"([<>]?[:;=][-o*']?(?-i:[DPdpO()\\{@|\[\]]))(?![a-z])", None),
    (r"([-~^=x<>']_[-~^=x<>'])", None),
    (r"(\*+|_+|#+|@@+|[!?]+)", None),
    (r"(&amp;)", "&"),
    (r"(&lt;)", "<"),
    (r"(&gt;)", ">"),
    (
        r"(&quot;|\.\.\.|''|``|--+|[-\"'`\u0091-\u0094\u0096\u0097\u00ab\u00bb\u2013-\u2015\u2018-\u201f\u2026\u2039\u203a])",
        "-",
    ),
    *((rf"(\{sign})", name) for sign, name in zip("()[]{}", _BRACKETS, strict=True)),
    # The rest of what the lexer knows; it skips other characters silently.
    (r"([!-~\u00a1-\u00ff\u2016\u2017\u2020-\u2bff\ufffd])", None),
]
