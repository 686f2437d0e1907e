"""`kill -9` in the middle of a training, the same command again: the same weights, bit for bit."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = (
    "run",
    "--pipelines=relation_pretraining",
    "--env=test",
    "--to-nodes=pretrain_rex_vlm",
    "--params=relation_pretraining.quick_steps=30,relation_pretraining.training.checkpoint_every_steps=5,"
    "relation_pretraining.training.threads=1",
)
STAGES = ("pretrain.language/*/step-*", "pretrain.REX-VLM.seed_0/*/step-*")


def weights(project) -> dict[str, bytes]:
    (folder,) = (project.path / "data/06_models/test/rex_vlm_models").iterdir()
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.safetensors")}
    assert {name.split("/")[-2] for name in files} == {"seed_0", "seed_0_best"}
    return files


def kill_at(project, work: Path, stage: str) -> None:
    """Start the command, kill it when the stage has a checkpoint."""
    with (project.path / "killed.log").open("w") as log:
        process = subprocess.Popen(project.command(*COMMAND), cwd=project.path, stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 600
    while not list(work.glob(stage)):
        assert process.poll() is None, (project.path / "killed.log").read_text()[-3000:]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()


@pytest.mark.slow
def test_a_killed_training_ends_with_the_weights_of_an_unbroken_one(new_project: Callable[[str], object]) -> None:
    unbroken, killed = new_project("unbroken"), new_project("killed")
    unbroken.kedro(*COMMAND)
    work = killed.path / "data/05_model_input/test/.work"
    for stage in STAGES:
        kill_at(killed, work, stage)
    assert not (killed.path / "data/06_models/test/rex_vlm_models").exists()
    killed.kedro(*COMMAND)
    assert weights(killed) == weights(unbroken)
