"""Studies continue where they were left, whoever works on them, and end with the trials that were asked for."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from optuna.trial import TrialState

from visual_relations.tuning.params import StudyParams
from visual_relations.tuning.storage import StudyStore
from visual_relations.tuning.study import InfeasibleError, Outcome, open_study, run_study, study_name
from visual_relations.tuning.table import best_values, study_state, trial_table
from visual_relations.tuning.workers import RETRY_OF, WORKER, retry_abandoned, this_worker

BASE = {
    "name": "toy",
    "metric": "score",
    "n_trials": 7,
    "baseline": {"x": 0.5, "n": 4, "kind": "a"},
    "sweep": {"parameter": "n", "values": [1, 2, 4, 8]},
    "search_space": {
        "x": {"kind": "float", "low": 0.0, "high": 1.0},
        "n": {"kind": "int", "low": 1, "high": 16, "log": True},
        "kind": {"kind": "choice", "values": ["a", "b"]},
    },
}


def objective(values, seed, report):
    return Outcome(values["x"] + values["n"] / 100 + seed / 1000, parameters=values["n"])


def run(store, params, work=objective, **changes):
    params = StudyParams.model_validate({**params, **changes})
    study = open_study(store, study_name(params, "data"), params)
    run_study(study, params, work)
    return study


@pytest.fixture
def store(tmp_path):
    return StudyStore(str(tmp_path / "studies.log"))


def configurations(study, *states):
    return [trial.params for trial in study.get_trials(states=states or (TrialState.COMPLETE,))]


def test_baseline_and_sweep_come_first(store):
    table = trial_table(run(store, BASE))
    assert table["kind"].to_list() == ["baseline", "sweep", "sweep", "sweep", "search", "search", "search"]
    assert table["params.n"].head(4).to_list() == [4, 1, 2, 8]
    assert table["params.x"].head(4).to_list() == [0.5] * 4


def test_more_trials_are_added_to_those_there_are(store):
    first = configurations(run(store, BASE, n_trials=3))
    study = run(store, BASE, n_trials=6)
    assert configurations(study)[:3] == first
    assert len(configurations(study)) == 6
    assert len(configurations(run(store, BASE, n_trials=6))) == 6


def test_one_worker_and_one_seed_make_the_same_study_in_one_run_or_in_three(store, tmp_path):
    whole = configurations(run(StudyStore(str(tmp_path / "other.log")), BASE, n_trials=12, startup_trials=5))
    for n_trials in (2, 7, 12):
        study = run(store, BASE, n_trials=n_trials, startup_trials=5)
    assert configurations(study) == whole
    assert configurations(run(StudyStore(str(tmp_path / "third.log")), BASE, n_trials=12, seed=1)) != whole


def test_other_input_or_space_is_another_study():
    params = StudyParams.model_validate(BASE)
    assert study_name(params, "data") == study_name(params.model_copy(update={"n_trials": 99}), "data")
    assert study_name(params, "data") != study_name(params, "other data")
    assert study_name(params, "data") != study_name(params.model_copy(update={"seed": 9}), "data")


def test_the_value_is_the_median_over_the_same_seeds(store):
    table = trial_table(run(store, BASE, seeds_per_trial=3, n_trials=1))
    assert table["values"].to_list()[0] == pytest.approx([0.54, 0.541, 0.542])
    assert table["value"].item() == pytest.approx(0.541)


WORKER_SCRIPT = textwrap.dedent(
    """
    import sys, time
    sys.path.insert(0, {tests!r})
    from test_study import BASE, objective, run, StudyStore
    def slow(values, seed, report):
        time.sleep({seconds})
        return objective(values, seed, report)
    run(StudyStore({place!r}), BASE, slow)
    """
)


def start_worker(store, seconds):
    tests = str(Path(__file__).parent)
    script = WORKER_SCRIPT.format(tests=tests, seconds=seconds, place=store.place)
    return subprocess.Popen([sys.executable, "-c", script])


def wait_for(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("the worker did not get there")


def test_a_killed_worker_loses_no_trial_and_repeats_none(store, tmp_path):
    params = StudyParams.model_validate(BASE)
    worker = start_worker(store, 0.3)

    def two_done():
        if not (tmp_path / "studies.log").exists():
            return False
        study = open_study(store, study_name(params, "data"), params)
        running = study.get_trials(states=(TrialState.RUNNING,))
        return len(configurations(study)) >= 2 and any(WORKER in trial.user_attrs for trial in running)

    wait_for(two_done)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    study = run(store, BASE)
    complete = configurations(study)
    unbroken = configurations(run(StudyStore(str(tmp_path / "unbroken.log")), BASE))
    assert sorted(map(str, complete)) == sorted(map(str, unbroken))
    assert len({str(values) for values in complete}) == BASE["n_trials"]
    (failed,) = study.get_trials(states=(TrialState.FAIL,))
    (retried,) = [t for t in study.get_trials() if t.user_attrs.get(RETRY_OF) == failed.number]
    assert retried.state == TrialState.COMPLETE
    assert retried.params == failed.params
    assert study_state(study)["trials"] == {"complete": 7, "fail": 1, "pruned": 0, "running": 0, "waiting": 0}


def test_workers_that_open_a_new_study_at_once_queue_its_plan_once(store):
    params = StudyParams.model_validate(BASE)
    with ThreadPoolExecutor(8) as pool:
        studies = list(pool.map(lambda _: open_study(store, "toy", params), range(8)))
    assert [trial.system_attrs["fixed_params"]["n"] for trial in studies[0].get_trials()] == [4, 1, 2, 8]


def test_trials_that_run_at_the_same_time_draw_different_values(store):
    """The second worker asks while the first is at its trial."""
    drawn = []

    def nested(values, seed, report):
        drawn.append(values)
        if len(drawn) == 1:
            run(store, BASE, nested, sweep=None, n_trials=3)
        return objective(values, seed, report)

    run(store, BASE, nested, sweep=None, n_trials=3)
    assert len(drawn) == len({str(values) for values in drawn}) == 3


def test_two_workers_share_a_study_without_duplicates(store):
    workers = [start_worker(store, 0.05) for _ in range(2)]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    study = run(store, BASE)
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    assert len(complete) == BASE["n_trials"]
    assert len({str(trial.params) for trial in complete}) == len(complete)
    assert len({trial.user_attrs[WORKER] for trial in complete}) <= 3


def test_a_living_workers_trial_is_left_alone_and_a_dead_ones_is_not(store):
    params = StudyParams.model_validate(BASE)
    study = open_study(store, "toy", params)
    mine, dead = study.ask(), study.ask()
    mine.set_user_attr(WORKER, this_worker())
    host, pid, started = this_worker().rsplit(":", 2)
    dead.set_user_attr(WORKER, f"{host}:{pid}:{int(started or 0) + 1}")  # the number was given to another process
    far = study.ask()
    far.set_user_attr(WORKER, f"elsewhere:{pid}:{started}")
    assert retry_abandoned(study) == [dead.number]
    assert retry_abandoned(study, datetime.now() + timedelta(hours=7)) == [far.number]


def test_a_trial_out_of_memory_is_pruned_and_the_study_goes_on(store):
    def hungry(values, seed, report):
        if values["n"] == 8:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return objective(values, seed, report)

    table = trial_table(run(store, BASE, hungry))
    assert table.filter(state="pruned")["reason"].to_list() == ["out of memory"]
    assert table.height == BASE["n_trials"]


def test_a_configuration_that_cannot_be_trained_is_pruned_with_its_reason(store):
    def strict(values, seed, report):
        if values["n"] == 2:
            raise InfeasibleError("no room")
        return objective(values, seed, report)

    table = trial_table(run(store, BASE, strict))
    infeasible = (table["params.n"] == 2).to_list()  # the sweep asks for it once, the sampler once more
    assert (table["state"] == "pruned").to_list() == infeasible
    assert table.filter(state="pruned")["reason"].to_list() == ["no room"] * sum(infeasible)
    assert any(infeasible)


def test_an_error_surfaces_and_its_configuration_is_run_when_it_is_mended(store):
    def broken(values, seed, report):
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        run(store, BASE, broken)
    study = run(store, BASE)
    assert BASE["baseline"] in configurations(study)
    assert len(configurations(study)) == BASE["n_trials"]


def test_what_is_behind_the_median_is_stopped_early(store):
    def curves(values, seed, report):
        for step in range(5):
            report(step, values["x"])
        return Outcome(values["x"])

    study = run(store, BASE, curves, startup_trials=2, n_trials=15, pruner="median", sweep=None)
    states = trial_table(study)["state"].to_list()
    assert states.count("pruned") > 0
    assert states.count("pruned") + states.count("complete") == 15


def test_what_is_too_costly_cannot_be_the_best(store):
    study = run(store, BASE, limits={"parameters": 4})
    assert best_values(study)["n"] <= 4
    assert not trial_table(study).filter(pl.col("params.n") > 4)["feasible"].any()


def test_a_study_without_a_complete_trial_says_so(store):
    params = StudyParams.model_validate(BASE)
    with pytest.raises(ValueError, match="no complete trial"):
        best_values(open_study(store, "toy", params))


def test_a_database_url_is_opened_as_a_database(tmp_path):
    store = StudyStore(f"sqlite:///{tmp_path / 'study.db'}")
    assert store.is_database
    assert len(configurations(run(store, BASE, n_trials=2))) == 2


def test_time_up_begins_no_trial(store):
    assert configurations(run(store, BASE, timeout_minutes=1e-9)) == []
