"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# No test may reach out: telemetry and model hubs are off before anything is imported.
os.environ.update(DO_NOT_TRACK="1", HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")


def _folder(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable) or ROOT / default).resolve()
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here; set ${variable} to the folder to run this test")
    return folder


@pytest.fixture(scope="session")
def goldens() -> Path:
    """Reference outputs of the original programs ($VISUAL_RELATIONS_GOLDENS, default ../shared/goldens)."""
    return _folder("VISUAL_RELATIONS_GOLDENS", "../shared/goldens")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real annotations, photos and features ($VISUAL_RELATIONS_DATA, default ../shared/data)."""
    return _folder("VISUAL_RELATIONS_DATA", "../shared/data")


@dataclass(frozen=True)
class Project:
    """A temporary copy of the project with an empty data folder, for runs of the real command."""

    path: Path

    def run(self, *arguments: str, check: bool = True, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        """Run `kedro run …` in a subprocess; on failure the test shows the end of its output."""
        return self.kedro("run", *arguments, check=check, timeout=timeout)

    def kedro(self, *arguments: str, check: bool = True, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        """Run `kedro …` in a subprocess."""
        done = subprocess.run(
            self.command(*arguments), cwd=self.path, capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode:
            pytest.fail(f"kedro {' '.join(arguments)} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done

    @staticmethod
    def command(*arguments: str) -> list[str]:
        """The command line that `kedro` runs, for tests that start and kill it themselves."""
        return [sys.executable, "-m", "kedro", *arguments]


def make_project(path: Path) -> Project:
    """Lay out a copy of the project below `path`: configuration copied, the sample world linked, no other data."""
    shutil.copytree(ROOT / "conf", path / "conf")
    shutil.copy(ROOT / "pyproject.toml", path)
    # Copied, not linked: kedro refuses a source folder that lies outside the project.
    shutil.copytree(ROOT / "src", path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    (path / "data" / "01_raw").mkdir(parents=True)
    (path / "data" / "01_raw" / "sample_world").symlink_to(ROOT / "data" / "01_raw" / "sample_world")
    return Project(path)


@pytest.fixture
def fresh_project(tmp_path: Path) -> Project:
    """A fresh clone for one test."""
    return make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Project]:
    """Make further fresh clones by name, also for fixtures of a wider scope."""
    return lambda name: make_project(tmp_path_factory.mktemp(name) / "project")


@pytest.fixture
def released_folder(tmp_path: Path) -> Path:
    """A small folder in the format of CREPE's published features: the predicate shows in boxes and picture."""
    import json

    import numpy as np

    rng = np.random.default_rng(0)
    names = ["above", "under", "beside", "inside"]  # "inside" is in the test split only
    folder = tmp_path / "released"
    folder.mkdir()
    np.save(folder / "labels_CLIP.npy", rng.standard_normal((6, 1, 16)).astype(np.float16))
    directions = 4 * rng.standard_normal((len(names), 16))
    for split, n_images in (("train", 150), ("test", 60)):
        records, unions = [], []
        for image in range(n_images):
            for _ in range(2):
                predicate = int(rng.choice(4, p=[0.5, 0.3, 0.2, 0.0] if split == "train" else [0.4, 0.3, 0.2, 0.1]))
                x, y = rng.integers(0, 100, 2).tolist()
                dy = {0: 120, 1: -120, 2: 0, 3: 10}[predicate] + int(rng.integers(-9, 9))
                subject, target = [x, 200 + y, x + 60, 260 + y], [x + 5, 200 + y + dy, x + 80, 270 + y + dy]
                records.append(
                    {
                        "img_name": f"{split}{image}.jpg",
                        "im_width": 600,  # swapped, as published
                        "im_height": 800,
                        "sub_bbox": subject,
                        "obj_bbox": target,
                        "sub_id": int(rng.integers(0, 6)),
                        "obj_id": int(rng.integers(0, 6)),
                        "gt_predicate_id": predicate,
                        "predicate": names[predicate],
                    }
                )
                unions.append(directions[predicate] + rng.standard_normal(16))
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        np.savez(
            folder / f"{split}.npz",
            union_image=np.array(unions).astype(np.float16),
            pseudo_text_bank=rng.standard_normal((9, 16)).astype(np.float16),
            pseudo_text_index=rng.integers(0, 9, len(records)).astype(np.int32),
        )
    return folder
