"""Scoring encodes every picture and every text once: the encoder's inputs are counted."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from PIL import Image

from benchmarks.report import Row, show
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.clip.load import load_clip
from visual_relations.clip.params import ClipParams
from visual_relations.pipelines.evaluation.models import ClipScorer
from visual_relations.pipelines.evaluation.params import ScoringParams
from visual_relations.pipelines.evaluation.pictures import Pictures
from visual_relations.pipelines.evaluation.scorers import Encoded
from visual_relations.pipelines.evaluation.scoring import retrieve

WORLD, CAPTIONS = Path("data/01_raw/sample_world"), 300


class CountingScorer(ClipScorer):
    """CLIP that counts what it encodes."""

    encoded = 0

    def encode_images(self, images: Sequence[Image.Image]) -> Encoded:
        self.encoded += len(images)
        return super().encode_images(images)

    def encode_texts(self, texts: Sequence[str]) -> Encoded:
        self.encoded += len(texts)
        return super().encode_texts(texts)


def run() -> list[Row]:
    """Retrieval with the sample world's CLIP over some of its pictures and captions."""
    annotations = json.loads((WORLD / "captions.json").read_text())["annotations"][:CAPTIONS]
    captions = pl.DataFrame(
        {"image": [f"{a['image_id']}.jpg" for a in annotations], "text": [a["caption"] for a in annotations]}
    ).with_columns(benchmark=pl.lit("sample_world"), split=pl.lit("test"))
    pictures = Pictures.of(captions.with_columns(box=pl.lit(None)), ImageFolder(WORLD / "images"))
    scorer = CountingScorer(load_clip(ClipParams(model=f"local-dir:{WORLD / 'clip'}")), "CLIP")
    with tempfile.TemporaryDirectory() as folder:
        retrieve(scorer, captions, pictures, Path(folder), ScoringParams())
    n_images = captions["image"].n_unique()
    once, by_pair = n_images + CAPTIONS, 2 * n_images * CAPTIONS
    return [
        Row(
            f"encodings for {n_images} pictures x {CAPTIONS} captions",
            scorer.encoded,
            by_pair,
            by_pair / scorer.encoded,
            f"= {once}, each once",
            scorer.encoded == once,
            "reference: both encoded anew for every pair",
        )
    ]


if __name__ == "__main__":
    raise SystemExit(0 if show(run()) else 1)
