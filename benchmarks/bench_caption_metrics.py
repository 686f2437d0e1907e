"""BLEU, ROUGE-L and CIDEr of 5,000 images with 5 references each, against pycocoevalcap in the same run."""

from __future__ import annotations

import contextlib
import io
import random

from benchmarks.report import Row, best_of, show
from visual_relations.metrics.captions import caption_metrics
from visual_relations.metrics.captions.ptb import tokenize

IMAGES = 5_000
REFERENCES = 5
LIMIT_SECONDS = 30


def run() -> list[Row]:
    hypotheses, references = _captions()
    try:
        reference = best_of(lambda: _pycocoevalcap(hypotheses, references), repeats=1)
    except ModuleNotFoundError:
        reference = float("nan")
    ours = best_of(lambda: caption_metrics(hypotheses, references, tokenize=list))
    with_tokenizer = best_of(lambda: caption_metrics(hypotheses, references), repeats=1)
    passed = ours < LIMIT_SECONDS and not ours >= reference
    note = "5,000 images, 5 references each, tokens given" + (
        "" if reference == reference else "; pycocoevalcap is not installed"
    )
    return [
        Row("caption metrics", ours, reference, reference / ours, f"> 1 and < {LIMIT_SECONDS} s", passed, note),
        Row(
            "… from raw text",
            with_tokenizer,
            reference,
            reference / with_tokenizer,
            f"< {LIMIT_SECONDS} s",
            with_tokenizer < LIMIT_SECONDS,
            "with the PTB tokenizer; the reference without",
        ),
    ]


def _captions() -> tuple[dict[str, str], dict[str, list[str]]]:
    """Sentences with a vocabulary as skewed as COCO's, about ten words long."""
    rng = random.Random(0)
    vocabulary = [f"w{rank}" for rank in range(8_000)]
    weights = [1 / (rank + 3) for rank in range(len(vocabulary))]

    def sentence() -> str:
        return " ".join(rng.choices(vocabulary, weights, k=rng.randint(7, 14)))

    ids = [str(i) for i in range(IMAGES)]
    references = {i: [sentence() for _ in range(REFERENCES)] for i in ids}
    # Half of a reference, half of something else: a caption that is partly right.
    hypotheses = {i: " ".join([*references[i][0].split()[:5], *sentence().split()[:5]]) for i in ids}
    assert tokenize(list(hypotheses.values())) == list(hypotheses.values())
    return hypotheses, references


def _pycocoevalcap(hypotheses: dict[str, str], references: dict[str, list[str]]) -> None:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    candidates = {image: [text] for image, text in hypotheses.items()}
    with contextlib.redirect_stdout(io.StringIO()):
        for scorer in (Bleu(4), Rouge(), Cider()):
            scorer.compute_score(references, candidates)


if __name__ == "__main__":
    raise SystemExit(0 if show(run()) else 1)
