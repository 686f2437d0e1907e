"""`kedro tune crepe --workers 2` from a fresh clone: all outputs, no trial lost or repeated, usable parameters."""

from __future__ import annotations

import polars as pl
import pytest
import yaml

from visual_relations.pipelines.crepe.params import CrepeParams


@pytest.mark.slow
def test_two_workers_fill_a_study_and_the_best_parameters_run(fresh_project):
    fresh_project.kedro("tune", "crepe", "--workers=2", "--env=test")
    (trials_file,) = (fresh_project.path / "data/08_reporting/test/crepe_trials.parquet").glob("*/*.parquet")
    trials = pl.read_parquet(trials_file)
    wanted = yaml.safe_load((fresh_project.path / "conf/test/crepe_tuning/parameters.yml").read_text())
    counted = trials.filter(pl.col("state").is_in(["complete", "pruned"]))
    assert counted.height == wanted["crepe_tuning"]["study"]["n_trials"]
    assert counted.unique(searched(trials)).height == counted.height
    (best_file,) = (fresh_project.path / "data/06_models/test/crepe_best_parameters.yml").glob("*/*.yml")
    base = yaml.safe_load(
        (fresh_project.path / "conf/base/crepe/parameters.yml").read_text().replace("${globals:world}", "w")
    )
    best = yaml.safe_load(best_file.read_text())["crepe"]
    for part, values in best.items():
        base["crepe"][part] |= values
    CrepeParams.model_validate(base["crepe"])


def searched(trials):
    return [name for name in trials.columns if name.startswith("params.")]
