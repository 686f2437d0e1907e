"""Choose probe items whose texts do not give the answer away.

Adversarial refinement as SugarCrepe's authors do it (arXiv 2306.14610), against one language model: for every item it
prefers the true text of, there is one it prefers the wrong text of, so by itself it is right half the time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from visual_relations.captioning.language_models import load_language_model, load_tokenizer
from visual_relations.captioning.scoring import text_log_likelihood

T = TypeVar("T")
Gap = Callable[[Sequence[str], Sequence[str]], npt.NDArray[np.float64]]


def language_gap(files: Mapping[str, bytes]) -> Gap:
    """How much likelier a language model finds true texts than wrong ones: log-probability per token, texts (N,) each.

    Args:
        files: Of a transformers folder with its tokenizer, by name.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        model, tokenizer = load_language_model(folder), load_tokenizer(folder)

    def gap(true: Sequence[str], wrong: Sequence[str]) -> npt.NDArray[np.float64]:
        score = dict(zip(texts := sorted({*true, *wrong}), text_log_likelihood(model, tokenizer, texts), strict=True))
        return np.array([score[a] - score[b] for a, b in zip(true, wrong, strict=True)])

    return gap


def refine(
    items: Sequence[T], gaps: npt.NDArray[np.float64], groups: Sequence[Hashable], most: int | None = None
) -> list[T]:
    """Choose at most one item of each group, as many with a positive as with a negative gap.

    Args:
        items: N items; those of a group are alternatives, e.g. several wrong texts for one true text.
        gaps: Of the items (N,).
        groups: Of the items.
        most: As many at the most.

    Returns:
        The chosen ones, in their order. Of each sign those with the smallest gaps stay.
    """
    nearest: dict[Hashable, dict[bool, int]] = {}
    for place in np.argsort(np.abs(gaps), kind="stable")[::-1].tolist():
        nearest.setdefault(groups[place], {})[bool(gaps[place] > 0)] = place
    sides: dict[bool, list[int]] = {
        sign: [n[sign] for n in nearest.values() if set(n) == {sign}] for sign in (True, False)
    }
    for options in sorted((n for n in nearest.values() if len(n) == 2), key=lambda n: sorted(n.values())):
        sign = len(sides[True]) < len(sides[False])
        sides[sign].append(options[sign])
    size = min(*map(len, sides.values()), len(items) if most is None else most // 2)
    chosen = [place for side in sides.values() for place in sorted(side, key=lambda p: abs(gaps[p]))[:size]]
    return [items[place] for place in sorted(chosen)]
