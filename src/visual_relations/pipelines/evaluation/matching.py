"""Steps that score benchmarks and retrieval collections with the project's models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.workspace import Workspace
from visual_relations.clip.load import load_clip
from visual_relations.clip.params import ClipParams
from visual_relations.metrics.matching.items import SCORE_SCHEMA
from visual_relations.metrics.table import METRIC_SCHEMA, metric_table
from visual_relations.pipelines.evaluation.models import ClipScorer
from visual_relations.pipelines.evaluation.params import EvaluationParams, ScoringParams
from visual_relations.pipelines.evaluation.pictures import Pictures
from visual_relations.pipelines.evaluation.scorers import RetrievalScorer, Scorer
from visual_relations.pipelines.evaluation.scoring import retrieve, score_cells

Scored = tuple[pl.DataFrame, pl.DataFrame]  # match scores, retrieval measurements


def match_with_clip(
    probe_cells: pl.DataFrame,
    retrieval_captions: pl.DataFrame,
    image_folder: ImageFolder,
    workspace: Workspace,
    clip: ClipParams,
    params: EvaluationParams,
) -> Scored:
    """Score everything with CLIP."""
    scorer = ClipScorer(load_clip(clip), params.clip_name)
    return _score([scorer], "clip", probe_cells, retrieval_captions, image_folder, workspace, params.scoring)


def _score(
    scorers: list[Scorer],
    family: str,
    cells: pl.DataFrame,
    captions: pl.DataFrame,
    folder: ImageFolder,
    workspace: Workspace,
    params: ScoringParams,
) -> Scored:
    """Score benchmarks and collections with the models of a family, one after the other."""
    matches, retrievals = [pl.DataFrame(schema=SCORE_SCHEMA)], [pl.DataFrame(schema=METRIC_SCHEMA)]
    pictures = Pictures.of(cells, folder)
    for number, scorer in enumerate(scorers):
        stage = f"evaluation.{family}.{number}"
        mark = fingerprint(scorer.fingerprint, cells, captions, params, [str(path) for path in sorted(folder.names())])
        place = workspace.folder(stage, mark)
        matches.append(score_cells(scorer, cells, pictures, place / "probes", params))
        if isinstance(scorer, RetrievalScorer):
            retrievals.append(_retrieve(scorer, captions, folder, place / "retrieval", params))
        workspace.clear(stage)
    return pl.concat(matches), pl.concat(retrievals)


def _retrieve(
    scorer: RetrievalScorer, captions: pl.DataFrame, folder: ImageFolder, place: Path, params: ScoringParams
) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for (benchmark, split), part in captions.group_by("benchmark", "split", maintain_order=True):
        pictures = Pictures.of(part.with_columns(box=pl.lit(None)), folder)
        name = f"{benchmark}.{split}".replace("/", ".")
        measured = retrieve(scorer, part, pictures, place / name, params)
        shared = {"benchmark": benchmark, "split": split, "model": scorer.name, "slice": "micro"}
        rows += [{**shared, **row} for row in measured]
    return metric_table(rows)
