"""Run a study: each worker asks for a configuration, trains it under some seeds and tells the median.

A study continues wherever it was left: finished trials stay, those of a killed worker are run again, and it ends after
`n_trials` in all. With one worker the same seed gives the same study: the sampler is seeded anew for every trial, so it
does not matter how many runs a study took.
"""

from __future__ import annotations

import gc
import logging
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import optuna
from optuna.study import Study
from optuna.trial import Trial, TrialState

from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.tuning.params import Choice, FloatRange, Range, StudyParams, Value
from visual_relations.tuning.storage import StudyStore
from visual_relations.tuning.workers import GRACE, KIND, WORKER, queue_again, retry_abandoned, this_worker

logger = logging.getLogger(__name__)

STEPS_PER_SEED = 10_000_000  # more than a training has; steps of one training are numbered from seed index times this
COUNTED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.WAITING)


class InfeasibleError(Exception):
    """A configuration that cannot be trained at all; its trial counts as pruned, with the reason."""


@dataclass(frozen=True)
class Outcome:
    """What one training of a configuration gave.

    Attributes:
        value: Of the study's metric, on validation data.
        parameters: Trainable ones.
        details: Further numbers for the table of trials.
    """

    value: float
    parameters: int | None = None
    details: Mapping[str, float] | None = None


class Objective(Protocol):
    """Train and validate one configuration. It must see training and validation data only."""

    def __call__(self, values: dict[str, Value], seed: int, report: Callable[[int, float], None]) -> Outcome:
        """Train under a seed; `report(step, value)` intermediate values may stop the trial."""
        ...


def study_name(params: StudyParams, *data: object) -> str:
    """Name of the stored study: another space, seed or input makes another study, so that all its trials compare."""
    return f"{params.name}-{fingerprint(params.comparable, *data)[:10]}"


def open_study(store: StudyStore, name: str, params: StudyParams) -> Study:
    """Open a study, or create it with the baseline and the sweep queued first.

    Only the process that created the study queues them; the others wait for it, lest a configuration be queued twice.
    """
    storage = store.open()
    try:
        study = optuna.create_study(
            storage=storage, study_name=name, direction=params.direction, pruner=_pruner(params)
        )
    except optuna.exceptions.DuplicatedStudyError:
        study = optuna.load_study(storage=storage, study_name=name, pruner=_pruner(params))
        if _is_planned(study, len(_planned(params))):
            return study
    for kind, values in _planned(params):
        study.enqueue_trial(values, {KIND: kind}, skip_if_exists=True)
    return study


def _is_planned(study: Study, n_planned: int) -> bool:
    """Whether its creator queued the planned trials; one that was killed at it has not, after some time."""
    end = time.monotonic() + GRACE.total_seconds()
    while len(study.get_trials(deepcopy=False)) < n_planned:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def run_study(study: Study, params: StudyParams, objective: Objective) -> None:
    """Work on a study until it has its trials or the time is up; any number of processes may do so at once."""
    end = None if params.timeout_minutes is None else time.monotonic() + 60 * params.timeout_minutes
    worker = this_worker()
    while end is None or time.monotonic() < end:
        for number in retry_abandoned(study):
            logger.info("Study %s: trial %d was interrupted; its configuration is run again", study.study_name, number)
        trials = study.get_trials(deepcopy=False, states=COUNTED)
        if sum(trial.state != TrialState.WAITING for trial in trials) >= params.n_trials:
            return
        trial = study.ask()
        trial.set_user_attr(WORKER, worker)
        if (rank := _rank(study, trial)) >= params.n_trials:
            study.tell(trial, state=TrialState.FAIL)  # workers that asked at the same moment began too many
            return
        study.sampler = _sampler(params, rank)  # values are drawn when they are asked for
        _run_trial(study, trial, params, objective)


def _run_trial(study: Study, trial: Trial, params: StudyParams, objective: Objective) -> None:
    values = {name: _suggest(trial, name, space) for name, space in params.search_space.items()}
    if KIND not in trial.user_attrs:
        trial.set_user_attr(KIND, "search")
    try:
        value = _train(trial, values, params, objective)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
        logger.info("Study %s: trial %d stopped early, %s", study.study_name, trial.number, values)
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            queue_again(study, study.tell(trial, state=TrialState.FAIL))  # run it when the cause is mended
            raise
        trial.set_user_attr("reason", reason)
        study.tell(trial, state=TrialState.PRUNED)
        logger.warning("Study %s: trial %d, %s: %s", study.study_name, trial.number, values, reason)
    else:
        study.tell(trial, value)
        logger.info("Study %s: trial %d, %s %.4f, %s", study.study_name, trial.number, params.metric, value, values)
    finally:
        _free_memory()


def _train(trial: Trial, values: dict[str, Value], params: StudyParams, objective: Objective) -> float:
    outcomes, start = [], time.perf_counter()
    for index in range(params.seeds_per_trial):
        outcome = objective(values, params.seed + index, _reporter(trial, index, params))
        outcomes.append(outcome)
        trial.set_user_attr("values", [outcome.value for outcome in outcomes])
        if params.pruner == "wilcoxon":
            trial.report(outcome.value, index)
        elif params.pruner == "median":
            trial.report(statistics.median(o.value for o in outcomes), (index + 1) * STEPS_PER_SEED - 1)
        if index + 1 < params.seeds_per_trial and trial.should_prune():
            raise optuna.TrialPruned
    seconds = (time.perf_counter() - start) / len(outcomes)
    _note_costs(trial, seconds, outcomes[-1], params)
    return statistics.median(outcome.value for outcome in outcomes)


def _reporter(trial: Trial, index: int, params: StudyParams) -> Callable[[int, float], None]:
    def report(step: int, value: float) -> None:
        if params.pruner != "median" or step >= STEPS_PER_SEED - 1:
            return
        trial.report(value, index * STEPS_PER_SEED + step)
        if trial.should_prune():
            raise optuna.TrialPruned

    return report


def _note_costs(trial: Trial, seconds: float, outcome: Outcome, params: StudyParams) -> None:
    trial.set_user_attr("seconds", round(seconds, 3))
    for name, value in (outcome.details or {}).items():
        trial.set_user_attr(name, value)
    if params.limits.seconds is not None:
        trial.set_constraint("seconds", seconds - params.limits.seconds)
    if outcome.parameters is not None:
        trial.set_user_attr("parameters", outcome.parameters)
        if params.limits.parameters is not None:
            trial.set_constraint("parameters", outcome.parameters - params.limits.parameters)


def _planned(params: StudyParams) -> list[tuple[str, dict[str, Value]]]:
    planned = [("baseline", dict(params.baseline))]
    if params.sweep:
        name, base = params.sweep.parameter, params.baseline
        planned += [("sweep", base | {name: value}) for value in params.sweep.values if value != base[name]]
    return planned


def _rank(study: Study, trial: Trial) -> int:
    """How many trials that count come before this one.

    No two trials have the same, so no two workers draw with the same seed; a repeated trial takes the place of the one
    that was interrupted, so a killed worker changes nothing in the draws after it.
    """
    return sum(other.number < trial.number for other in study.get_trials(deepcopy=False, states=COUNTED))


def _suggest(trial: Trial, name: str, space: Range) -> Value:
    if isinstance(space, Choice):
        chosen: Value = trial.suggest_categorical(name, space.values)
        return chosen
    if isinstance(space, FloatRange):
        return trial.suggest_float(name, space.low, space.high, log=space.log)
    return trial.suggest_int(name, space.low, space.high, step=space.step, log=space.log)


def _sampler(params: StudyParams, rank: int) -> optuna.samplers.BaseSampler:
    seed = int(np.random.SeedSequence([params.seed, rank]).generate_state(1)[0])
    if params.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=params.startup_trials, multivariate=True)


def _pruner(params: StudyParams) -> optuna.pruners.BasePruner:
    if params.pruner == "wilcoxon":
        return optuna.pruners.WilcoxonPruner(n_startup_steps=2)
    if params.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=params.startup_trials)
    return optuna.pruners.NopPruner()


def _reason(error: Exception) -> str | None:
    """Why a configuration is given up; None for an error that is nobody's configuration."""
    if isinstance(error, InfeasibleError):
        return str(error)
    text = str(error).lower() if isinstance(error, RuntimeError) else ""
    full = isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text
    return "out of memory" if full else None


def _free_memory() -> None:
    gc.collect()
    if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
