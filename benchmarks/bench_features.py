"""Feature extraction against the bare model, and what reading a large bank costs in memory.

The model is a ViT-B/32 with random weights on photos of 500 x 375 with several crops each; the reference encodes ready
tensors with the same model in the same batches. The two take turns, so that both see the same disturbances.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import torch
from PIL import Image, ImageFilter

from benchmarks.report import Row, show
from visual_relations.artefacts.feature_bank import FeatureBankWriter
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.load import load_clip
from visual_relations.clip.params import ClipParams
from visual_relations.pipelines.clip_features.crops import BOX
from visual_relations.pipelines.clip_features.extraction import encode_crops

PHOTOS, CROPS, BATCH, ROUNDS = 12, 8, 32, 2
ROWS, DIM, READ = 1_000_000, 512, 4_000


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        return [extraction(Path(folder)), bank_reading(Path(folder))]


def extraction(folder: Path) -> Row:
    clip = load_clip(ClipParams(model="ViT-B-32", pretrained="random"))
    crops = _photos(folder / "photos")
    batches = [torch.randn(BATCH, 3, 224, 224) for _ in range(PHOTOS * CROPS // BATCH)]
    _bare(clip, batches[:1])
    ours, bare = [], []
    for turn in range(ROUNDS):
        bare.append(_seconds(lambda: _bare(clip, batches)))
        ours.append(_seconds(lambda: _extract(clip, folder, crops, turn)))  # noqa: B023  called at once
    seconds, reference = min(ours), min(bare)
    ratio = reference / seconds
    note = f"{PHOTOS * CROPS / seconds:.1f} crops/s with decoding, {PHOTOS * CROPS / reference:.1f} without"
    return Row(
        "feature extraction, share of the bare ViT-B/32's rate", seconds, reference, ratio, "≥ 0.9", ratio >= 0.9, note
    )


def bank_reading(folder: Path) -> Row:
    """Random rows of a bank of 1 GB, in a process of its own, so that its peak memory is that of the reading."""
    with FeatureBankWriter(folder / "bank", DIM) as writer:
        block_ND = np.random.default_rng(0).standard_normal((20_000, DIM)).astype(np.float16)
        for first in range(0, ROWS, len(block_ND)):
            writer.append([str(row) for row in range(first, first + len(block_ND))], block_ND)
        writer.finish()
    command = [sys.executable, "-c", _READ, str(folder / "bank"), str(READ)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    ratio = ROWS * DIM * 2 / found["bytes"]
    note = f"{READ} rows of a bank of {ROWS * DIM * 2 / 1e9:.2g} GB add {found['bytes'] / 1e6:.0f} MB at the peak"
    return Row("bank size over memory for a read", found["rows"], found["whole"], ratio, "≥ 8", ratio >= 8, note)


_READ = """
import json, sys, time
from pathlib import Path
import numpy as np
from visual_relations.artefacts.feature_bank import FeatureBank
bank = FeatureBank.open(sys.argv[1])
index = np.random.default_rng(1).integers(0, len(bank), int(sys.argv[2]))
def kilobytes(name):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if name in line)
bank.rows([0])
Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew
before = kilobytes("VmRSS")
start = time.perf_counter(); bank.rows(index); rows = time.perf_counter() - start
peak = kilobytes("VmHWM")
start = time.perf_counter(); bank.rows(slice(None)); whole = time.perf_counter() - start
print(json.dumps({"bytes": max(peak - before, 1) * 1024, "rows": rows, "whole": whole}))
"""


def _photos(folder: Path) -> pl.DataFrame:
    folder.mkdir()
    random = np.random.default_rng(0)
    rows = []
    for number in range(PHOTOS):
        noise = Image.fromarray(random.integers(0, 255, (375, 500, 3), np.uint8))
        noise.filter(ImageFilter.GaussianBlur(2)).save(folder / f"{number}.jpg", quality=90)
        for crop in range(CROPS):
            left, top = random.integers(0, 150, 2)
            box = (left, top, left + random.integers(150, 340), top + random.integers(120, 220))
            rows.append((str(number), f"{number}.jpg", 500, 375, *map(float, box), [f"{number}:{crop}"]))
    return pl.DataFrame(rows, schema=["image_id", "file_name", "width", "height", *BOX, "ids"], orient="row")


def _bare(clip: FrozenClip, batches: list[torch.Tensor]) -> None:
    with torch.no_grad():
        for batch in batches:
            clip.model.encode_image(batch)


def _extract(clip: FrozenClip, folder: Path, crops: pl.DataFrame, turn: int) -> None:
    with FeatureBankWriter(folder / f"turn {turn}", clip.dim) as writer:
        photos = ImageFolder(folder / "photos")
        encode_crops(clip, clip.preprocess, photos, crops, writer, batch_size=BATCH, threads=2, description="benchmark")


def _seconds(function: object) -> float:
    start = time.perf_counter()
    function()  # type: ignore[operator]
    return time.perf_counter() - start


if __name__ == "__main__":
    raise SystemExit(0 if show(run()) else 1)
