"""Relation pretraining: what a training step costs beside its bare passes, and loading a model of the released size.

The tiny REX-VLM of the sample world's parameters trains on random pictures through the project's own loop, against a
plain loop that runs forward and backward through the same losses on batches made beforehand: no augmentation, no
optimiser, no clipping, no history.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import torch
import yaml
from PIL import Image

from benchmarks.report import Row, show
from visual_relations.artefacts.caption_source import CAPTIONS, CaptionSource
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.pipelines.relation_pretraining.build import (
    World,
    build_batches,
    build_optimiser,
    build_pretrainer,
)
from visual_relations.pipelines.relation_pretraining.params import ArmParams, PretrainingParams
from visual_relations.training.loop import fit
from visual_relations.training.models import load_model, save_model
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.params import ModelParams, ViTParams
from visual_relations.vision_language.pretrainer import pretraining_loss
from visual_relations.vision_language.tokenizer import WordPiece

ROOT = Path(__file__).parent.parent
STEPS, ROUNDS = 24, 3
MOST_OF_BARE, MOST_SECONDS, MOST_MEMORY = 1.25, 10.0, 1.3
THINGS, RELATIONS = ("man", "dog", "table", "ball"), ("on", "under", "near", "behind")


def run() -> list[Row]:
    """The training step, then loading."""
    with tempfile.TemporaryDirectory() as folder:
        return [_training_step(Path(folder)), *_loading(Path(folder) / "model")]


def _training_step(folder: Path) -> Row:
    common, arm = _parameters()
    world = _fabricate(folder)
    torch.set_num_threads(1)
    best = {"loop": float("inf"), "bare": float("inf")}
    for _ in range(ROUNDS):  # in turns, so that a disturbance hits both
        for name, function in (("loop", _loop), ("bare", _bare)):
            best[name] = min(best[name], _seconds(function(common, arm, world)) / STEPS)
    ratio = best["loop"] / best["bare"]
    note = f"processor seconds per step, {STEPS} steps over the four streams, one thread; smaller is better"
    title = "training step of the tiny REX-VLM against its bare forward and backward passes"
    return Row(title, best["loop"], best["bare"], ratio, f"<= {MOST_OF_BARE:g}", ratio <= MOST_OF_BARE, note)


def _loop(common: PretrainingParams, arm: ArmParams, world: World) -> Callable[[], object]:
    pretrainer = build_pretrainer(common, arm, world, seed=0)
    batches = build_batches(common, arm, world, pretrainer.config.model, seed=0)
    optimiser, schedule = build_optimiser(common, arm, pretrainer, STEPS)
    return lambda: fit(
        pretrainer, batches, pretraining_loss, optimiser, schedule, common.run_training(0), workspace_folder=None
    )


def _bare(common: PretrainingParams, arm: ArmParams, world: World) -> Callable[[], object]:
    pretrainer = build_pretrainer(common, arm, world, seed=0).train()
    mixture = build_batches(common, arm, world, pretrainer.config.model, seed=0)
    batches = [mixture[number] for number in range(STEPS)]

    def passes() -> None:
        for batch in batches:
            pretraining_loss(pretrainer, batch)["loss"].backward()
            pretrainer.zero_grad()

    return passes


def _parameters() -> tuple[PretrainingParams, ArmParams]:
    """As the sample world trains it, from fresh weights."""
    folder = ROOT / "conf" / "base" / "relation_pretraining"
    shared = yaml.safe_load((folder / "parameters.yml").read_text())["relation_pretraining"]
    shared["start"] = {}
    shared["training"] |= {"steps": STEPS, "threads": 1}
    arm = yaml.safe_load((folder / "parameters_rex_vlm.yml").read_text())["rex_vlm"]
    return PretrainingParams.model_validate(shared), ArmParams.model_validate(arm)


def _fabricate(folder: Path, n_images: int = 64, n_things: int = 8) -> World:
    """Pictures of noise as large as the sample world's, with as many things and captions."""
    rng = np.random.default_rng(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", *THINGS, *RELATIONS]
    (folder / "vocab.txt").write_text("\n".join(words))
    images, objects, relations, captions = [], [], [], []
    for number in range(n_images):
        name, image = f"{number}.png", str(number)
        Image.fromarray(rng.integers(0, 255, (144, 192, 3), dtype=np.uint8)).save(folder / name)
        images.append((image, name, 192, 144, "train"))
        names = rng.choice(THINGS, n_things).tolist()
        for index, thing in enumerate(names):
            x, y = float(rng.integers(0, 140)), float(rng.integers(0, 100))
            objects.append((image, index, thing, [], ["red"], x, y, x + 50, y + 40))
        for index in range(n_things - 1):
            predicate = str(rng.choice(RELATIONS))
            relations.append((image, index, index + 1, predicate))
            text = f"a red {names[index]} {predicate} a {names[index + 1]} near a {names[0]}"
            captions.append((name, image, text, None, None, None, None, None, "train", "made"))
    photos = ImageFolder(folder)
    return World(
        pl.DataFrame(images, ["image_id", "file_name", "width", "height", "split"], orient="row"),
        pl.DataFrame(
            objects,
            ["image_id", "object_index", "name", "other_names", "attributes", "x1", "y1", "x2", "y2"],
            orient="row",
        ),
        pl.DataFrame(relations, ["image_id", "subject_index", "object_index", "predicate"], orient="row"),
        pl.DataFrame({"class_id": range(len(RELATIONS)), "name": RELATIONS}),
        pl.DataFrame(captions, {**CAPTIONS, "split": pl.String, "source": pl.String}, orient="row"),
        photos,
        {"made": CaptionSource("made", _nothing, photos)},
        WordPiece(folder),
    )


def _nothing() -> tuple[pl.DataFrame, object]:
    raise RuntimeError("the captions of the benchmark are in memory")


def _loading(folder: Path) -> list[Row]:
    """In another process, whose peak is then that of loading."""
    vision = ViTParams(image_size=256)
    model = VisionLanguageModel(ModelParams(vision=vision))
    n_parameters = sum(each.numel() for each in model.parameters())
    size = 4 * n_parameters
    save_model(folder, model)
    del model
    command = [sys.executable, "-m", "benchmarks.bench_pretraining", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    seconds, peak = map(float, done.stdout.split()[-2:])
    note = f"{n_parameters / 1e6:.0f} M parameters, {size / 1e9:.2f} GB"
    return [
        Row(
            "loading ALBEF's size",
            seconds,
            MOST_SECONDS,
            seconds,
            f"< {MOST_SECONDS:g} s",
            seconds < MOST_SECONDS,
            note,
        ),
        Row(
            "memory while loading against the weights' size (GB)",
            peak / 1e9,
            size / 1e9,
            peak / size,
            f"< {MOST_MEMORY:g}",
            peak / size < MOST_MEMORY,
            "peak of the process above what it held before",
        ),
    ]


def _load_and_report(folder: Path) -> None:
    before = _memory("VmRSS")
    start = time.perf_counter()
    model = load_model(folder)
    sum(float(each.detach().sum()) for each in model.parameters())  # read what may be mapped only
    sys.stdout.write(f"{time.perf_counter() - start} {_memory('VmHWM') - before}\n")


def _memory(field: str) -> int:
    """Bytes this process holds (VmRSS) or held at most (VmHWM); getrusage would include the parent's peak."""
    return int(re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


def _seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _load_and_report(Path(sys.argv[1]))
    else:
        sys.exit(not show(run()))
