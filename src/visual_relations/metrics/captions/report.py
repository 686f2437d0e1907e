"""All caption metrics of a set of images, as a table and as rows of the project's metric table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from visual_relations.metrics.captions import java, ptb
from visual_relations.metrics.captions.bleu import bleu
from visual_relations.metrics.captions.cider import cider
from visual_relations.metrics.captions.ngrams import ORDERS, Captions, count_ngrams
from visual_relations.metrics.captions.rouge import rouge_l

BLEU_NAMES = tuple(f"BLEU-{order}" for order in ORDERS)
JavaMetric = Literal["METEOR", "SPICE"]


@dataclass(frozen=True)
class CaptionReport:
    """Scores of one set of captions.

    Attributes:
        corpus: Metric name to the value that papers print (a fraction, not a percentage; CIDEr up to 10).
        per_image: `image_id` and one column per metric. BLEU of an image is no share of the corpus value: the corpus
            one sums counts over all images before it divides.
    """

    corpus: Mapping[str, float]
    per_image: pl.DataFrame

    def rows(self, *, benchmark: str, model: str, **fields: Any) -> list[dict[str, Any]]:
        """Rows of the metric table, one per metric.

        Args:
            benchmark: What was captioned.
            model: Who captioned.
            **fields: Further columns of `METRIC_SCHEMA`, e.g. `split`, `variant`, `seed`, `slice`.
        """
        shared = {"benchmark": benchmark, "model": model, "protocol": "captions_ptb", "count": self.per_image.height}
        return [{**shared, **fields, "metric": metric, "value": value} for metric, value in self.corpus.items()]


def caption_metrics(
    hypotheses: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    *,
    tokenize: Callable[[Sequence[str]], list[str]] = ptb.tokenize,
    java_metrics: Sequence[JavaMetric] = (),
) -> CaptionReport:
    """Score captions as COCO's evaluation does (pycocoevalcap, to 1e-9).

    CIDEr weighs n-grams by how rare they are among these references, so values of different image sets are not
    comparable.

    Args:
        hypotheses: Image id to the generated caption, raw text.
        references: The same image ids to one or more true captions, raw text.
        tokenize: Replace by `java.tokenize` for the original program.
        java_metrics: METEOR and SPICE, which need Java and the `java-metrics` extra; see `java`.

    Returns:
        BLEU-1..4, ROUGE-L, CIDEr and the metrics asked for.

    Raises:
        ValueError: If the image ids differ, or an image has no reference.
        JavaMetricsMissingError: If a Java metric cannot run here.
    """
    ids = _checked_ids(hypotheses, references)
    hypothesis_lines, reference_lines = _tokenized(ids, hypotheses, references, tokenize)
    captions = _captions(hypothesis_lines, reference_lines, None)
    counts = count_ngrams(captions)
    bleu_4, bleu_N4 = bleu(captions, counts)
    per_image: dict[str, Any] = dict(zip(BLEU_NAMES, bleu_N4.T, strict=True))
    # The original splits at single blanks for ROUGE-L, at any white space (also inside "3 1/2") for the others.
    per_image["ROUGE-L"] = rouge_l(_captions(hypothesis_lines, reference_lines, " "))
    per_image["CIDEr"] = cider(captions, counts)
    corpus = {name: float(np.mean(values)) for name, values in per_image.items()}
    corpus |= dict(zip(BLEU_NAMES, bleu_4.tolist(), strict=True))
    for metric in java_metrics:
        scorer = java.meteor if metric == "METEOR" else java.spice
        corpus[metric], per_image[metric] = scorer(hypothesis_lines, reference_lines)
    return CaptionReport(corpus, pl.DataFrame({"image_id": ids, **per_image}))


def caption_metrics_by_domain(
    hypotheses: Mapping[str, str], references: Mapping[str, Sequence[str]], domains: Mapping[str, str], **options: Any
) -> dict[str, CaptionReport]:
    """Score each domain on its own and all together, as the nocaps server does.

    Args:
        hypotheses: Image id to the generated caption.
        references: Image id to its true captions.
        domains: Image id to its domain, for nocaps "in-domain", "near-domain" or "out-domain".
        **options: Of `caption_metrics`.

    Returns:
        Reports by domain, in alphabetical order, and "all". CIDEr's word statistics are each domain's own.

    Raises:
        ValueError: If an image has no domain.
    """
    if missing := sorted(hypotheses.keys() - domains.keys()):
        raise ValueError(f"{len(missing)} image(s) have no domain, first {missing[:5]}; add them to the domain map")
    reports = {}
    for domain in sorted({domains[image_id] for image_id in hypotheses}):
        chosen = [image_id for image_id in hypotheses if domains[image_id] == domain]
        reports[domain] = caption_metrics(
            {i: hypotheses[i] for i in chosen}, {i: references[i] for i in chosen}, **options
        )
    return reports | {"all": caption_metrics(hypotheses, references, **options)}


def _checked_ids(hypotheses: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> list[str]:
    if not hypotheses:
        raise ValueError("there are no captions to score")
    if unmatched := hypotheses.keys() ^ references.keys():
        example = sorted(map(str, unmatched))[:5]
        raise ValueError(
            f"captions and references are about different images: {len(unmatched)} ids are only in one of them, "
            f"first {example}; give exactly the references of the captioned images"
        )
    if empty := [image_id for image_id in hypotheses if not references[image_id]]:
        raise ValueError(f"{len(empty)} image(s) have no reference caption, first {empty[:5]}; leave them out")
    return list(hypotheses)


def _tokenized(
    ids: Sequence[str],
    hypotheses: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    tokenize: Callable[[Sequence[str]], list[str]],
) -> tuple[list[str], list[list[str]]]:
    flat = tokenize([text for image_id in ids for text in references[image_id]])
    lines = iter(flat)
    return tokenize([hypotheses[i] for i in ids]), [[next(lines) for _ in references[i]] for i in ids]


def _captions(hypotheses: Sequence[str], references: Sequence[Sequence[str]], separator: str | None) -> Captions:
    return Captions(
        [line.split(separator) for line in hypotheses],
        [line.split(separator) for lines in references for line in lines],
        np.repeat(np.arange(len(references)), [len(lines) for lines in references]),
    )
