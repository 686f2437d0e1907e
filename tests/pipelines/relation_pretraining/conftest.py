from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image, ImageDraw

from visual_relations.artefacts.caption_source import CAPTIONS, CaptionSource
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.pipelines.relation_pretraining.build import World
from visual_relations.pipelines.relation_pretraining.params import (
    ArmParams,
    AugmentationParams,
    OptimiserParams,
    PretrainingParams,
    RecipeParams,
    RelationStreamParams,
    StreamParams,
    StreamsParams,
    TextStreamParams,
)
from visual_relations.training.params import TrainingParams
from visual_relations.vision_language.params import ModelParams, MomentumParams, TextParams, ViTParams
from visual_relations.vision_language.tokenizer import WordPiece

SIDE, COLOURS = 48, ("red", "green", "blue", "yellow")
RELATIONS = ("left of", "right of", "above", "below")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "thing", "left", "right", "of", "above", "below", *COLOURS]


def make_world(folder: Path, n_images: int = 48, seed: int = 0, *, missing: int = 0) -> World:
    """Pictures of two coloured squares; labels say nothing about how they lie, only the boxes do."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    images, objects, relations, captions = [], [], [], []
    for number in range(n_images):
        name, split = f"{number}.png", "train" if number % 4 else "val"
        predicate = RELATIONS[int(rng.integers(4))]
        boxes = _boxes(rng, predicate)
        colours = rng.choice(COLOURS, 2).tolist()
        picture = Image.new("RGB", (SIDE, SIDE), "gray")
        for (x, y, w, h), colour in zip(boxes, colours, strict=True):
            ImageDraw.Draw(picture).rectangle((x, y, x + w - 1, y + h - 1), fill=colour)
        if number >= missing:
            picture.save(folder / name)
        images.append((str(number), name, SIDE, SIDE, split))
        for index, ((x, y, w, h), colour) in enumerate(zip(boxes, colours, strict=True)):
            objects.append((str(number), index, "thing", [], [colour], x, y, x + w, y + h))
        relations.append((str(number), 0, 1, predicate))
        text = f"{colours[0]} thing {predicate} {colours[1]} thing"
        captions.append((name, str(number), text, None, None, None, None, None, split, "made"))
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    box = dict.fromkeys(("x1", "y1", "x2", "y2"), pl.Float32)
    names = {"image_id": pl.String, "object_index": pl.Int32, "name": pl.String}
    lists = {"other_names": pl.List(pl.String), "attributes": pl.List(pl.String)}
    table = pl.DataFrame(captions, schema={**CAPTIONS, "split": pl.String, "source": pl.String}, orient="row")
    photos = ImageFolder(folder)
    return World(
        images=_frame(
            images, image_id=pl.String, file_name=pl.String, width=pl.Int32, height=pl.Int32, split=pl.String
        ),
        objects=_frame(objects, **names, **lists, **box),
        relations=_frame(
            relations, image_id=pl.String, subject_index=pl.Int32, object_index=pl.Int32, predicate=pl.String
        ),
        relation_classes=pl.DataFrame({"class_id": range(4), "name": RELATIONS, "count": [1] * 4}),
        captions=table,
        image_folder=photos,
        caption_sources={"made": CaptionSource("made", _read_nothing, photos)},
        tokenizer=WordPiece(folder),
    )


def _read_nothing() -> tuple[pl.DataFrame, Counter[str]]:
    return pl.DataFrame(schema=CAPTIONS), Counter()


def _frame(rows: list[tuple[object, ...]], **schema: object) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")


def _boxes(rng: np.random.Generator, predicate: str) -> list[tuple[int, int, int, int]]:
    """Two squares, the first one left of, right of, above or below the second."""
    near, far = (int(rng.integers(0, 8)), int(rng.integers(26, 36)))
    across, side = int(rng.integers(0, 36)), 12
    first, second = (near, far) if predicate in ("left of", "above") else (far, near)
    if predicate in ("left of", "right of"):
        return [(first, across, side, side), (second, across, side, side)]
    return [(across, first, side, side), (across, second, side, side)]


def tiny_common(**changes: object) -> PretrainingParams:
    """Settings that train in seconds."""
    vision = ViTParams(image_size=32, patch_size=8, width=32, depth=2, heads=2, masked_depth=1)
    text = TextParams(width=32, layers=2, fusion_from=1, heads=2, mlp_width=64, max_positions=64, initial_std=0.1)
    settings = {
        "model": ModelParams(vision=vision, text=text, embedding=16, relation_hidden=64),
        "recipes": {
            "albef": RecipeParams(teacher=MomentumParams(queue=16), betas=(0.9, 0.98)),
            "x_vlm": RecipeParams(match_head="mlp", betas=(0.9, 0.95)),
        },
        "seeds": (0,),
        "texts": TextStreamParams(most_words=20, most_tokens=16, most_graph_tokens=24),
        "augmentation": AugmentationParams(scale=(0.8, 1.0)),
        "optimiser": OptimiserParams(rate=2e-3),
        "training": TrainingParams(steps=8, device="cpu", log_every=4, clip_norm=1.0, threads=1),
    }
    return PretrainingParams(**(settings | changes))


def tiny_arm(name: str = "REX-VLM", *, recipe: str = "x_vlm", **ratios: float) -> ArmParams:
    """An arm with all streams, or with those given."""
    ratios = ratios or {"captions": 2, "graphs": 1, "regions": 1, "relations": 1}
    classes = {name: field.annotation for name, field in StreamsParams.model_fields.items()}
    extra = {"regions": {"most_per_image": 3, "most": 12}, "relations": {"pairs_per_image": 2}}
    streams = {
        name: classes[name](ratio=ratio, images=8, **extra.get(name, {})) for name, ratio in ratios.items() if ratio
    }
    assert {StreamParams, RelationStreamParams} <= set(classes.values())
    return ArmParams(
        name=name,
        recipe=recipe,
        localisation="regions" in ratios,
        relations="relations" in ratios,
        streams=StreamsParams(**streams),
    )


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world") / "images")


@pytest.fixture
def common() -> PretrainingParams:
    return tiny_common()


@pytest.fixture
def make() -> type[Make]:
    return Make


class Make:
    """The makers above, for tests in other modules."""

    world = staticmethod(make_world)
    common = staticmethod(tiny_common)
    arm = staticmethod(tiny_arm)
