"""Nodes of `sample_world`: draw, annotate, caption, probe, train, measure."""

from __future__ import annotations

import csv
import io
import json
import logging
import random
from pathlib import Path
from typing import Any

import polars as pl

from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.artefacts.workspace import Workspace
from visual_relations.pipelines.sample_world import annotator, captions, paired_probes, probes, refinement
from visual_relations.pipelines.sample_world.canvas import HEIGHT, WIDTH
from visual_relations.pipelines.sample_world.clip_retrieval import measure_retrieval
from visual_relations.pipelines.sample_world.clip_training import clip_folder, clip_from_folder, train_clip_model
from visual_relations.pipelines.sample_world.foils import Foil, foils_of
from visual_relations.pipelines.sample_world.language_model import (
    byte_level_tokenizer,
    pretrained_folder,
    train_caption_model,
    vocabulary_file,
    wordpiece_tokenizer,
)
from visual_relations.pipelines.sample_world.params import SampleWorldParams
from visual_relations.pipelines.sample_world.scenes import Scene, draw_scene

logger = logging.getLogger(__name__)

Json = dict[str, Any]
Files = dict[str, bytes]
ALTERNATIVES = 8  # draws of wrong texts, of which the refinement takes one


def draw_scenes(params: SampleWorldParams) -> tuple[Files, Json]:
    """Draw the world.

    Returns:
        Pictures as JPEG files, and what is in them by image id.
    """
    pictures, scenes = {}, {}
    for image_id in range(1, params.size.scenes + 1):
        picture, scene = draw_scene(f"{params.seed}:world:{image_id}")
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=params.jpeg_quality, optimize=True)
        pictures[f"{image_id}.jpg"] = file.getvalue()
        scenes[str(image_id)] = scene.to_json()
    return pictures, scenes


def annotate_scenes(
    scenes: Json, params: SampleWorldParams
) -> tuple[list[Json], list[Json], list[Json], Json, str, str]:
    """Annotate the world as Visual Genome would.

    Returns:
        image_data, scene_graphs, relationships, splits; object and relationship aliases.
    """
    records = [annotator.annotate(image_id, scene, params.seed) for image_id, scene in _scenes(scenes).items()]
    image_data, graphs, relationships = (list(column) for column in zip(*records, strict=True))
    splits = annotator.make_splits([entry["image_id"] for entry in image_data], params.shares, params.seed)
    aliases = (annotator.OBJECT_ALIASES, annotator.RELATIONSHIP_ALIASES)
    object_alias, relationship_alias = ("".join(f"{line}\n" for line in lines) for lines in aliases)
    return image_data, graphs, relationships, splits, object_alias, relationship_alias


def write_captions(scenes: Json, params: SampleWorldParams) -> Json:
    """Caption the world, in COCO's format."""
    texts = {
        image_id: captions.caption_texts(scene, scene.ground, random.Random(f"{params.seed}:captions:{image_id}"))  # noqa: S311
        for image_id, scene in _scenes(scenes).items()
    }
    return captions.coco_captions(texts, (WIDTH, HEIGHT))


def write_probes(scenes: Json, splits: Json, language_model: Files, params: SampleWorldParams) -> Files:
    """Make probe items of the validation and test pictures, in the benchmarks' formats.

    Returns:
        Files of the folder `probes`. The texts of pairs are refined: the language model alone is right half the time.
    """
    rng, world = random.Random(f"{params.seed}:probes"), _scenes(scenes)  # noqa: S311
    gap = refinement.language_gap(language_model)
    parts = {split: {image_id: world[image_id] for image_id in splits[split]} for split in ("val", "test")}
    foils = {split: _refined_foils(part, gap, rng) for split, part in parts.items()}
    held_out = parts["val"] | parts["test"]
    files = {
        "foils.jsonl": _lines(probes.foils_jsonl(foils["val"] + foils["test"])),
        "vsr/dev.jsonl": _lines(probes.vsr(foils["val"], rng)),
        "vsr/test.jsonl": _lines(probes.vsr(foils["test"], rng)),
        "svo_probes/svo_probes.csv": _table(paired_probes.svo_probes(held_out)),
        "winoground/examples.jsonl": _lines(paired_probes.winoground(held_out)),
    }
    for folder, make, wrong in (("valse", probes.valse, "foil"), ("sugarcrepe", probes.sugarcrepe, "negative_caption")):
        drawn = [make(foils["test"], parts["test"], rng) for _ in range(ALTERNATIVES)]
        for name in sorted({name for pieces in drawn for name in pieces}):
            pool = [item for pieces in drawn for item in pieces.get(name, {}).items()]
            gaps = gap([item["caption"] for _, item in pool], [item[wrong] for _, item in pool])
            groups = [(item.get("filename", key), item.get("filename") and item["caption"]) for key, item in pool]
            kept = refinement.refine(pool, gaps, groups, probes.LARGEST_PIECE)
            items = {key if folder == "valse" else str(n): item for n, (key, item) in enumerate(kept)}
            files[f"{folder}/{name}.json"] = _compact(items).encode()
    return files


def _refined_foils(part: dict[int, Scene], gap: refinement.Gap, rng: random.Random) -> list[Foil]:
    """Foils of some pictures, refined kind by kind."""
    drawn = [foil for i, scene in part.items() for _ in range(ALTERNATIVES) for foil in foils_of(i, scene, rng)]
    kept = []
    for kind in ("relation", "object", "attribute"):
        pool = [foil for foil in drawn if foil.kind == kind]
        gaps = gap([probes.capital(foil.caption) for foil in pool], [probes.capital(foil.foil) for foil in pool])
        kept += refinement.refine(pool, gaps, [(foil.image_id, foil.caption) for foil in pool])
    return sorted(kept, key=lambda foil: foil.image_id)


def train_clip(params: SampleWorldParams, workspace: Workspace) -> tuple[Files, pl.DataFrame]:
    """Train the tiny CLIP on scenes that are in no split.

    Returns:
        Files of an open_clip `local-dir:` folder, and the history of the training.
    """
    model, history = train_clip_model(params, _work_folder(workspace, "sample_world.clip", params))
    workspace.clear("sample_world.clip")
    return clip_folder(model), history


def train_language_model(params: SampleWorldParams, workspace: Workspace) -> tuple[Files, Files, pl.DataFrame]:
    """Train the tiny language model and the tokenizers on captions of scenes that are in no split.

    Returns:
        Files of the language model and of the WordPiece tokenizer, and the history of the training.
    """
    texts = []
    for number in range(params.size.caption_scenes):
        _, scene = draw_scene(f"{params.seed}:language:{number}")
        rng = random.Random(f"{params.seed}:language:{number}:texts")  # noqa: S311
        texts += captions.caption_texts(scene, scene.ground, rng)
    tokenizer = byte_level_tokenizer(texts, params.language_vocabulary)
    folder = _work_folder(workspace, "sample_world.language_model", params)
    model, history = train_caption_model(texts, tokenizer, params, folder)
    workspace.clear("sample_world.language_model")
    wordpiece = wordpiece_tokenizer(texts, params.wordpiece_vocabulary)
    wordpiece_files = pretrained_folder(wordpiece) | {"vocab.txt": vocabulary_file(wordpiece)}
    return pretrained_folder(model, tokenizer), wordpiece_files, history


def measure_clip(clip: Files, pictures: Files, scenes: Json, coco: Json, splits: Json) -> Json:
    """Measure the tiny CLIP's choices among texts on the validation and test pictures, beside chance."""
    model, world = clip_from_folder(clip), _scenes(scenes)
    texts: dict[int, list[str]] = {image_id: [] for image_id in world}
    for annotation in coco["annotations"]:
        texts[annotation["image_id"]].append(annotation["caption"])
    scores = {}
    for split in ("val", "test"):
        chosen = {image_id: pictures[f"{image_id}.jpg"] for image_id in splits[split]}
        scores[split] = measure_retrieval(model, chosen, world, texts)
        logger.info("tiny CLIP on %s: %s", split, scores[split])
    return scores


def _scenes(records: Json) -> dict[int, Scene]:
    return {int(image_id): Scene.from_json(record) for image_id, record in records.items()}


def _work_folder(workspace: Workspace, name: str, params: SampleWorldParams) -> Path:
    return workspace.folder(name, fingerprint(params))


def _lines(records: list[Json]) -> bytes:
    return "".join(f"{_compact(record)}\n" for record in records).encode()


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _table(rows: list[Json]) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, paired_probes.SVO_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()
