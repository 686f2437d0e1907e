"""Caption metrics as COCO's evaluation defines them; `caption_metrics` is the way in.

    report = caption_metrics({"42": "a dog on a bench"}, {"42": ["A dog sits on a bench.", ...]})
    report.corpus["CIDEr"], report.per_image, report.rows(benchmark="coco_karpathy", model="clipcap")

`ptb` tokenises, `ngrams` counts, `bleu`, `rouge` and `cider` score in Python; `java` runs METEOR, SPICE and the
reference tokenizer as separate programs where they are installed.
"""

from visual_relations.metrics.captions.report import CaptionReport, caption_metrics

__all__ = ["CaptionReport", "caption_metrics"]
