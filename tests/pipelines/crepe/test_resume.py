"""`kill -9` in the middle of either training stage, the same command again: the same predictions, bit for bit."""

from __future__ import annotations

import shutil
import subprocess
import time

import polars as pl
import pytest

LOOP = "crepe.prompt_learner.ours.contrastive.loop"
COMMAND = (
    "run",
    "--pipelines=crepe",
    "--env=test",
    f"--params={LOOP}.steps=30,{LOOP}.checkpoint_every_steps=5,crepe.relation_heads.ours.training.loop.device=cpu",
)
STAGES = ("crepe.prompt_learner/*/step-*", "crepe.crepe.annotated_pairs.seed_0/*/step-*")


def results(project):
    (metrics,) = (project.path / "data/08_reporting/test/relation_metrics.parquet").glob("*/*.parquet")
    predictions = project.path / "data/07_model_output/test/relation_predictions.parquet"
    return pl.read_parquet(predictions), pl.read_parquet(metrics)


def forget_training(project):
    data = project.path / "data"
    for folder in ("05_model_input/test/.work", "06_models", "07_model_output", "08_reporting"):
        shutil.rmtree(data / folder)
    for folder in ("prompt_text_features", "handcrafted_text_features"):
        shutil.rmtree(data / "05_model_input/test" / folder)


def kill_at(project, stage):
    """Start the command, kill it when the stage has a checkpoint."""
    work = project.path / "data/05_model_input/test/.work"
    log = (project.path / "killed.log").open("w")
    process = subprocess.Popen(project.command(*COMMAND), cwd=project.path, stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 600
    while not list(work.glob(stage)):
        assert process.poll() is None, (project.path / "killed.log").read_text()[-3000:]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()


@pytest.mark.slow
def test_a_killed_training_continues_to_the_same_result(fresh_project):
    fresh_project.kedro(*COMMAND)
    predictions, metrics = results(fresh_project)
    forget_training(fresh_project)
    for stage in STAGES:
        kill_at(fresh_project, stage)
    fresh_project.kedro(*COMMAND)
    resumed_predictions, resumed_metrics = results(fresh_project)
    assert resumed_predictions.equals(predictions)
    assert resumed_metrics.equals(metrics)
