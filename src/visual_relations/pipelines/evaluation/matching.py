"""Steps that score benchmarks and retrieval collections with the project's models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.workspace import Workspace
from visual_relations.captioning.captioner import Captioner
from visual_relations.captioning.language_models import load_language_model, load_tokenizer
from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.load import load_clip
from visual_relations.clip.params import ClipParams, CropMode
from visual_relations.metrics.matching.items import KEY, SCORE_SCHEMA
from visual_relations.metrics.table import METRIC_SCHEMA, metric_table
from visual_relations.pipelines.evaluation.models import CaptionerScorer, ClipScorer, LanguageScorer, MatchScorer
from visual_relations.pipelines.evaluation.params import EvaluationParams, ScoringParams
from visual_relations.pipelines.evaluation.pictures import Pictures
from visual_relations.pipelines.evaluation.scorers import RetrievalScorer, Scorer
from visual_relations.pipelines.evaluation.scoring import BLANK_PICTURES, retrieve, score_cells
from visual_relations.training.device import resolve_device
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.tokenizer import WordPiece

Scored = tuple[pl.DataFrame, pl.DataFrame]  # match scores, retrieval measurements
WITHOUT_LANGUAGE = "minus blank pictures"


def match_with_clip(
    probe_cells: pl.DataFrame,
    retrieval_captions: pl.DataFrame,
    image_folder: ImageFolder,
    workspace: Workspace,
    clip: Any,
    params: EvaluationParams,
) -> Scored:
    """Score everything with CLIP."""
    scorer = ClipScorer(_load_clip(clip), params.clip_name)
    return _score([scorer], "clip", probe_cells, retrieval_captions, image_folder, workspace, params.scoring)


def match_with_relation_models(
    probe_cells: pl.DataFrame,
    retrieval_captions: pl.DataFrame,
    image_folder: ImageFolder,
    workspace: Workspace,
    tokenizer: WordPiece,
    quick_models: Mapping[str, VisionLanguageModel],
    models_at_hand: Mapping[str, Mapping[str, VisionLanguageModel]],
    pretraining_metrics: pl.DataFrame,  # noqa: ARG001  only there so that training comes first
    params: EvaluationParams,
) -> Scored:
    """Score everything with ALBEF, X-VLM, REALBEF and REX-VLM, those that are trained, and with a quick one.

    Args:
        probe_cells: The benchmarks.
        retrieval_captions: The collections.
        image_folder: Their pictures.
        workspace: Where unfinished work is kept.
        tokenizer: Of the models.
        quick_models: By seed.
        models_at_hand: By name and seed.
        pretraining_metrics: Made after the models.
        params: Which seed.

    Raises:
        KeyError: If there is no model of that seed.
    """
    texts = [*probe_cells["text"].unique(), *retrieval_captions["text"]]
    chosen = {params.quick_relation_name: quick_models, **models_at_hand}
    if missing := sorted(name for name, models in chosen.items() if params.relation_model not in models):
        raise KeyError(f"evaluation.relation_model: {missing} have no {params.relation_model!r}")
    device = resolve_device("auto")
    scorers = [
        MatchScorer(models[params.relation_model], tokenizer, name, texts, device) for name, models in chosen.items()
    ]
    return _score(scorers, "relation_models", probe_cells, retrieval_captions, image_folder, workspace, params.scoring)


def match_with_captioners(
    probe_cells: pl.DataFrame,
    image_folder: ImageFolder,
    workspace: Workspace,
    language_model: str,
    quick_captioners: Mapping[str, Captioner],
    captioners_at_hand: Mapping[str, Mapping[str, Captioner]],
    caption_metrics: pl.DataFrame,  # noqa: ARG001  only there so that training comes first
    clip: Any,
    crop_mode: CropMode | None,
    params: EvaluationParams,
) -> pl.DataFrame:
    """Score the benchmarks by how probable captioners find their texts: those of `params.captioners` that are trained.

    A captioner also knows which texts are common. The variant "minus blank pictures" takes that away: the logarithm of
    how much more probable the picture makes the text.
    """
    tokenizer, frozen = load_tokenizer(language_model), _load_clip(clip)
    frozen.preprocess = frozen.preprocess.with_crop_mode(crop_mode)
    trained = {key: one for models in (quick_captioners, *captioners_at_hand.values()) for key, one in models.items()}
    scorers = [
        CaptionerScorer(trained[key].to(frozen.device), tokenizer, frozen, name)
        for key, name in params.captioners.items()
        if key in trained
    ]
    none = pl.DataFrame(schema={"benchmark": pl.String(), "split": pl.String()})
    scores, _ = _score(scorers, "captioners", probe_cells, none, image_folder, workspace, params.scoring)
    return pl.concat([scores, minus_blank_pictures(scores)])


def match_with_language(
    probe_cells: pl.DataFrame,
    image_folder: ImageFolder,
    workspace: Workspace,
    language_model: str,
    params: EvaluationParams,
) -> pl.DataFrame:
    """Score the benchmarks' texts by themselves: what can be won without looking at the picture."""
    model = load_language_model(language_model).to(resolve_device("auto"))
    scorer = LanguageScorer(model, load_tokenizer(language_model), params.language_model_name)
    none = pl.DataFrame(schema={"benchmark": pl.String(), "split": pl.String()})
    return _score([scorer], "language", probe_cells, none, image_folder, workspace, params.scoring)[0]


def minus_blank_pictures(scores: pl.DataFrame) -> pl.DataFrame:
    """Scores less those of the same text with a blank picture, as a variant of their own (`SCORE_SCHEMA`)."""
    on = ["model", *KEY]
    blank = scores.filter(pl.col("variant") == BLANK_PICTURES).select(*on, blank="score")
    seen = scores.filter(pl.col("variant") == "").join(blank, on=on, how="inner", maintain_order="left")
    less = seen.with_columns(score=pl.col("score") - pl.col("blank"), variant=pl.lit(WITHOUT_LANGUAGE))
    return less.select(list(SCORE_SCHEMA))


def _load_clip(params: Any) -> FrozenClip:
    # Part of the parameters of `clip_features`, which validates them as a whole; Kedro refuses to do it a second time.
    return load_clip(ClipParams.model_validate(params))


def _score(
    scorers: Sequence[Scorer],
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
